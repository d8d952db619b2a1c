"""WooCommerce's JSON in the mirror's words; pure."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

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
    StockStatus,
    Unmirrorable,
    VariantRecord,
    Weight,
)

Json = Mapping[str, Any]
# What is asked for; everything else stays in the shop.
PRODUCT_FIELDS = (
    "id,name,slug,permalink,type,status,catalog_visibility,description,sku,regular_price,sale_price,"
    "manage_stock,stock_quantity,stock_status,weight,dimensions,categories,brands,images,attributes,"
    "global_unique_id,post_password"
)
VARIATION_FIELDS = (
    "id,parent_id,status,description,sku,regular_price,sale_price,manage_stock,stock_quantity,"
    "stock_status,weight,dimensions,image,attributes,global_unique_id"
)
_STATUSES: Mapping[str, StockStatus] = {
    "instock": "in_stock",
    "outofstock": "out_of_stock",
    "onbackorder": "on_backorder",
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Units:
    """What the shop measures in."""

    weight: str = "kg"
    dimension: str = "cm"


class Unreadable(Exception):
    """A field that no value can be made of."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def records_of(
    product: Json, variations: Sequence[Json], units: Units
) -> list[ProductRecord | Unmirrorable]:
    """Return what a product and those of its variations that were read are to the mirror.

    A variable product has no variant of its own. Where a product is not variable any more, its
    variations stay known, unpublished.
    """
    if product["type"] not in {"simple", "variable"} and not variations:
        return [_unsupported(product)]
    if not variations:
        read = [_simple(product, units)] if product["type"] == "simple" else []
    else:
        read = [_variation(product, variation, units) for variation in variations]
    refused: list[ProductRecord | Unmirrorable] = [r for r in read if isinstance(r, Unmirrorable)]
    mirrored = tuple(r for r in read if isinstance(r, VariantRecord))
    return [*refused, _product(product, mirrored)] if mirrored else refused


def category_of(category: Json) -> CategoryRecord:
    return CategoryRecord(
        external_id=str(category["id"]),
        parent_external_id=str(category["parent"]) if category["parent"] else None,
        slug=category["slug"],
        name=html.unescape(category["name"]),
    )


def _product(product: Json, variants: tuple[VariantRecord, ...]) -> ProductRecord:
    return ProductRecord(
        external_id=str(product["id"]),
        code=product["sku"].strip() or product["slug"],
        name=product["name"],
        url=product["permalink"],
        brand=_brand(product),
        category_external_ids=tuple(str(each["id"]) for each in product["categories"]),
        variants=variants,
    )


def _brand(product: Json) -> BrandRecord | None:
    """Return the first brand by id; shops before WooCommerce 9.6 name none."""
    named = min(product.get("brands") or (), key=lambda brand: brand["id"], default=None)
    if named is None:
        return None
    return BrandRecord(
        external_id=str(named["id"]),
        slug=html.unescape(named["slug"]),
        name=html.unescape(named["name"]),
    )


def _simple(product: Json, units: Units) -> VariantRecord | Unmirrorable:
    try:
        return VariantRecord(
            external_id=str(product["id"]),
            content=Content(
                sku=product["sku"].strip(),
                is_published=_is_shown(product),
                name=product["name"],
                attributes=_attributes(product),
                description=product["description"] or "",
                images=_images(product["images"]),
                **_measured(product, units),
            ),
            price=_price(product),
            stock=_stock(product),
        )
    except Unreadable as error:
        return _refusal(product, product, error)


def _variation(product: Json, variation: Json, units: Units) -> VariantRecord | Unmirrorable:
    try:
        sku = _own_sku(product, variation)
        options = _options(variation)
        own_image = [variation["image"]] if variation.get("image") else []
        return VariantRecord(
            external_id=str(variation["id"]),
            content=Content(
                sku=sku,
                is_published=product["type"] == "variable"
                and _is_shown(product)
                and variation["status"] == "publish",
                name=", ".join([product["name"], *options.values()]),
                options=options,
                attributes=_attributes(product),
                description=variation["description"] or product["description"] or "",
                images=_images([*own_image, *product["images"]]),
                **_measured(variation, units),
            ),
            price=_price(variation),
            stock=_stock(variation),
        )
    except Unreadable as error:
        return _refusal(product, variation, error)


def _own_sku(product: Json, variation: Json) -> str:
    """Return the variation's SKU; one without shows its product's (recorded)."""
    sku = str(variation["sku"]).strip()
    if sku and sku == product["sku"].strip():
        raise Unreadable(
            "sku_inherited",
            "It has no SKU of its own and shows its product's. Give it one in the shop.",
        )
    return sku


def _is_shown(product: Json) -> bool:
    return (
        product["status"] == "publish"
        and not product.get("post_password")
        and product["catalog_visibility"] != "hidden"
    )


def _attributes(product: Json) -> dict[str, str]:
    """Return what the shop tells of every variant alike."""
    return {
        _term(each, each["name"]): ", ".join(_term(each, option) for option in each["options"])
        for each in product["attributes"]
        if each["visible"] and not (each["variation"] and product["type"] == "variable")
    }


def _options(variation: Json) -> dict[str, str]:
    """Return what the variation chose; an attribute left at "any" chooses nothing."""
    return {
        _term(each, each["name"]): _term(each, each["option"])
        for each in variation["attributes"]
        if each.get("option")
    }


def _term(attribute: Json, text: str) -> str:
    """Return a text of a shop-wide attribute, whose terms come HTML-encoded; a product's own do not."""
    return html.unescape(text) if attribute.get("id") else text


def _images(images: Sequence[Json]) -> tuple[Image, ...]:
    by_url = {image["src"]: image for image in reversed(images) if image.get("src")}
    ordered = dict.fromkeys(image["src"] for image in images if image.get("src"))
    return tuple(Image(url=url, alt=by_url[url].get("alt") or "") for url in ordered)


def _measured(record: Json, units: Units) -> dict[str, Any]:
    sides = record["dimensions"] or {}
    named = {side: str(sides.get(side) or "") for side in ("length", "width", "height")}
    return {
        "gtin": record.get("global_unique_id") or None,
        "weight": Weight(value=record["weight"], unit=units.weight) if record["weight"] else None,
        "dimensions": Dimensions(**named, unit=units.dimension) if any(named.values()) else None,
    }


def _price(record: Json) -> Price:
    """Return the regular price as list price; `price` can disagree with it and is left alone."""
    return Price(
        list_price=_amount(record["regular_price"]), sale_price=_amount(record["sale_price"])
    )


def _amount(value: object) -> Decimal | None:
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise Unreadable(
            "price_unreadable", f"Its price reads {text[:60]!r}. Correct it in the shop."
        )
    return Decimal(text)


def _stock(record: Json) -> Stock:
    """Return the stock; a variation whose product manages it shows the product's quantity."""
    status = _STATUSES.get(record["stock_status"])
    if status is None:
        raise Unreadable(
            "stock_status_unknown", f"Its stock status reads {record['stock_status']!r}."[:500]
        )
    counted = record["stock_quantity"] if record["manage_stock"] else None
    if counted is not None and not isinstance(counted, int | float):
        raise Unreadable("stock_unreadable", f"Its stock reads {counted!r}."[:500])
    # Plugins sell parts of a unit: 2.5 metres are 2 whole ones.
    return Stock(
        status=status,
        levels=(StockAt(on_hand=None if counted is None else int(counted // 1)),),
        is_shared=record["manage_stock"] == "parent",
    )


def _unsupported(product: Json) -> Unmirrorable:
    return _refusal(
        product,
        product,
        Unreadable(
            "unsupported_type",
            f"It is of type {product['type']!r}: only simple and variable products are mirrored."[
                :500
            ],
        ),
    )


def _refusal(product: Json, record: Json, error: Unreadable) -> Unmirrorable:
    return Unmirrorable(
        external_id=str(record["id"]),
        product_external_id=str(product["id"]),
        sku=str(record["sku"]).strip(),
        reason=error.reason,
        detail=error.detail,
    )
