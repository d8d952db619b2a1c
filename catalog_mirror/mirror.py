"""The only writer of the mirror's products, variants, stock and history.

Reading, hashing and dropping what has not changed happen before the transaction; inside it the same
comparison is made again, under the lock that orders all writers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from catalog_mirror import quarantine, revisions, tables
from catalog_mirror.comparison import Plan, plan_of
from catalog_mirror.conflicts import Claim
from catalog_mirror.differences import Difference, differences, retirement
from catalog_mirror.documents import Desired, desired
from catalog_mirror.models import Source
from catalog_mirror.records import ProductRecord, Unmirrorable
from catalog_mirror.taxonomy import Tree, tree_of
from catalog_mirror.validation import problem_of, unplaced

# A variant found unchanged may be written by another before that is noted; then it is compared again.
_PASSES = 5


@dataclass
class Applied:
    """What an `apply` did. `unread_holders` are to be read again and applied with their claimants."""

    differences: list[Difference] = field(default_factory=list)
    quarantined: list[Unmirrorable] = field(default_factory=list)
    unread_holders: dict[str, Claim] = field(default_factory=dict)
    unchanged: int = 0
    revision: int | None = None


def apply(
    source: Source,
    records: Sequence[ProductRecord | Unmirrorable],
    *,
    observed_at: datetime,
    origin: str,
    dry_run: bool = False,
    foreseen: Tree | None = None,
) -> Applied:
    """Make the mirror say what `records` say, where it differs; return the differences.

    `observed_at` is the database's clock before the request that read the records: a facet that was
    observed later than that stays as it is. What cannot be mirrored is quarantined with a reason,
    and the rest goes on. Equal records take no revision. A dry run writes nothing, and may be given
    the categories `foreseen`.
    """
    applied = Applied()
    tree = foreseen or tree_of(source)
    wanted = pending = _usable(source, records, tree, applied)
    for _ in range(_PASSES):
        plan = plan_of(source, pending, observed_at=observed_at)
        if dry_run:
            _tell(source, plan, applied)
            return applied
        if plan.has_writes:
            plan = _write(source, pending, tree, observed_at, origin, applied) or plan
        applied.unread_holders |= plan.unread_holders
        applied.quarantined += plan.duplicates
        unchanged = [each for each in pending.values() if each.external_id not in plan.facets]
        pending = tables.note_unchanged(plan.known, unchanged, at=observed_at)
        applied.unchanged += len(unchanged) - len(pending)
        if not pending:
            break
    quarantine.keep(source, applied.quarantined, at=observed_at)
    quarantine.release(source, set(wanted) - set(applied.unread_holders), but=applied.quarantined)
    return applied


def retire(
    source: Source, external_ids: Iterable[str], *, observed_at: datetime, origin: str
) -> list[Difference]:
    """Unpublish the variants that the source itself says are gone, and free their SKUs.

    One whose content was read after `observed_at` stays.
    """
    ids = list(external_ids)
    if not tables.live_unread_since(source, ids, observed_at):
        return []
    gone: list[tuple[str, str]] = []
    with revisions.writing(origin) as revision:
        gone = tables.retire(
            tables.live_unread_since(source, ids, observed_at),
            revision=revision.number,
            at=observed_at,
        )
        if not gone:
            raise revisions.NothingToWrite
    return [retirement(sku, external_id) for external_id, sku in gone]


def _usable(
    source: Source,
    records: Sequence[ProductRecord | Unmirrorable],
    tree: Tree,
    applied: Applied,
) -> dict[str, Desired]:
    """Return what can be mirrored by external id; of a record that is repeated, the last counts."""
    wanted: dict[str, Desired] = {}
    for record in records:
        if isinstance(record, Unmirrorable):
            applied.quarantined.append(record)
            continue
        for variant in record.variants:
            problem = problem_of(record, variant) or unplaced(record, variant, tree)
            if problem:
                applied.quarantined.append(problem)
            else:
                wanted[variant.external_id] = desired(source, record, variant, tree)
    return wanted


def _tell(source: Source, plan: Plan, applied: Applied) -> None:
    rows = tables.rows_of(plan.row_ids)
    for each in plan.accepted:
        row, document = rows.get(plan.row_id(each), (None, ""))
        applied.differences += differences(
            source, each, row, document, plan.facets[each.external_id]
        )
    applied.differences += [retirement(c.sku, c.external_id) for c in plan.displaced]
    applied.quarantined += plan.duplicates
    applied.unread_holders = plan.unread_holders
    applied.unchanged = plan.compared - len(plan.facets)


def _write(
    source: Source,
    wanted: dict[str, Desired],
    tree: Tree,
    observed_at: datetime,
    origin: str,
    applied: Applied,
) -> Plan | None:
    plan = None
    with revisions.writing(origin) as revision:
        plan = plan_of(source, wanted, observed_at=observed_at, hold=True)
        if not plan.has_writes:
            raise revisions.NothingToWrite
        gone = tables.retire(plan.displaced_ids, revision=revision.number, at=observed_at)
        applied.differences += [retirement(sku, external_id) for external_id, sku in gone]
        rows = tables.rows_of(plan.row_ids)
        tables.write(
            source,
            [(each, rows.get(plan.row_id(each), (None, ""))[0]) for each in plan.accepted],
            facets=plan.facets,
            tree=tree,
            revision=revision.number,
            at=observed_at,
        )
        # What was read beside the facets that moved was read as well.
        tables.note_unchanged(plan.known, plan.accepted, at=observed_at)
        applied.revision = revision.number
        for each in plan.accepted:
            row, document = rows.get(plan.row_id(each), (None, ""))
            applied.differences += differences(
                source, each, row, document, plan.facets[each.external_id]
            )
        for claim in plan.displaced:
            problem = quarantine.displace(claim, at=observed_at)
            if claim.source_slug == source.slug:
                applied.quarantined.append(problem)
    return plan
