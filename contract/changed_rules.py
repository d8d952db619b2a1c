"""The rules that differ over an interval, for one customer: DELTA.md's SQL 1."""

from dataclasses import dataclass, field
from datetime import datetime

from contract.snapshots import Snapshot
from customers.visibility import Terms

# Four index ranges a table, never an OR. A rule that changed counts even if it was never open: it
# may move `next_change_at`. One that came and went between two revisions counts too.
_RANGES = """
    select subject_kind, subject_id, tier_id from {table}
        where from_revision > %(since)s
    union all
    select subject_kind, subject_id, tier_id from {table} where until_revision > %(since)s
    union all
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
_TABLES = ("customers_visibilityrule", "pricing_pricerule", "pricing_orderrule")


def _subjects_sql(*arms: str) -> str:
    union = " union all ".join(arm.format(table=table) for table in _TABLES for arm in arms)
    return f"""
        select distinct subject_kind, subject_id from ({union}) changed
        where tier_id is null or tier_id = any(%(tiers)s)
    """  # noqa: S608 - put together from the constants above


_CHANGED = _subjects_sql(_RANGES)
# A customer that held several tiers has lost or gained every rule of theirs.
_CHANGED_OVER_TIERS = _subjects_sql(_RANGES, _OF_TIERS)

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
    def is_everything(self) -> bool:
        return 0 in self.arrays["sources"]


def terms_since(snapshot: Snapshot, since: int) -> list[Terms]:
    """Return every version of the customer's terms that stood at revision `since` or later."""
    return [Terms(*row) for row in snapshot.rows(_TERMS, {"since": since})]


def changed_subjects(
    snapshot: Snapshot, terms: list[Terms], *, since: int, since_at: datetime
) -> Subjects:
    """Return what the rules name that changed, or whose window opened or closed, since a cursor."""
    tiers = {each.tier_id for each in terms}
    currencies = {(each.currency, each.unpriced) for each in terms}
    subjects = Subjects()
    if len(currencies) > 1:
        subjects.arrays["sources"].append(0)  # every price may have moved
    rows = snapshot.rows(
        _CHANGED_OVER_TIERS if len(tiers) > 1 else _CHANGED,
        {
            "since": since,
            "since_at": since_at,
            "at": snapshot.at,
            "tiers": [tier for tier in tiers if tier is not None],
        },
    )
    for kind, subject_id in rows:
        subjects.arrays[_KINDS[kind]].append(subject_id)
    return subjects
