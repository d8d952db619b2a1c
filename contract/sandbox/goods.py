"""The sandbox's shop: fifty variants that show what an integration must cope with; pure data.

They are served to partners' tests, who may rely on each of them: to change one is to change the
partners' guide and the changelog.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import count, cycle, product

from catalog_mirror.records import (
    BrandRecord,
    CategoryRecord,
    Content,
    Dimensions,
    Image,
    Price,
    ProductRecord,
    Stock,
    StockAt,
    VariantRecord,
    Weight,
)

NAME, CURRENCY, SKU_PREFIX = "Sandbox", "USD", "SANDBOX-"
BRAND = BrandRecord(external_id="goods", slug="sandbox-goods", name="Sandbox Goods")
_SITE = "https://sandbox.example"  # reserved by RFC 2606: it leads nowhere

# Slugs are led by "sandbox", so that no name in a file of rules comes to mean two things.
CATEGORIES = [
    CategoryRecord(external_id=slug, parent_external_id=parent, slug=f"sandbox-{slug}", name=name)
    for slug, parent, name in (
        ("apparel", None, "Apparel"),
        ("shirts", "apparel", "Shirts"),
        ("bags", "apparel", "Bags"),
        ("drinkware", None, "Drinkware"),
        ("mugs", "drinkware", "Mugs"),
        ("bottles", "drinkware", "Bottles"),
        ("writing", None, "Writing"),
    )
]

# Each state that stock can be in, over and over along the variants.
_STOCKS = (
    Stock(status="in_stock", levels=(StockAt(on_hand=1200),)),
    Stock(status="in_stock", levels=(StockAt(on_hand=40, reserved=5),)),
    Stock(
        status="in_stock",
        levels=(StockAt(on_hand=30, location="east"), StockAt(on_hand=12, location="west")),
    ),
    Stock(status="out_of_stock", levels=(StockAt(on_hand=0),)),
    Stock(status="on_backorder", levels=(StockAt(on_hand=0, incoming=48),)),
    Stock(status="in_stock", levels=(StockAt(on_hand=None),)),  # in stock, and not counted
)


@dataclass(frozen=True)
class Style:
    """A product of several variants: what it is, and what its variants differ by."""

    code: str
    name: str
    category: str
    list_price: str
    options: Mapping[str, tuple[str, ...]]


STYLES = (
    Style(
        "TEE",
        "T-shirt",
        "shirts",
        "12.00",
        {"Color": ("Black", "White", "Navy", "Sand"), "Size": ("S", "M", "L", "XL", "2XL")},
    ),
    Style(
        "MUG",
        "Camp mug",
        "mugs",
        "8.99",
        {"Color": ("Black", "White", "Red", "Blue"), "Volume": ("250 ml", "330 ml")},
    ),
    Style(
        "PEN",
        "Ballpoint pen",
        "writing",
        "0.8950",
        {"Color": ("Black", "White", "Red", "Blue", "Green", "Silver")},
    ),
    Style("BAG", "Tote bag", "bags", "6.50", {"Color": ("Natural", "Black", "Navy")}),
    Style(
        "BOTTLE",
        "Steel bottle",
        "bottles",
        "18.00",
        {"Volume": ("500 ml", "750 ml", "1 l")},
    ),
)


@dataclass(frozen=True)
class Simple:
    """A product of one variant. Its SKU is odd, or its price is."""

    code: str
    sku: str
    name: str
    list_price: str | None = "5.00"


SIMPLES = (
    Simple("NOTE", "NOTE A/5", "Notebook A5: a blank and a slash in its SKU"),
    Simple("TASSE", "TASSE-ÄÖÜ-ß", "Große Tasse: letters beyond ASCII in its SKU"),
    Simple("PENCIL-UPPER", "PENCIL-HB", "Pencil HB: its SKU in capitals is another product's"),
    Simple("PENCIL-LOWER", "pencil-hb", "Pencil HB, sharpened: its SKU in small letters"),
    Simple("LONG", f"LONG-{'0123456789' * 9}-LAST", "Calendar: a SKU as long as they get"),
    Simple("SIGNS", "50%+1?&#=", 'Voucher "50 % + 1": signs in its SKU that addresses use'),
    Simple("QUOTE", "QUOTE", "Print on request: no list price, so no price", None),
    Simple("CLEARANCE", "CLEARANCE", "Remainders: exempt from general discounts", "1.10"),
    Simple("LATER", "LATER", "Planner: its price changes at an instant that is known", "9.90"),
    Simple("PALLET", "PALLET", "Paper cup: sold by the hundred, up to a thousand", "0.12"),
)


def products() -> list[ProductRecord]:
    """Return what the sandbox's shop says."""
    numbers, stocks = count(1), cycle(_STOCKS)
    several = [_style(style, numbers, stocks) for style in STYLES]
    return [*several, *(_simple(simple, stocks) for simple in SIMPLES)]


def _style(style: Style, numbers: "count[int]", stocks: "cycle[Stock]") -> ProductRecord:
    variants = []
    for values in product(*style.options.values()):
        sku = "-".join([style.code, *(_short(value) for value in values)])
        named = Content(
            sku=sku,
            is_published=True,
            name=f"{style.name}, {', '.join(values).lower()}",
            options=dict(zip(style.options, values, strict=True)),
            attributes={"Material": "Made up"},
            description=f"A {style.name.lower()} to test with. Nobody delivers it.",
            images=(Image(url=f"{_SITE}/{sku}.jpg", alt=style.name),),
            gtin=_gtin(next(numbers)),
            weight=Weight(value="0.310", unit="kg"),
            dimensions=Dimensions(length="9", width="8.5", height="10", unit="cm"),
        )
        variants.append(_variant(named, style.list_price, next(stocks)))
    return _product(style.code, style.name, (style.category,), variants, BRAND)


def _simple(simple: Simple, stocks: "cycle[Stock]") -> ProductRecord:
    """Return a product without brand, category, pictures and measures, as shops have them too."""
    content = Content(sku=simple.sku, is_published=True, name=simple.name)
    variant = _variant(content, simple.list_price, next(stocks))
    return _product(simple.code, simple.name, (), [variant], None)


def _product(
    code: str,
    name: str,
    categories: tuple[str, ...],
    variants: list[VariantRecord],
    brand: BrandRecord | None,
) -> ProductRecord:
    return ProductRecord(
        external_id=code,
        code=f"{SKU_PREFIX}{code}",
        name=name,
        url=f"{_SITE}/{code.lower()}",
        brand=brand,
        category_external_ids=categories,
        variants=tuple(variants),
    )


def _variant(content: Content, listed: str | None, stock: Stock) -> VariantRecord:
    price = Price(list_price=None if listed is None else Decimal(listed))
    return VariantRecord(external_id=content.sku, content=content, price=price, stock=stock)


def _short(value: str) -> str:
    """Return an option as SKUs have it: BLA, 330ML, 2XL."""
    letters = value.replace(" ", "").upper()
    return letters if letters[0].isdigit() else letters[:3]


def _gtin(number: int) -> str:
    """Return a GTIN-13 of the range that shops give out themselves (GS1: 200 to 299)."""
    body = f"20000000{number:04d}"
    weighted = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(body))
    return f"{body}{-weighted % 10}"
