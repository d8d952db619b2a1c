"""Shopify's JSON in the mirror's words; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
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
_UNITS = {"GRAMS": "g", "KILOGRAMS": "kg", "OUNCES": "oz", "POUNDS": "lb"}
# The one option of a product that has none, and its one value.
_NO_OPTION = ("Title", "Default Title")


@dataclass(frozen=True, kw_only=True)
class Family:
    """A product with those of its variants that were read, and the levels of each by its id."""

    product: Json
    variants: Sequence[Json]
    levels: Mapping[str, Sequence[Json]]
    collections: Sequence[str] = field(default_factory=tuple)  # gids
    media: Sequence[Json] = field(default_factory=tuple)


def number_of(gid: str) -> str:
    """Return the number at the end of a global id, as text: it is larger than a float holds."""
    return gid.rpartition("/")[2].partition("?")[0]


def gid_of(kind: str, number: str) -> str:
    return f"gid://shopify/{kind}/{number}"


def category_of(collection: Json) -> CategoryRecord:
    return CategoryRecord(
        external_id=number_of(collection["id"]),
        parent_external_id=None,
        slug=collection["handle"],
        name=collection["title"],
    )


def records_of(family: Family) -> list[ProductRecord | Unmirrorable]:
    """Return what a product and its variants are to the mirror, the unreadable ones refused."""
    read = [_variant(family, each) for each in family.variants]
    refused: list[ProductRecord | Unmirrorable] = [r for r in read if isinstance(r, Unmirrorable)]
    mirrored = tuple(r for r in read if isinstance(r, VariantRecord))
    return [*refused, _product(family, mirrored)] if mirrored else refused


def _product(family: Family, variants: tuple[VariantRecord, ...]) -> ProductRecord:
    product = family.product
    return ProductRecord(
        external_id=number_of(product["id"]),
        code=product["handle"],
        name=product["title"],
        url=product.get("onlineStoreUrl") or "",
        brand=_brand(product),
        category_external_ids=tuple(sorted(map(number_of, family.collections))),
        variants=variants,
    )


def _brand(product: Json) -> BrandRecord | None:
    vendor = str(product.get("vendor") or "").strip()
    slug = slugify(vendor)[:100] or vendor[:100]
    return BrandRecord(external_id=slug, slug=slug, name=vendor) if vendor else None


def _variant(family: Family, variant: Json) -> VariantRecord | Unmirrorable:
    if family.product.get("isGiftCard"):
        return _refused(family, variant, "unsupported_type", "It is a gift card.")
    try:
        return VariantRecord(
            external_id=number_of(variant["id"]),
            content=_content(family, variant),
            price=_price(variant),
            stock=_stock(variant, family.levels.get(variant["id"])),
        )
    except (KeyError, TypeError, AttributeError, ValueError, InvalidOperation) as error:
        told = f"A field is missing or of the wrong kind ({type(error).__name__}: {error})."
        return _refused(family, variant, "record_unreadable", told[:500])


def _content(family: Family, variant: Json) -> Content:
    product = family.product
    options = {
        each["name"]: each["value"]
        for each in variant["selectedOptions"]
        if (each["name"], each["value"]) != _NO_OPTION
    }
    kind = product.get("productType")
    return Content(
        sku=(variant["sku"] or "").strip(),
        is_published=product["status"] == "ACTIVE" and product["publishedAt"] is not None,
        name=", ".join([product["title"], *options.values()]),
        options=options,
        attributes={"Type": kind} if kind else {},
        description=product["descriptionHtml"] or "",
        images=_images(variant, family.media),
        gtin=variant.get("barcode") or None,
        weight=_weight(variant),
    )


def _images(variant: Json, media: Sequence[Json]) -> tuple[Image, ...]:
    """Return the variant's own image first, then the product's; a film has none."""
    own = (variant.get("media") or {}).get("nodes") or ()
    shown = [each for each in (*own, *media) if each.get("image")]
    alts = {each["image"]["url"]: each.get("alt") or "" for each in reversed(shown)}
    urls = dict.fromkeys(each["image"]["url"] for each in shown)
    return tuple(Image(url=url, alt=alts[url]) for url in urls)


def _weight(variant: Json) -> Weight | None:
    weight = (variant["inventoryItem"].get("measurement") or {}).get("weight")
    if not weight or not weight["value"]:
        return None
    return Weight(value=f"{Decimal(str(weight['value'])):f}", unit=_UNITS[weight["unit"]])


def _price(variant: Json) -> Price:
    """Return the price before a reduction as list price: Shopify calls it what to compare at."""
    price, before = _amount(variant["price"]), _amount(variant["compareAtPrice"])
    if price is not None and before is not None and before > price:
        return Price(list_price=before, sale_price=price)
    return Price(list_price=price)


def _amount(text: Any) -> Decimal | None:
    return None if text in {None, ""} else Decimal(str(text))


def _stock(variant: Json, levels: Sequence[Json] | None) -> Stock | None:
    """Return what is available at each location: what is on hand less what is put by, of any kind.

    It is None, and the mirror's stays as it is, where the levels were not read.
    """
    if not variant["inventoryItem"]["tracked"]:
        return Stock(status="in_stock", levels=(StockAt(on_hand=None),))
    if levels is None:
        return None
    at = tuple(_level(each) for each in levels if each.get("isActive", True))
    counted = Stock(status="in_stock", levels=at or (StockAt(on_hand=0),))
    if counted.available:
        return counted
    sells_on = variant["inventoryPolicy"] == "CONTINUE"
    return Stock(status="on_backorder" if sells_on else "out_of_stock", levels=counted.levels)


def _level(level: Json) -> StockAt:
    said = {each["name"]: int(each["quantity"]) for each in level["quantities"]}
    available = said["available"]
    on_hand = said.get("on_hand", available)
    return StockAt(
        location=number_of(level["location"]["id"]),
        on_hand=on_hand,
        reserved=on_hand - available,
        incoming=said.get("incoming", 0),
    )


def _refused(family: Family, variant: Json, reason: str, detail: str) -> Unmirrorable:
    return Unmirrorable(
        external_id=number_of(str(variant.get("id"))),
        product_external_id=number_of(str(family.product.get("id"))),
        sku=str(variant.get("sku") or "")[:300],
        reason=reason,
        detail=detail,
    )
