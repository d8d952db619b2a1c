"""A page of changes: the view now compared with the view at every moment since a cursor.

DELTA.md, to the letter. `r0`, `N`, `K` and the rest are spelled out here as since, snapshot.revision
and EXAMINED.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import orjson

from contract.change_cursors import FACETS, ChangeCursor
from contract.changed_rules import (
    Subjects,
    is_quiet,
    tables_of,
)
from contract.comparing import Past, Variant, compared, past_since, shown
from contract.items import (
    COLUMNS,
    FROM,
    VisibleRow,
    item,
    item_rows,
    price_list,
    visible_row,
)
from contract.marks import latest_mark, now_of
from contract.snapshots import Foreseen, Kept, Snapshot, newest_seen
from contract.stale_cursors import marks_statement, refuse_stale
from customers.entitlements import GATE
from groundwork.statements import Statement, unpacked

# How many candidates a page looks at, whatever it finds: a rule on everything that changes nothing
# does not scan the catalogue at once.
EXAMINED = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Without a customer none is looked for, as in the gate.
CANDIDATES = """
    select * from catalog_mirror_candidates(
        %(since)s, %(after)s, %(most)s,
        %(sources)s, %(brands)s, %(categories)s, %(products)s, %(variants)s, %(with_stock)s
    ) where current_setting('tradecounter.customer', true) <> ''
"""
_COUNTED = f"""
    select count(*) from catalog_mirror_candidates(
        %(since)s, %(after)s, {2**31 - 1},
        %(sources)s, %(brands)s, %(categories)s, %(products)s, %(variants)s, %(with_stock)s
    ) c join catalog_mirror_variant v on v.id = c
    where {GATE}
"""  # noqa: S608 - constants
_VISIBLE = f"select count(*) from catalog_mirror_variant v where {GATE}"  # noqa: S608
_VISIBLE_AFTER = f"""
    select v.id from catalog_mirror_variant v
    where v.id > %(after)s and {GATE} order by v.id limit %(most)s
"""  # noqa: S608 - constants
_NAMED = item_rows(f"select {COLUMNS} {FROM} where v.sku = any(%(skus)s::text[]) and {GATE}")
_CARRIED = f"""
    select v.sku from catalog_mirror_variant v where v.sku = any(%(skus)s) and {GATE}
"""  # noqa: S608


@dataclass
class ChangesPage:
    """Entries in order; while the pass goes on `cursor` continues it, at its end it starts the next."""

    entries: list[bytes] = field(default_factory=list)
    has_more: bool = False
    cursor: str = ""


class VeryMany(Exception):
    """More may have changed since the cursor than a page looks at."""


def changes_page(
    snapshot: Snapshot, cursor: ChangeCursor, *, limit: int, if_few: bool = False
) -> ChangesPage:
    """Return the next page from a cursor; raise a 410 `Problem` for one that is no longer good.

    With `if_few` a pass that would take several pages raises `VeryMany` instead of its first.
    """
    refuse_stale(snapshot, cursor)
    target = cursor.target or now_of(snapshot)
    if cursor.since is None:
        ids, more = _enumerated(snapshot, cursor.position, limit)
        looked_at = partial(shown, snapshot, cursor.facets)
    else:
        past = past_since(snapshot, cursor, cursor.since)
        ids, more = _candidates(snapshot, cursor, past)
        if more and if_few and cursor.target is None:
            raise VeryMany
        looked_at = partial(compared, snapshot, cursor.facets, past)
    page = ChangesPage()
    reached = _fill(snapshot, page, map(looked_at, _batches(ids, limit)), limit)
    page.has_more = more or reached != (ids[-1] if ids else None)
    onward = cursor.onward(target, reached or cursor.position)
    page.cursor = (onward if page.has_more else cursor.ended(target)).sealed(snapshot.customer_id)
    return page


def latest_page(snapshot: Snapshot, facets: tuple[str, ...]) -> ChangesPage:
    """Return a page that tells nothing but where changes start from now on."""
    cursor = start_cursor(snapshot.epoch, facets).ended(latest_mark(snapshot))
    return ChangesPage(cursor=cursor.sealed(snapshot.customer_id))


def present_entries(snapshot: Snapshot, skus: list[str]) -> list[bytes]:
    """Return what SKUs that were told to this customer once are now: an item each, or its removal."""
    asked = {"skus": skus, **snapshot.gate}
    found = [visible_row(row) for row in unpacked(snapshot.rows(_NAMED, asked))]
    prices = price_list(snapshot, [row.state for row in found])
    rows = {row.state.sku: row for row in found}
    version = version_of(snapshot)
    entries = []
    for sku in skus:
        if row := rows.get(sku):
            words = prices.told(row.state).words
            variant = Variant(row.state.variant_id, row, words, (None,), frozenset(), FACETS)
            entries.append(_upsert(variant, row, version))
        else:
            entries.append(_removal(sku, version))
    return entries


def version_of(snapshot: Snapshot) -> str:
    """Return the version of all that a snapshot says: a string that sorts by epoch, revision, instant."""
    microseconds = (snapshot.at - _EPOCH) // timedelta(microseconds=1)  # a float would round
    return f"{snapshot.epoch:04d}.{snapshot.revision:012d}.{microseconds:016d}"


def _enumerated(snapshot: Snapshot, position: int, limit: int) -> tuple[list[int], bool]:
    rows = snapshot.rows(_VISIBLE_AFTER, {"after": position, "most": limit + 1, **snapshot.gate})
    ids = [pk for (pk,) in rows]
    return ids[:limit], len(ids) > limit


def count_visible(snapshot: Snapshot) -> int:
    """Return how many variants the customer sees."""
    ((count,),) = snapshot.rows(_VISIBLE, dict(snapshot.gate))
    return int(count)


def count_candidates(snapshot: Snapshot, cursor: ChangeCursor) -> int:
    """Return how many variants that the customer sees may have changed since a cursor."""
    if cursor.since is None:
        return count_visible(snapshot)
    past = past_since(snapshot, cursor, cursor.since)
    if past.is_empty_at(snapshot):
        return 0
    asked = {"since": past.since.revision, "after": cursor.position}
    _, params = candidates(asked, cursor.facets, past.subjects)
    ((count,),) = snapshot.rows(_COUNTED, {**params, **snapshot.gate})
    return int(count)


def foreseen_changes(kept: Kept, cursor: ChangeCursor) -> Foreseen:
    """Return what a page of changes will probably read, by what this process knows already."""
    since = cursor.since
    if since is None or cursor.target:
        return Foreseen()
    if is_quiet(kept, since, tables_of(cursor.facets)):
        return Foreseen(is_all=True)
    if not kept.revision <= since.revision < newest_seen():
        return Foreseen()
    asked = {"since": since.revision, "after": cursor.position, "most": EXAMINED + 1}
    return Foreseen((marks_statement([since]), candidates(asked, cursor.facets, Subjects())))


def candidates(asked: Mapping[str, Any], facets: tuple[str, ...], subjects: Subjects) -> Statement:
    """Return what asks for the variants that may have changed, themselves or by what rules name."""
    return CANDIDATES, {**asked, "with_stock": "stock" in facets, **subjects.arrays}


def _candidates(snapshot: Snapshot, cursor: ChangeCursor, past: Past) -> tuple[list[int], bool]:
    """Return the next candidates, and whether there are more."""
    if past.is_empty_at(snapshot):
        return [], False
    asked = {"since": past.since.revision, "after": cursor.position, "most": EXAMINED + 1}
    rows = snapshot.rows(*candidates(asked, cursor.facets, past.subjects))
    ids = [pk for (pk,) in rows]
    return ids[:EXAMINED], len(ids) > EXAMINED


def _batches(ids: list[int], size: int) -> Iterator[list[int]]:
    """Yield ids in batches that double: most candidates are told, so one batch fills most pages."""
    start = 0
    while start < len(ids):
        yield ids[start : start + size]
        start, size = start + size, size * 2


def _fill(
    snapshot: Snapshot, page: ChangesPage, batches: Iterator[Iterator[Variant]], limit: int
) -> int | None:
    """Write entries until the page is full; return the last variant that was dealt with."""
    version, told, reached = version_of(snapshot), set[str](), None
    for batch in batches:
        examined = list(batch)
        told |= _carried(snapshot, {sku for each in examined for sku in each.past_skus})
        for variant in examined:
            if len(page.entries) >= limit:
                return reached
            _tell(page, variant, told, version)
            reached = variant.variant_id
        if len(page.entries) >= limit:  # the next batch would be looked at for nothing
            break
    return reached


def _tell(page: ChangesPage, variant: Variant, told: set[str], version: str) -> None:
    """Write what is to be said of a variant; `told` are SKUs that are no removal, or were told as one."""
    for sku in sorted(variant.past_skus - told):
        page.entries.append(_removal(sku, version))
        told.add(sku)
    if variant.row and variant.changed:
        page.entries.append(_upsert(variant, variant.row, version))


def _removal(sku: str, version: str) -> bytes:
    return orjson.dumps({"op": "remove", "sku": sku, "version": version})


def _carried(snapshot: Snapshot, skus: set[str]) -> set[str]:
    """Return those SKUs that a variant carries which the customer sees now: they are no removal."""
    if not skus:
        return set()
    return {sku for (sku,) in snapshot.rows(_CARRIED, {"skus": sorted(skus), **snapshot.gate})}


def _upsert(variant: Variant, row: VisibleRow, version: str) -> bytes:
    return b'{"op":"upsert","sku":%b,"version":"%b","changed":%b,"item":%b}' % (
        orjson.dumps(row.state.sku),
        version.encode(),
        orjson.dumps(variant.changed),
        item(row, variant.price),
    )


def start_cursor(snapshot_epoch: int, facets: tuple[str, ...] = FACETS) -> ChangeCursor:
    """Return the cursor of a client that has nothing: it enumerates the view."""
    return ChangeCursor(snapshot_epoch, since=None, target=None, facets=facets)
