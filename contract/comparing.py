"""Variants as they are, beside what the customer was shown of them at every moment since a cursor."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from catalog_mirror.states import State
from contract.change_cursors import ChangeCursor, Mark
from contract.changed_rules import Subjects, changed_subjects, tables_of, terms_since
from contract.items import VisibleRow, by_ids, price_list, sale_json, visible_rows
from contract.moments import Interval, Projection, moving_revisions, past_projections
from contract.snapshots import Snapshot
from customers.rulebook import visibility_asked, visibility_since
from customers.visibility import Terms
from pricing.offers import sale
from pricing.rules import rules_asked, rules_since

_STATES = """
    select variant_id, from_revision, until_revision, sku, is_published, source_id, brand_id,
           product_id, category_ids, category_depths, list_price, currency, tax_included
    from customers_states_since(%(ids)s, %(since)s)
    order by variant_id, until_revision nulls last
"""
_MOVED = """
    select id, content_revision > %(since)s, stock_revision > %(since)s
    from catalog_mirror_variant where id = any(%(ids)s)
"""
_RECORDED = """
    select number, recorded_at from catalog_mirror_revision where number = any(%(numbers)s)
"""


@dataclass(frozen=True)
class Variant:
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
class Past:
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

        Rules, terms and its state, which lasts, are the same at every moment; or no state of it was ever
        allowed. (States that no rule allowed are not told, so one that ended may be the only one.)
        """
        if not states:
            return row is None
        [first, *more] = states
        stood = first.stands_at(self.since.revision) and first.until_revision is None
        return self.rules_stood and stood and not more


def past_since(snapshot: Snapshot, cursor: ChangeCursor, since: Mark) -> Past:
    terms = terms_since(snapshot, since.revision)
    tables = tables_of(cursor.facets)
    subjects = changed_subjects(
        snapshot, terms, since=since.revision, since_at=since.at, tables=tables
    )
    stood = snapshot.has_rules_of(since.revision) and subjects.are_none
    return Past(since, terms, subjects, rules_stood=stood and snapshot.terms.hold(since.at))


def shown(snapshot: Snapshot, facets: tuple[str, ...], ids: list[int]) -> Iterator[Variant]:
    """Yield the variants of an enumeration: there is no past to compare with."""
    rows = visible_rows(snapshot, ids)
    prices = price_list(snapshot, [row.state for row in rows.values()])
    for variant_id in ids:
        row = rows[variant_id]
        words = prices.told(row.state).words
        yield Variant(variant_id, row, words, (None,), frozenset(), facets)


def compared(
    snapshot: Snapshot, facets: tuple[str, ...], past: Past, ids: list[int]
) -> Iterator[Variant]:
    """Yield candidates as they are and were; what may not differ is not compared."""
    since = past.since
    asked = {"ids": ids, "since": since.revision}
    snapshot.read_ahead(by_ids(snapshot, ids), (_STATES, asked), (_MOVED, asked))
    visible = visible_rows(snapshot, ids)
    states = _states(snapshot, ids, since.revision)
    moved = _moved_facets(snapshot, ids, since.revision)
    steady = {pk for pk in ids if past.is_steady(states.get(pk, []), visible.get(pk))}
    seen = [row.state for pk, row in visible.items() if pk in steady]
    prices = price_list(snapshot, seen) if seen else None
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
        yield Variant(variant_id, row, price, then, moved.get(variant_id, frozenset()), facets)


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
