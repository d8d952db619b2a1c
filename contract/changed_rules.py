"""The rules that differ over an interval, for one customer: DELTA.md's SQL 1."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from contract.change_cursors import Mark
from contract.snapshots import Calm, Kept, Snapshot, newest_seen
from customers.visibility import Terms

# Four index ranges a table, never an OR. A rule that changed counts even if it was never open: it
# may move `next_change_at`. One that came and went between two revisions counts too.
_CHANGES = """
    select subject_kind, subject_id, tier_id from {table}
        where from_revision > %(since)s
    union all
    select subject_kind, subject_id, tier_id from {table} where until_revision > %(since)s
"""
_BOUNDARIES = """
    select subject_kind, subject_id, tier_id from {table}
        where starts_at > %(since_at)s and starts_at <= %(at)s
          and (until_revision is null or until_revision > %(since)s)
    union all
    select subject_kind, subject_id, tier_id from {table}
        where ends_at > %(since_at)s and ends_at <= %(at)s
          and (until_revision is null or until_revision > %(since)s)
"""
_OF_TIERS = """
    select subject_kind, subject_id, tier_id from {table}
        where tier_id = any(%(tiers)s) and (until_revision is null or until_revision > %(since)s)
"""
VISIBILITY = ("customers_visibilityrule",)
ALL_RULES = (*VISIBILITY, "pricing_pricerule", "pricing_orderrule")


@cache
def _subjects_sql(tables: tuple[str, ...], *arms: str) -> str:
    union = " union all ".join(arm.format(table=table) for table in tables for arm in arms)
    return f"""
        select distinct subject_kind, subject_id from ({union}) changed
        where tier_id is null or tier_id = any(%(tiers)s)
    """  # noqa: S608 - put together from the constants above


_TERMS = """
    select from_revision, until_revision, status, contract_starts_at, contract_ends_at, tier_id,
           currency, unpriced
    from customers_customerterms
    where until_revision is null or until_revision > %(since)s
"""
_KINDS = {
    "all": "sources",
    "source": "sources",
    "brand": "brands",
    "category": "categories",
    "product": "products",
    "variant": "variants",
}


@dataclass
class Subjects:
    """Ids by kind, as `catalog_mirror_candidates` takes them; 0 among the sources is everything."""

    arrays: dict[str, list[int]] = field(
        default_factory=lambda: {name: [] for name in _KINDS.values()}
    )

    @property
    def are_none(self) -> bool:
        return not any(self.arrays.values())


def terms_since(snapshot: Snapshot, since: int) -> list[Terms]:
    """Return every version of the customer's terms that stood at revision `since` or later."""
    if snapshot.has_rules_of(since):
        return [snapshot.terms]
    return [Terms(*row) for row in snapshot.rows(_TERMS, {"since": since})]


def changed_subjects(
    snapshot: Snapshot,
    terms: list[Terms],
    *,
    since: int,
    since_at: datetime,
    tables: tuple[str, ...] = ALL_RULES,
) -> Subjects:
    """Return what the rules name that changed, or whose window opened or closed, since a cursor."""
    if snapshot.has_rules_of(since) and _stood(snapshot.kept, since_at, snapshot.at, tables):
        return Subjects()
    tiers = {each.tier_id for each in terms}
    rows = snapshot.rows(
        _subjects_sql(tables, *_arms(snapshot, since, tiers)),
        {
            "since": since,
            "since_at": since_at,
            "at": snapshot.at,
            "tiers": [tier for tier in tiers if tier is not None],
        },
    )
    subjects = Subjects()
    if tables == ALL_RULES and len({(each.currency, each.unpriced) for each in terms}) > 1:
        subjects.arrays["sources"].append(0)  # every price may have moved
    for kind, subject_id in rows:
        subjects.arrays[_KINDS[kind]].append(subject_id)
    if snapshot.has_rules_of(since):
        begins = snapshot.at if rows else since_at
        snapshot.kept.calm[tables] = Calm(begins, next_boundary(snapshot))
    return subjects


def tables_of(facets: tuple[str, ...]) -> tuple[str, ...]:
    """Return the rules that a feed of these facets hears of: without prices, what shows or hides."""
    return ALL_RULES if "price" in facets else VISIBILITY


def is_quiet(kept: Kept, mark: Mark, tables: tuple[str, ...]) -> bool:
    """Tell whether a poll will probably find nothing: no newer revision was seen here, no window moved."""
    return mark.revision >= newest_seen() and _stood(kept, mark.at, datetime.now(UTC), tables)


def _stood(kept: Kept, since_at: datetime, at: datetime, tables: tuple[str, ...]) -> bool:
    """Tell from what is kept in memory that no window opened or closed; False where it does not know."""
    calm = kept.calm.get(tables)
    return calm is not None and calm.covers(since_at, at)


def _arms(snapshot: Snapshot, since: int, tiers: set[int | None]) -> tuple[str, ...]:
    if snapshot.has_rules_of(since):
        return (_BOUNDARIES,)  # no rule was written since: only the clock went on
    # A customer that held several tiers has lost or gained every rule of theirs.
    return (_CHANGES, _BOUNDARIES, _OF_TIERS) if len(tiers) > 1 else (_CHANGES, _BOUNDARIES)


_EDGES = """
    select min({edge}) as edge from {table} where until_revision is null and {edge} > %(at)s
"""
_NEXT = f"""
    select min(edge) from ({
    " union all ".join(
        _EDGES.format(table=table, edge=edge)
        for table, edges in (
            *((table, ("starts_at", "ends_at")) for table in ALL_RULES),
            ("customers_customerterms", ("contract_starts_at", "contract_ends_at")),
        )
        for edge in edges
    )
}) edges
"""  # noqa: S608 - constants


def next_boundary(snapshot: Snapshot) -> datetime | None:
    """Return when the clock alone may next change the view: a window of a rule or contract."""
    ((edge,),) = snapshot.rows(_NEXT, {"at": snapshot.at})
    found: datetime | None = edge
    return found
