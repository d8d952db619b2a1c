"""The mirror as it stood: which revision held at an instant, and a variant's state at it."""

from datetime import datetime
from typing import Any, cast

from django.db import connection

from catalog_mirror.states import State

_REVISION_AT = """
    select number from catalog_mirror_revision where recorded_at <= %s order by number desc limit 1
"""
_PRUNED = "select max(until_revision) from catalog_mirror_pruning"
_RECORDED_AT = "select recorded_at from catalog_mirror_revision where number = %s"
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
    """The mirror knew nothing at that instant, or of that revision, or knows it no more."""


def moment_of(at: datetime | None, revision: int | None) -> tuple[int, datetime]:
    """Return a revision and an instant, the one not given found by the other; none is now.

    An answer that was served between a revision's stamp and its commit still read the one before:
    only its revision names that exactly. Raise `NothingThen`.
    """
    if revision is not None:
        recorded_at = _recorded_at(revision)
        _refuse_pruned(revision)
        return revision, at or recorded_at
    at = at or _now()
    held = _revision_at(at)
    _refuse_pruned(held)
    return held, at


def _refuse_pruned(revision: int) -> None:
    if revision < (_first(_PRUNED) or 0):
        raise NothingThen(
            f"What variants were at revision {revision} has been pruned. Ask for a later time."
        )


def _revision_at(at: datetime) -> int:
    found = _first(_REVISION_AT, at)
    if found is None:
        raise NothingThen(
            f"Nothing was mirrored at {at:%Y-%m-%d %H:%M:%S %Z}. Ask for a later time."
        )
    return int(found)


def _recorded_at(revision: int) -> datetime:
    found: datetime | None = _first(_RECORDED_AT, revision)
    if found is None:
        raise NothingThen(f"There is no revision {revision}. An answer's X-Revision names one.")
    return found


def _now() -> datetime:
    return cast("datetime", _first("select clock_timestamp()"))


def _first(sql: str, *params: datetime | int) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
    return row and row[0]


def state_at(sku: str, revision: int) -> State | None:
    """Return the variant that carried a SKU at a revision, a published one before others."""
    with connection.cursor() as cursor:
        cursor.execute(_CARRIED, {"sku": sku, "revision": revision})
        row = cursor.fetchone()
    if row is None:
        return None
    gate: list[Any] = [tuple(value) if isinstance(value, list) else value for value in row]
    return State(*gate)
