"""The SQL by which the mirror is read, to be compared with what a shop says."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from catalog_mirror.models import SANDBOX_SOURCE, Source


class Known(NamedTuple):
    """A variant of the mirror with what was last read of it; `_open` is what was read no later."""

    external_id: str
    id: int
    sku: str
    is_retired: bool
    content_open: bool
    price_open: bool
    stock_open: bool
    content_hash: bytes
    price_hash: bytes
    stock_hash: bytes


class Holder(NamedTuple):
    """A live variant with the SKU it holds."""

    id: int
    source_slug: str
    rank: int
    external_id: str
    product_external_id: str
    sku: str
    content_at: datetime
    is_sandbox: bool


class Published(NamedTuple):
    """A variant that customers may see, named as its shop names it."""

    id: int
    external_id: str
    product_external_id: str
    sku: str


class Row(NamedTuple):
    """A variant as the mirror has it."""

    id: int
    sku: str
    is_published: bool
    source_id: int
    brand_id: int | None
    product_id: int
    category_ids: list[int]
    category_depths: list[int]
    list_price: Decimal | None
    currency: str
    tax_included: bool
    external_id: str
    sale_price: Decimal | None
    stock_on_hand: int | None
    stock_available: int | None
    stock_status: str
    retired_at: datetime | None
    created_revision: int
    content_revision: int
    stock_revision: int
    touched_revision: int


_KNOWN = """
    select v.external_id, v.id, v.sku, v.retired_at is not null,
           o.content_at <= %(at)s, o.price_at <= %(at)s, o.stock_at <= %(at)s,
           o.content_hash, o.price_hash, o.stock_hash
    from catalog_mirror_variant v join catalog_mirror_observation o on o.variant_id = v.id
    where v.source_id = %(source)s and v.external_id = any(%(ids)s)
"""
# What is about to be written over stays as compared: an equal read waits with its note.
_KNOWN_AND_HELD = _KNOWN + "order by v.id for update of o"

_HOLDERS = f"""
    select v.id, s.slug, s.rank, v.external_id, p.external_id, v.sku, o.content_at,
           v.source_id = {SANDBOX_SOURCE}
    from catalog_mirror_variant v
    join catalog_mirror_source s on s.id = v.source_id
    join catalog_mirror_product p on p.id = v.product_id
    join catalog_mirror_observation o on o.variant_id = v.id
    where v.retired_at is null
      and (v.sku = any(%s) or (v.source_id = %s and v.external_id = any(%s)))
"""  # noqa: S608 - a constant

_REVIVABLE = """
    select distinct on (sku) sku, id from catalog_mirror_variant
    where source_id = %s and sku = any(%s) and retired_at > %s and id <> all(%s)
    order by sku, retired_at desc, id desc
"""

_LIVE_UNREAD = """
    select v.id from catalog_mirror_variant v
    join catalog_mirror_observation o on o.variant_id = v.id
    where v.source_id = %s and v.external_id = any(%s)
      and v.retired_at is null and o.content_at <= %s
    order by v.id for update of o
"""

_PUBLISHED = """
    select v.id, v.external_id, p.external_id, v.sku
    from catalog_mirror_variant v join catalog_mirror_product p on p.id = v.product_id
    where v.id = any(%s) and v.is_published order by v.id
"""

# A document is read where it is to be compared; it is the larger part of a row.
_ROWS = f"""
    select coalesce(d.body, ''), {", ".join("v." + c for c in Row._fields)}
    from catalog_mirror_variant v
    left join catalog_mirror_variantdocument d on d.variant_id = v.id and v.id = any(%s)
    where v.id = any(%s)
"""  # noqa: S608


def rows_from(sql: str, params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def known_variants(
    source: Source, external_ids: list[str], *, at: datetime, hold: bool
) -> dict[str, Known]:
    """Return the variants with these ids; `hold` keeps their observations for this transaction."""
    params = {"source": source.pk, "ids": external_ids, "at": at}
    rows = rows_from(_KNOWN_AND_HELD if hold else _KNOWN, params)
    return {row[0]: Known._make(row) for row in rows}


def holders(source: Source, skus: list[str], external_ids: list[str]) -> list[Holder]:
    """Return the live variants that hold one of `skus`, and those of the source with these ids."""
    if not skus:
        return []
    return [Holder(*row) for row in rows_from(_HOLDERS, [skus, source.pk, external_ids])]


def revivable(
    source: Source, fresh: Mapping[str, str], *, since: datetime, but: list[int]
) -> dict[str, int]:
    """Return, for new external ids by SKU, the variants that carried the SKU and were retired since.

    `but` are the variants that come back by their own external id.
    """
    if not fresh:
        return {}
    return {
        fresh[sku]: pk for sku, pk in rows_from(_REVIVABLE, [source.pk, list(fresh), since, but])
    }


def live_unread_since(source: Source, external_ids: list[str], at: datetime) -> list[int]:
    return [pk for (pk,) in rows_from(_LIVE_UNREAD, [source.pk, external_ids, at])]


def published(ids: Sequence[int]) -> list[Published]:
    """Return those of the variants that are published, oldest first."""
    return [Published(*row) for row in rows_from(_PUBLISHED, [list(ids)])] if ids else []


def rows_of(
    ids: Sequence[int], *, with_documents: Sequence[int] = ()
) -> dict[int | None, tuple[Row | None, str]]:
    """Return the variants as they are, those named with their documents."""
    found = rows_from(_ROWS, [list(with_documents), list(ids)]) if ids else []
    return {row[1]: (Row._make(row[1:]), row[0]) for row in found}
