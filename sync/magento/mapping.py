"""Magento's JSON in the mirror's words; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.utils.text import slugify

from catalog_mirror.records import (
    BrandRecord,
    CategoryRecord,
    Content,
    Image,
    Price,
    ProductRecord,
    Stock,
    StockAt,
    Unmirrorable,
    VariantRecord,
    Weight,
)

Json = Mapping[str, Any]
# What is asked for; everything else stays in the shop.
PRODUCT_FIELDS = (
    "id,sku,name,price,status,visibility,type_id,weight,custom_attributes,media_gallery_entries,"
    "extension_attributes[stock_item,category_links,configurable_product_options,configurable_product_links]"
)
BRAND = "manufacturer"  # Magento's own attribute for it
SINGLE = ("simple", "virtual", "downloadable")  # what is sold as it is
CONFIGURABLE = "configurable"
_ODD = (KeyError, TypeError, AttributeError, ValueError, ArithmeticError)
_ENABLED, _HIDDEN = 1, 1  # of status, and of visibility
_NO_DECIMALS, _THREE_DECIMALS = {"JPY", "KRW", "VND", "CLP", "ISK"}, {"KWD", "BHD", "OMR", "TND"}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the shop says of all its products alike: labels by attribute, where pictures are, units."""

    currency: str
    media_url: str
    weight_unit: str
    codes: Mapping[str, str] = field(default_factory=dict)  # attribute id -> its code
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # code -> value -> label


@dataclass(frozen=True, kw_only=True)
class Family:
    """A product with the children that were read, and the stock of each by SKU."""

    product: Json
    children: Sequence[Json]
    stock: Mapping[str, Stock]


def categories_of(found: Sequence[Json]) -> list[CategoryRecord]:
    """Return the tree without its roots, which the shop does not show."""
    shown = {each["id"] for each in found if each["level"] > 1}
    return [
        CategoryRecord(
            external_id=str(each["id"]),
            parent_external_id=str(each["parent_id"]) if each["parent_id"] in shown else None,
            slug=attributes_of(each).get("url_key") or slugify(each["name"]) or str(each["id"]),
            name=each["name"],
        )
        for each in found
        if each["id"] in shown
    ]


def attributes_of(record: Json) -> dict[str, Any]:
    """Return the custom attributes by code; a value may be a text or a list."""
    return {
        each["attribute_code"]: each.get("value") for each in record.get("custom_attributes") or ()
    }


def links_of(product: Json) -> list[str]:
    """Return the ids of the children of a configurable product."""
    extension = product.get("extension_attributes") or {}
    return [str(each) for each in extension.get("configurable_product_links") or ()]


def records_of(family: Family, shown: Shown) -> list[ProductRecord | Unmirrorable]:
    """Return what a product is to the mirror: itself, or as a configurable one its children."""
    product = family.product
    if product["type_id"] not in {*SINGLE, CONFIGURABLE}:
        told = f"It is of type {product['type_id']!r}: it is no single thing to sell."
        return [_refused(product, product, "unsupported_type", told)]
    sold = family.children if product["type_id"] == CONFIGURABLE else [product]
    read = [_variant(family, each, shown) for each in sold]
    refused: list[ProductRecord | Unmirrorable] = [r for r in read if isinstance(r, Unmirrorable)]
    mirrored = tuple(r for r in read if isinstance(r, VariantRecord))
    if not mirrored:
        return refused
    try:
        return [*refused, _product(product, mirrored, shown)]
    except _ODD as error:
        return [_refused(product, each, "record_unreadable", _told(error)) for each in sold]


def stock_record(product_id: str, external_id: str, stock: Stock) -> ProductRecord:
    """Return a record that says nothing but a variant's stock."""
    read = VariantRecord(external_id=external_id, content=None, price=None, stock=stock)
    return ProductRecord(
        external_id=product_id,
        code="",
        name="",
        url="",
        brand=None,
        category_external_ids=(),
        variants=(read,),
    )


def _product(product: Json, variants: tuple[VariantRecord, ...], shown: Shown) -> ProductRecord:
    links = (product.get("extension_attributes") or {}).get("category_links") or ()
    return ProductRecord(
        external_id=str(product["id"]),
        code=product["sku"],
        name=product["name"],
        url="",
        brand=_brand(product, shown),
        category_external_ids=tuple(sorted(str(each["category_id"]) for each in links)),
        variants=variants,
    )


def _brand(product: Json, shown: Shown) -> BrandRecord | None:
    value = attributes_of(product).get(BRAND)
    name = shown.labels.get(BRAND, {}).get(str(value), "")
    if not name:
        return None
    return BrandRecord(external_id=str(value), slug=slugify(name) or str(value), name=name)


def _variant(family: Family, record: Json, shown: Shown) -> VariantRecord | Unmirrorable:
    try:
        return VariantRecord(
            external_id=str(record["id"]),
            content=_content(family.product, record, shown),
            price=_price(record, shown),
            stock=family.stock.get(record["sku"]),
        )
    except _ODD as error:
        return _refused(family.product, record, "record_unreadable", _told(error))


def _content(product: Json, record: Json, shown: Shown) -> Content:
    options = _options(product, record, shown) if record is not product else {}
    own, common = attributes_of(record), attributes_of(product)
    is_seen = product["status"] == _ENABLED and product["visibility"] != _HIDDEN
    return Content(
        sku=record["sku"].strip(),
        is_published=is_seen and record["status"] == _ENABLED,
        name=", ".join([product["name"], *options.values()]),
        options=options,
        description=str(own.get("description") or common.get("description") or ""),
        images=_images([record] if record is product else [record, product], shown),
        gtin=str(own.get("gtin") or own.get("ean") or "") or None,
        weight=_weight(record, shown),
    )


def _options(product: Json, record: Json, shown: Shown) -> dict[str, str]:
    """Return what the child chose of each of its product's options, by their labels."""
    said = attributes_of(record)
    extension = product.get("extension_attributes") or {}
    chosen = {}
    for option in extension.get("configurable_product_options") or ():
        code = shown.codes[str(option["attribute_id"])]
        value = str(said[code])
        chosen[option["label"]] = shown.labels.get(code, {}).get(value, value)
    return chosen


def _images(records: Sequence[Json], shown: Shown) -> tuple[Image, ...]:
    found: dict[str, str] = {}
    for record in records:
        entries = [e for e in record.get("media_gallery_entries") or () if _is_shown(e)]
        for entry in sorted(entries, key=lambda each: each.get("position") or 0):
            url = f"{shown.media_url.rstrip('/')}/catalog/product{entry['file']}"
            found.setdefault(url, entry.get("label") or "")
    return tuple(Image(url=url, alt=alt) for url, alt in found.items())


def _is_shown(entry: Json) -> bool:
    return (
        entry.get("media_type") == "image" and not entry.get("disabled") and bool(entry.get("file"))
    )


def _weight(record: Json, shown: Shown) -> Weight | None:
    weight = record.get("weight")
    return Weight(value=f"{Decimal(str(weight)):f}", unit=shown.weight_unit) if weight else None


def _price(record: Json, shown: Shown) -> Price:
    """Return the price; a special price is mirrored for staff, its dates are not read."""
    special = attributes_of(record).get("special_price")
    return Price(
        list_price=money(record.get("price"), shown.currency),
        sale_price=money(special, shown.currency) if special else None,
    )


def money(value: Any, currency: str) -> Decimal | None:
    """Return an amount as it was meant: 29.949999999999999 is 29.95 of a currency with two decimals."""
    if value is None:
        return None
    decimals = 0 if currency in _NO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)


def stock_of(items: Sequence[Json], *, enabled: set[str], managed: Json | None) -> Stock:
    """Return the stock of a SKU by its source items; `managed` is the shop's own stock item, if told."""
    if managed and not managed.get("manage_stock", True):
        return Stock(status="in_stock", levels=(StockAt(on_hand=None),))
    levels = [_level(each) for each in items if each["source_code"] in enabled]
    return _with_status(tuple(levels) or (StockAt(on_hand=0),), managed)


def single_stock(item: Json) -> Stock:
    """Return the stock of a shop without sources."""
    if not item.get("manage_stock", True):
        status = "in_stock" if item.get("is_in_stock", True) else "out_of_stock"
        return Stock(
            status="in_stock" if status == "in_stock" else "out_of_stock",
            levels=(StockAt(on_hand=None),),
        )
    quantity = _units(item["qty"])
    reserved = 0 if item.get("is_in_stock", True) else max(0, quantity)
    return _with_status((StockAt(on_hand=quantity, reserved=reserved),), item)


def _level(item: Json) -> StockAt:
    """Return a source's units; those of a source that is set out of stock cannot be sold."""
    quantity = _units(item["quantity"])
    reserved = 0 if item["status"] == _ENABLED else max(0, quantity)
    return StockAt(location=item["source_code"], on_hand=quantity, reserved=reserved)


def _with_status(levels: tuple[StockAt, ...], managed: Json | None) -> Stock:
    counted = Stock(status="in_stock", levels=levels)
    if counted.available:
        return counted
    sells_on = bool(managed and managed.get("backorders"))
    return Stock(status="on_backorder" if sells_on else "out_of_stock", levels=levels)


def _units(quantity: Any) -> int:
    """Return whole units: 2.5 are 2."""
    return int(Decimal(str(quantity)) // 1)


def _told(error: Exception) -> str:
    return f"A field is missing or of the wrong kind ({type(error).__name__}: {error})."[:500]


def _refused(product: Json, record: Json, reason: str, detail: str) -> Unmirrorable:
    return Unmirrorable(
        external_id=str(record.get("id")),
        product_external_id=str(product.get("id")),
        sku=str(record.get("sku") or "")[:300],
        reason=reason,
        detail=detail,
    )
