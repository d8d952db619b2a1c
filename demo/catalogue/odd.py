"""Simple products that are odd on purpose: each trap a real shop was recorded to hold."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from demo.catalogue.bench import UNCATEGORIZED, Bench, attribute
from demo.catalogue.families import Family
from demo.catalogue.ordinary import make_variable
from demo.catalogue.records import AS_OF, Attribute, Meta, Product
from demo.catalogue.words import COLORS

LONG_AGO = datetime(2018, 12, 31, 23, tzinfo=UTC)
# Far enough for every clock, in winter so that no change to daylight saving moves it.
FAR_AHEAD = datetime(2041, 1, 15, 15, tzinfo=UTC)
MISSING = 99_999_998  # an id that no shop reaches
_SCRIPT: Final = {
    "name": 'Odd <script>alert(1)</script> & "q" &amp; é 𝄞',
    "description": "<p onclick=alert(2)>Plain</p><script>alert(3)</script>",
}
_UNPRICED: Final = {"regular_price": ""}
_PAST: Final = {
    "sale_from_at": AS_OF - timedelta(days=60),
    "sale_to_at": AS_OF - timedelta(days=30),
}
_AHEAD: Final = {"sale_from_at": FAR_AHEAD, "sale_to_at": FAR_AHEAD + timedelta(days=7)}
_META_300: Final = tuple(Meta(900_000 + i, f"_key_{i}", f"value {i}") for i in range(300))
_BACKDATED: Final = {"created_at": LONG_AGO, "modified_at": LONG_AGO}
_SCHEDULED: Final = {"status": "future", "created_at": FAR_AHEAD, "modified_at": FAR_AHEAD}

# Kind, SKU, and what differs from an ordinary product at 5 that manages no stock.
SIMPLE: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("no_sku", "", {}),
    ("no_price", "ODD-NOPRICE", _UNPRICED),
    ("sku_slash", "ODD/1 2", {}),
    ("sku_plus", "ODD+3&4", {}),
    ("sku_percent", "ODD%20", {}),
    ("sku_hash", "ODD#5?x=1", {}),
    ("sku_unicode", "ODD-Ünï-ブ", {}),
    ("sku_zeros", "000123", {}),
    ("sku_number", "123", {}),
    ("sku_quote", "ODD-\"q'", {}),
    ("sku_comma", "ODD,A", {}),
    ("sku_angle", "ODD<b>", {}),
    ("sku_long", "ODD-" + "X" * 96, {}),
    ("sku_space_tail", " ODD-SP ", {}),
    ("sku_dup_1", "ODD-DUP", {}),
    ("sku_dup_2", "ODD-DUP", {"regular_price": "6"}),
    ("price_zero", "ODD-P0", {"regular_price": "0"}),
    ("price_3dec", "ODD-P3", {"regular_price": "0.125"}),
    ("price_4dec", "ODD-P4", {"regular_price": "1.2345"}),
    ("price_big", "ODD-PB", {"regular_price": "12345678901.99"}),
    ("price_negative", "ODD-PN", {"regular_price": "-5"}),
    ("price_comma_in_db", "ODD-PC", {"regular_price": "1250"}),  # was entered as 12,50
    ("price_stale", "ODD-PS", {"regular_price": "9", "stored_price": "5"}),
    ("sale_zero", "ODD-S0", {"sale_price": "0"}),
    ("sale_future", "ODD-SF", {"sale_price": "4", **_AHEAD}),
    ("sale_past", "ODD-SX", {"sale_price": "4", **_PAST}),
    ("stock_null_managed", "ODD-SN", {"manages_stock": True, "stock_status": "outofstock"}),
    ("stock_negative", "ODD-NEG", {"manages_stock": True, "stock_quantity": -4, "backorders": "yes",
                                   "stock_status": "onbackorder"}),
    ("stock_qty_unmanaged", "ODD-SU", {"stock_status": "outofstock"}),
    # What the database holds is odd, what REST makes of it is not.
    ("stock_decimal_in_db", "ODD-SD", {"manages_stock": True, "stock_quantity": 2}),
    ("stock_status_odd", "ODD-SO", {}),
    ("price_text_in_db", "ODD-PT", _UNPRICED),
    ("sale_above_regular", "ODD-SA", {}),
    ("image_gone", "ODD-IG", {}),
    ("type_unknown", "ODD-TY", {}),
    ("hidden", "ODD-HID", {"visibility": "hidden"}),
    ("password", "ODD-PW", {"password": "x"}),
    ("description_200k", "ODD-D2", {"description": "<p>Kept forever.</p>" * 10_000}),
    ("script_in_description", "ODD-SC", _SCRIPT),
    ("name_empty", "ODD-NE", {"name": "Product"}),
    ("meta_300", "ODD-M3", {"meta": _META_300}),
    ("modified_zero", "ODD-MZ", {"status": "draft", "created_at": None, "modified_at": None}),
    ("status_plugin", "ODD-ST", {"status": "archived"}),
    ("tax_class_unknown", "ODD-TC", {"tax_class": "no-such-class"}),
    ("gtin_bad", "ODD-GT", {"gtin": "12-34"}),
    ("created_backdated", "ODD-BD", _BACKDATED),
    ("created_future", "ODD-FU", _SCHEDULED),
    ("two_brands", "ODD-B2", {}),
    ("external", "ODD-X", {"type": "external", "external_url": "https://partner.example/item",
                           "button_text": "Buy there"}),
    ("external_no_url", "ODD-XN", {"type": "external"}),
    ("grouped_missing_child", "ODD-G", {**_UNPRICED, "type": "grouped", "grouped_ids": (MISSING,)}),
    ("variable_no_variations", "ODD-V0", {**_UNPRICED, "type": "variable"}),
    ("simple_turned_variable", "ODD-TV", {**_UNPRICED, "type": "variable", "total_sales": 12}),
)  # fmt: skip


def add_odd_simples(bench: Bench) -> None:
    """Add one record for each kind in `SIMPLE`."""
    for kind, sku, differs in SIMPLE:
        product = _plain(bench, kind, sku)
        for name, value in differs.items():
            setattr(product, name, value)
        _note(bench, kind, product)
    odd = bench.catalogue.products[bench.catalogue.odd["two_brands"]]
    odd.brand_ids = tuple(bench.brand_ids[2:4])


def add_odd_variables(bench: Bench, family: Family) -> None:
    """Add the variable products whose structure is odd."""
    parent = _variable(bench, "variable_sku_parent", "ODD-VP")
    _note(bench, "variation_no_own_sku", _variation(bench, parent, "S", sku=""))
    _note(bench, "variation_no_price", _variation(bench, parent, "M", sku="ODD-VNP", price=""))
    _note(
        bench, "variation_private", _variation(bench, parent, "L", sku="ODD-VPR", status="private")
    )
    _note(bench, "variation_any", _variation(bench, parent, "", sku="ODD-ANY"))
    draft = _variable(bench, "variable_draft_parent", "ODD-VD", status="draft")
    _note(bench, "variation_of_draft_parent", _variation(bench, draft, "S", sku="ODD-VD-S"))
    nameless = _variable(bench, "variable_without_sku", "")
    _note(bench, "variation_no_sku_at_all", _variation(bench, nameless, "S", sku=""))
    stocked = _variable(bench, "variable_manages_stock", "ODD-VS")
    stocked.manages_stock, stocked.stock_quantity = True, 7
    for size, kind in (("S", "variation_parent_managed"), ("M", "variation_parent_managed_2")):
        variation = _variation(bench, stocked, size, sku=f"ODD-VS-{size}")
        variation.manages_stock = "parent"
        _note(bench, kind, variation)
    orphan = _variation(bench, parent, "XL", sku="ODD-ORPH")
    orphan.parent_id, orphan.name, orphan.options = 0, "", ()
    parent.variation_ids = parent.variation_ids[:-1]
    _note(bench, "variation_orphan", orphan)
    _trashed_variable(bench, family)


def add_130_variations(bench: Bench) -> None:
    """Add a variable product whose variations fill two pages: 13 colors in 10 sizes."""
    parent = _variable(bench, "variable_130", "ODD-130")
    sizes = tuple(f"{inches} in" for inches in range(10, 20))
    color = attribute((1, "Color"), *(c[0] for c in COLORS[:13]), varies=True)
    size = attribute((2, "Size"), *sizes, varies=True)
    parent.attributes = (color, size)
    for name, code, _ in COLORS[:13]:
        for inches in sizes:
            sku = f"ODD-130-{code}-{inches[:2]}"
            variation = _variation(bench, parent, "", sku=sku)
            variation.name, variation.options = f"{name}, {inches}", ((color, name), (size, inches))


def _plain(bench: Bench, kind: str, sku: str) -> Product:
    new_id = bench.next_id()
    slug = f"odd-{kind.replace('_', '-')}"
    name = f"Odd {kind.replace('_', ' ')}"
    product = Product(id=new_id, name=name, slug=slug, regular_price="5")
    product.sku = sku.replace("ODD", bench.odd_prefix)
    product.created_at, product.modified_at = bench.moments()
    product.category_ids = (UNCATEGORIZED,)
    return bench.add(product)


def _variable(bench: Bench, kind: str, sku: str, *, status: str = "publish") -> Product:
    product = _plain(bench, kind, sku)
    product.type, product.regular_price, product.status = "variable", "", status
    product.attributes = (Attribute(0, "Size", "Size", ("S", "M", "L"), makes_variations=True),)
    _note(bench, kind, product)
    return product


def _variation(
    bench: Bench, parent: Product, size: str, *, sku: str, price: str = "5", status: str = "publish"
) -> Product:
    """Add a variation; without `size` it fits any, and then shows no option at all."""
    variation = Product(
        id=bench.next_id(),
        name=size,
        slug=f"{parent.slug}-{size.lower() or len(parent.variation_ids)}",
        sku=sku.replace("ODD", bench.odd_prefix),
        type="variation",
        status=status,
        parent_id=parent.id,
        regular_price=price,
        created_at=parent.created_at,
        modified_at=parent.created_at,
        options=((Attribute(0, "Size", "size", ()), size),) if size else (),
        menu_order=len(parent.variation_ids),
    )
    parent.variation_ids = (*parent.variation_ids, variation.id)
    return bench.add(variation)


def _trashed_variable(bench: Bench, family: Family) -> None:
    parent = make_variable(bench, family, sku=f"{bench.odd_prefix}-TRASH", at_most=3)
    for record in (parent, *bench.catalogue.variations_of(parent)):
        record.status_before_trash, record.status = "publish", "trash"
        record.slug += "__trashed"
    _note(bench, "variable_trashed", parent)


def _note(bench: Bench, kind: str, product: Product) -> None:
    bench.catalogue.odd[kind] = product.id
