"""What a record must be before any SQL sees it."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

import orjson

from catalog_mirror.records import UNWRITABLE, ProductRecord, Stock, Unmirrorable, VariantRecord

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
LONGEST_SKU = 100  # characters; WooCommerce and Shopify allow no more
LONGEST_DESCRIPTION = 1_000_000  # characters; the longest seen in a real shop was 370,000
LONGEST_ID = 100  # characters; shops number their things, feeds name them
LARGEST_COUNT = 2**31 - 1
LARGEST_PRICE = Decimal("999999999999.9999")


def problem_of(product: ProductRecord, variant: VariantRecord) -> Unmirrorable | None:
    """Return why this variant cannot be mirrored, or None."""
    reason, detail = (
        _bad_character(product, variant)
        or _bad_text(product, variant)
        or _bad_content(variant)
        or _bad_price(variant)
        or _bad_stock(variant)
    ) or ("", "")
    return _unmirrorable(product, variant, reason, detail) if reason else None


def _unmirrorable(
    product: ProductRecord, variant: VariantRecord, reason: str, detail: str
) -> Unmirrorable:
    return Unmirrorable(
        external_id=_printable(variant.external_id)[:LONGEST_ID],
        product_external_id=_printable(product.external_id)[:LONGEST_ID],
        sku=_printable(variant.content.sku if variant.content else "")[:300],
        reason=reason,
        detail=detail,
    )


def _bad_character(product: ProductRecord, variant: VariantRecord) -> tuple[str, str] | None:
    shared = (product.external_id, product.code, product.name, product.url, product.brand)
    if not _may_be_unwritable((shared, variant)):
        return None
    bad = set(UNWRITABLE.findall("".join(_texts((shared, variant)))))
    if "\0" in bad:
        return "nul_character", "A text holds a NUL character. Remove it in the shop."
    if bad:
        return "invalid_character", "A text holds half of a character. Write it anew in the shop."
    return None


def _bad_text(product: ProductRecord, variant: VariantRecord) -> tuple[str, str] | None:
    for text, longest, what in (
        (variant.external_id, LONGEST_ID, "id"),
        (product.external_id, LONGEST_ID, "product id"),
        (product.brand.external_id if product.brand else "", LONGEST_ID, "brand id"),
        (product.code, 200, "product code"),
        (product.name, 1000, "product name"),
        (product.url, 2000, "product address"),
        (product.brand.name if product.brand else "", 300, "brand name"),
        (product.brand.slug if product.brand else "", 200, "brand slug"),
    ):
        if len(text) > longest:
            return "text_too_long", f"The {what} is longer than {longest} characters."
    return None


def _bad_content(variant: VariantRecord) -> tuple[str, str] | None:
    content = variant.content
    if content is None:
        return None
    if not content.sku:
        return "sku_missing", "It has no SKU of its own. Give it one in the shop."
    if _CONTROL.search(content.sku):
        return "sku_unprintable", "The SKU holds a control character, such as a line break."
    if len(content.sku) > LONGEST_SKU:
        return "sku_too_long", f"The SKU is longer than {LONGEST_SKU} characters."
    if len(content.description) > LONGEST_DESCRIPTION:
        return "text_too_long", f"The description is longer than {LONGEST_DESCRIPTION} characters."
    return None


def _bad_price(variant: VariantRecord) -> tuple[str, str] | None:
    price = variant.price
    if price is None:
        return None
    for name, amount in (("list price", price.list_price), ("sale price", price.sale_price)):
        if amount is None:
            continue
        if not amount.is_finite() or amount > LARGEST_PRICE:
            return "price_out_of_range", f"The {name} is more than {LARGEST_PRICE}."
        if amount < 0:
            return "price_negative", f"The {name} is below zero. Correct it in the shop."
        if amount != round(amount, 4):
            return "price_too_precise", f"The {name} has more than four decimals."
    return None


def _bad_stock(variant: VariantRecord) -> tuple[str, str] | None:
    stock: Stock | None = variant.stock
    if stock is None:
        return None
    locations = [level.location for level in stock.levels]
    if len(set(locations)) < len(locations) or any(len(each) > LONGEST_ID for each in locations):
        return (
            "location_unusable",
            f"A location comes twice, or is longer than {LONGEST_ID} characters.",
        )
    counts = [
        count
        for level in stock.levels
        for count in (level.on_hand, level.reserved, level.incoming)
        if count is not None
    ]
    if any(abs(count) > LARGEST_COUNT for count in [*counts, sum(counts)]):
        return "stock_out_of_range", f"A count is more than {LARGEST_COUNT}."
    return None


def _may_be_unwritable(value: Any) -> bool:
    """Look at it written as JSON, which is far quicker; a text that spells the escape is found too."""
    try:
        return b"\\u0000" in orjson.dumps(value, default=str)
    except orjson.JSONEncodeError:
        return True


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for each in fields(value):
            yield from _texts(getattr(value, each.name))
    elif isinstance(value, tuple):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        yield from _texts((*value.keys(), *value.values()))


def _printable(text: str) -> str:
    return UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def unplaced(product: ProductRecord, variant: VariantRecord) -> Unmirrorable:
    """Return the refusal of a record whose category the mirror has not read yet.

    To mirror it without the category could show what a rule on that category hides.
    """
    return _unmirrorable(
        product,
        variant,
        "category_unknown",
        "It lies in a category that the mirror has not read yet. The next sweep reads it.",
    )
