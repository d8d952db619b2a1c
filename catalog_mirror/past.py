"""The mirror as it stood: which revision held at an instant, and a variant's state at it."""

from datetime import datetime
from typing import Any

from django.db import connection

from catalog_mirror.states import State

_REVISION_AT = """
    select number, number < (select coalesce(max(until_revision), 0) from catalog_mirror_pruning)
    from catalog_mirror_revision where recorded_at <= %s order by number desc limit 1
"""
# A state stands from where the one before it ended, or from the variant's creation.
_CARRIED = """
    with every as (
        select v.id, v.created_revision, null::bigint as until_revision, v.sku, v.is_published,
            v.source_id, v.brand_id, v.product_id, v.category_ids, v.category_depths,
            v.list_price, v.currency, v.tax_included
        from catalog_mirror_variant v
        union all
        select h.variant_id, v.created_revision, h.until_revision, h.sku, h.is_published,
            h.source_id, h.brand_id, h.product_id, h.category_ids, h.category_depths,
            h.list_price, h.currency, h.tax_included
        from catalog_mirror_varianthistory h join catalog_mirror_variant v on v.id = h.variant_id
    ), named as (
        select id from catalog_mirror_variant where sku = %(sku)s
        union select variant_id from catalog_mirror_varianthistory where sku = %(sku)s
    ), dated as (
        select e.*, coalesce(lag(e.until_revision) over (
            partition by e.id order by e.until_revision nulls last), e.created_revision) as begins
        from every e where e.id in (select id from named)
    )
    select id, begins, until_revision, sku, is_published, source_id, brand_id, product_id,
        category_ids, category_depths, list_price, currency, tax_included
    from dated
    where sku = %(sku)s and begins <= %(revision)s
      and (until_revision is null or until_revision > %(revision)s)
    order by is_published desc, until_revision desc nulls first, id desc
    limit 1
"""


class NothingThen(Exception):
    """The mirror knew nothing at that instant, or knows it no more."""


def revision_at(at: datetime) -> int:
    """Return the revision that held at an instant; raise `NothingThen` before the first one kept."""
    with connection.cursor() as cursor:
        cursor.execute(_REVISION_AT, [at])
        row = cursor.fetchone()
    if row is None:
        raise NothingThen(
            f"Nothing was mirrored at {at:%Y-%m-%d %H:%M:%S %Z}. Ask for a later time."
        )
    number, was_pruned = row
    if was_pruned:
        raise NothingThen(
            f"What variants were at {at:%Y-%m-%d %H:%M:%S %Z} has been pruned. Ask for a later time."
        )
    return int(number)


def state_at(sku: str, revision: int) -> State | None:
    """Return the variant that carried a SKU at a revision, a published one before others."""
    with connection.cursor() as cursor:
        cursor.execute(_CARRIED, {"sku": sku, "revision": revision})
        row = cursor.fetchone()
    if row is None:
        return None
    gate: list[Any] = [tuple(value) if isinstance(value, list) else value for value in row]
    return State(*gate)
