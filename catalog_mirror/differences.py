"""What would change in the mirror, field by field; pure."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from catalog_mirror.documents import Desired
from catalog_mirror.lookups import Row
from catalog_mirror.models import Source


class Difference(NamedTuple):
    """One field of one variant: what the mirror holds and what the source says."""

    sku: str
    external_id: str
    facet: str
    field: str
    mirror_value: Any
    source_value: Any


def differences(
    source: Source, desired: Desired, row: Row | None, document: str, facets: set[str]
) -> list[Difference]:
    """Return how `desired` differs from the mirror's row in those facets."""
    sku = desired.sku or (row.sku if row else "")
    if row is None:
        found = iter([("content", "created", None, sku)])
    else:
        found = _of_facets(source, desired, row, document, facets)
    return [
        Difference(sku, desired.external_id, facet, field, before, after)
        for facet, field, before, after in found
        if before != after
    ]


_Found = Iterator[tuple[str, str, Any, Any]]


def _of_facets(
    source: Source, desired: Desired, row: Row, document: str, facets: set[str]
) -> _Found:
    if "content" in facets:
        yield from _of_content(desired, row, document)
    if "price" in facets and (price := desired.record.price):
        yield "price", "list_price", row.list_price, price.list_price
        yield "price", "sale_price", row.sale_price, price.sale_price
        yield "price", "currency", row.currency, source.currency
        yield "price", "tax_included", row.tax_included, source.prices_include_tax
    if "stock" in facets and (stock := desired.record.stock):
        yield "stock", "on_hand", row.stock_on_hand, stock.on_hand
        yield "stock", "available", row.stock_available, stock.available
        yield "stock", "status", row.stock_status, stock.status


def _of_content(desired: Desired, row: Row, document: str) -> _Found:
    content = desired.record.content
    yield "content", "retired", row.retired_at is not None, False
    yield "content", "is_published", row.is_published, bool(content and content.is_published)
    before = orjson.loads(document or "{}")
    for field, after in orjson.loads(desired.document).items():
        if after != (was := before.get(field)):
            yield "content", field, was, after


def retirement(sku: str, external_id: str) -> Difference:
    """Return the difference that a variant's retirement makes."""
    return Difference(
        sku=sku,
        external_id=external_id,
        facet="content",
        field="retired",
        mirror_value=False,
        source_value=True,
    )
