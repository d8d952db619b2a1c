"""A page of changes: the view now compared with the view at every moment since a cursor.

DELTA.md, to the letter. `r0`, `N`, `K` and the rest are spelled out here as since, snapshot.revision
and EXAMINED.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import orjson

from catalog_mirror.states import State
from contract.change_cursors import FACETS, ChangeCursor, Mark
from contract.changed_rules import (
    Subjects,
    changed_subjects,
    is_quiet,
    tables_of,
    terms_since,
)
from contract.items import (
    COLUMNS,
    FROM,
    VisibleRow,
    by_ids,
    item,
    price_list,
    sale_json,
    visible_row,
    visible_rows,
)
from contract.marks import latest_mark, now_of
from contract.moments import Interval, Projection, moving_revisions, past_projections
from contract.snapshots import Foreseen, Kept, Snapshot, newest_seen
from contract.stale_cursors import marks_statement, refuse_stale
from customers.entitlements import GATE
from customers.rulebook import visibility_asked, visibility_since
from customers.visibility import Terms
from groundwork.statements import Statement
from pricing.offers import sale
from pricing.rules import rules_asked, rules_since

# How many candidates a page looks at, whatever it finds: a rule on everything that changes nothing
# does not scan the catalogue at once.
EXAMINED = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CANDIDATES = """
    select * from catalog_mirror_candidates(
        %(since)s, %(after)s, %(most)s,
        %(sources)s, %(brands)s, %(categories)s, %(products)s, %(variants)s, %(with_stock)s
    )
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
_STATES = """
    select variant_id, from_revision, until_revision, sku, is_published, source_id, brand_id,
           product_id, category_ids, category_depths, list_price, currency, tax_included
    from customers_states_since(%(ids)s, %(since)s)
    order by variant_id, until_revision nulls last
"""
_NAMED = f"select {COLUMNS} {FROM} where v.sku = any(%(skus)s::text[]) and {GATE}"
_MOVED = """
    select id, content_revision > %(since)s, stock_revision > %(since)s
    from catalog_mirror_variant where id = any(%(ids)s)
"""
_RECORDED = """
    select number, recorded_at from catalog_mirror_revision where number = any(%(numbers)s)
"""
_CARRIED = f"""
    select v.sku from catalog_mirror_variant v where v.sku = any(%(skus)s) and {GATE}
"""  # noqa: S608


@dataclass
class ChangesPage:
    """Entries in order; while the pass goes on `cursor` continues it, at its end it starts the next."""

    entries: list[bytes] = field(default_factory=list)
    has_more: bool = False
    cursor: str = ""


@dataclass(frozen=True)
class _Variant:
    """A candidate: what it is now, if it is seen, and what it was at every moment since."""

    variant_id: int
    row: VisibleRow | None
    price: bytes
    past: tuple[Projection | None, ...]
    moved: frozenset[str]
    facets: tuple[str, ...]

    @property
    def sku(self) -> str | None:
        return self.row.state.sku if self.row else None

    @property
    def changed(self) -> list[str]:
        """The feed's facets to tell of; all, where the client may not have the item under this SKU."""
        if self.row is None:
            return []
        if any(p is None or p.sku != self.sku for p in self.past):
            return list(self.facets)
        repriced = any(p is not None and p.price != self.price for p in self.past)
        told = self.moved | ({"price"} if repriced else set())
        return [facet for facet in self.facets if facet in told]

    @property
    def past_skus(self) -> set[str]:
        return {p.sku for p in self.past if p} - {self.sku or ""}


@dataclass(frozen=True)
class _Past:
    """A cursor's mark, and what rules and terms did since: `rules_stood` where they did nothing."""

    since: Mark
    terms: list[Terms]
    subjects: Subjects
    rules_stood: bool

    def is_empty_at(self, snapshot: Snapshot) -> bool:
        """Tell that nothing was written, and no window opened or closed."""
        return self.since.revision == snapshot.revision and self.subjects.are_none

    def is_steady(self, states: list[State], row: VisibleRow | None) -> bool:
        """Tell that a variant was shown then as it is shown now, its content and stock aside.

        Rules, terms and its one state are the same at every moment; or it was never shown.
        """
        if not states:
            return row is None
        return self.rules_stood and len(states) == 1 and states[0].stands_at(self.since.revision)


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
        looked_at = partial(_shown, snapshot, cursor.facets)
    else:
        past = _past(snapshot, cursor, cursor.since)
        ids, more = _candidates(snapshot, cursor, past)
        if more and if_few and cursor.target is None:
            raise VeryMany
        looked_at = partial(_compared, snapshot, cursor.facets, past)
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
    found = [visible_row(row) for row in snapshot.rows(_NAMED, {"skus": skus, **snapshot.gate})]
    prices = price_list(snapshot, [row.state for row in found])
    rows = {row.state.sku: row for row in found}
    version = version_of(snapshot)
    entries = []
    for sku in skus:
        if row := rows.get(sku):
            words = prices.told(row.state).words
            variant = _Variant(row.state.variant_id, row, words, (None,), frozenset(), FACETS)
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
    past = _past(snapshot, cursor, cursor.since)
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


def _past(snapshot: Snapshot, cursor: ChangeCursor, since: Mark) -> _Past:
    terms = terms_since(snapshot, since.revision)
    tables = tables_of(cursor.facets)
    subjects = changed_subjects(
        snapshot, terms, since=since.revision, since_at=since.at, tables=tables
    )
    stood = snapshot.has_rules_of(since.revision) and subjects.are_none
    return _Past(since, terms, subjects, rules_stood=stood and snapshot.terms.hold(since.at))


def _candidates(snapshot: Snapshot, cursor: ChangeCursor, past: _Past) -> tuple[list[int], bool]:
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


def _shown(snapshot: Snapshot, facets: tuple[str, ...], ids: list[int]) -> Iterator[_Variant]:
    """Yield the variants of an enumeration: there is no past to compare with."""
    rows = visible_rows(snapshot, ids)
    prices = price_list(snapshot, [row.state for row in rows.values()])
    for variant_id in ids:
        row = rows[variant_id]
        words = prices.told(row.state).words
        yield _Variant(variant_id, row, words, (None,), frozenset(), facets)


def _compared(
    snapshot: Snapshot, facets: tuple[str, ...], past: _Past, ids: list[int]
) -> Iterator[_Variant]:
    since = past.since
    asked = {"ids": ids, "since": since.revision}
    snapshot.read_ahead(by_ids(snapshot, ids), (_STATES, asked), (_MOVED, asked))
    visible = visible_rows(snapshot, ids)
    states = _states(snapshot, ids, since.revision)
    moved = _moved_facets(snapshot, ids, since.revision)
    steady = {pk for pk in ids if past.is_steady(states.get(pk, []), visible.get(pk))}
    shown = [row.state for pk, row in visible.items() if pk in steady]
    prices = price_list(snapshot, shown) if shown else None
    changing = {pk: each for pk, each in states.items() if pk not in steady}
    interval = _interval(snapshot, since, past.terms, changing) if len(steady) < len(ids) else None
    for variant_id in ids:
        row = visible.get(variant_id)
        then: tuple[Projection | None, ...]
        if interval is None or variant_id in steady:
            price = prices.told(row.state).words if row and prices else b""
            then = (Projection(row.state.sku, price) if row else None,)
        else:
            price = _price(snapshot, interval, row) if row else b""
            then = tuple(past_projections(interval, states.get(variant_id, [])))
        yield _Variant(variant_id, row, price, then, moved.get(variant_id, frozenset()), facets)


def _price(snapshot: Snapshot, interval: Interval, row: VisibleRow) -> bytes:
    covering = interval.prices.covering(row.state)
    standing = [rule for rule in covering if rule.in_force(snapshot.revision)]
    return sale_json(sale(row.state, snapshot.terms, standing, snapshot.at))


def _states(snapshot: Snapshot, ids: list[int], since: int) -> dict[int, list[State]]:
    """Return the states of each variant since a revision, oldest first."""
    found: dict[int, list[State]] = defaultdict(list)
    for row in snapshot.rows(_STATES, {"ids": ids, "since": since}):
        (pk, begins, until, sku, published, source, brand, product, categories, depths, *price) = (
            row
        )
        gate = (sku, published, source, brand, product, tuple(categories), tuple(depths))
        list_price, currency, tax = price
        found[pk].append(State(pk, begins, until, *gate, list_price, currency, tax))
    return found


def _moved_facets(snapshot: Snapshot, ids: list[int], since: int) -> dict[int, frozenset[str]]:
    return {
        pk: frozenset(facet for facet, moved in (("product", content), ("stock", stock)) if moved)
        for pk, content, stock in snapshot.rows(_MOVED, {"ids": ids, "since": since})
    }


def _interval(
    snapshot: Snapshot, since: Mark, terms: list[Terms], states: dict[int, list[State]]
) -> Interval:
    every = [state for each in states.values() for state in each]
    snapshot.read_ahead(
        visibility_asked(every, since.revision), *rules_asked(every, since.revision)
    )
    visibility = visibility_since(snapshot, every, since=since.revision)
    prices = rules_since(snapshot, every, since=since.revision)
    rules = [*visibility.versions, *prices.versions]
    numbers = moving_revisions(since.revision, snapshot.revision, every, terms, rules)
    return Interval(
        since=since.revision,
        since_at=since.at,
        until=snapshot.revision,
        until_at=snapshot.at,
        terms=terms,
        visibility=visibility,
        prices=prices,
        recorded_at=dict(snapshot.rows(_RECORDED, {"numbers": numbers})),
    )


def _fill(
    snapshot: Snapshot, page: ChangesPage, batches: Iterator[Iterator[_Variant]], limit: int
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


def _tell(page: ChangesPage, variant: _Variant, told: set[str], version: str) -> None:
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


def _upsert(variant: _Variant, row: VisibleRow, version: str) -> bytes:
    return b'{"op":"upsert","sku":%b,"version":"%b","changed":%b,"item":%b}' % (
        orjson.dumps(row.state.sku),
        version.encode(),
        orjson.dumps(variant.changed),
        item(row, variant.price),
    )


def start_cursor(snapshot_epoch: int, facets: tuple[str, ...] = FACETS) -> ChangeCursor:
    """Return the cursor of a client that has nothing: it enumerates the view."""
    return ChangeCursor(snapshot_epoch, since=None, target=None, facets=facets)
