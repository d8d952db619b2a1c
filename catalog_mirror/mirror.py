"""The only writer of the mirror's products, variants, stock and history.

Reading, hashing and dropping what has not changed happen before the transaction; inside it the same
comparison is made again, under the lock that orders all writers.
"""

import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from catalog_mirror import brake, lookups, quarantine, revisions, tables
from catalog_mirror.brake import Held
from catalog_mirror.comparison import Plan, compared
from catalog_mirror.conflicts import Claim
from catalog_mirror.differences import Difference, differences, retirement
from catalog_mirror.documents import Desired, desired, shared
from catalog_mirror.holding import Rows, held_back
from catalog_mirror.models import Source
from catalog_mirror.records import ProductRecord, Unmirrorable
from catalog_mirror.taxonomy import Tree, tree_of
from catalog_mirror.validation import problem_of, unplaced

# A variant found unchanged may be written by another before that is noted; then it is compared again.
_PASSES = 5

# Told of what a transaction writes, inside it: what it notes is kept or lost together with the rest.
Note = Callable[[Sequence[Difference], int], None]


def unnoted(_differences: Sequence[Difference], _revision: int) -> None:
    """Note nothing."""


@dataclass
class Applied:
    """What a writing did. `unread_holders` are to be read again and applied with their claimants.

    `held` stays as it was, because the brake lets no more leave the published set.
    """

    differences: list[Difference] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    quarantined: list[Unmirrorable] = field(default_factory=list)
    unread_holders: dict[str, Claim] = field(default_factory=dict)
    unchanged: int = 0
    revision: int | None = None


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Keep the collector of cycles from running: what is made meanwhile makes none, and is much.

    Where all differs it took a fifth of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_collecting_later()
def apply(
    source: Source,
    records: Sequence[ProductRecord | Unmirrorable],
    *,
    observed_at: datetime,
    origin: str,
    dry_run: bool = False,
    foreseen: Tree | None = None,
    note: Note = unnoted,
) -> Applied:
    """Make the mirror say what `records` say, where it differs; return the differences.

    `observed_at` is the database's clock before the request that read the records: a facet that was
    observed later than that stays as it is. What cannot be mirrored is quarantined with a reason,
    and the rest goes on. Equal records take no revision. A dry run writes nothing, knows no brake, and
    may be given the categories `foreseen`.
    """
    applied = Applied()
    tree = foreseen or tree_of(source)
    wanted = pending = _usable(source, records, tree, applied)
    for _ in range(_PASSES):
        found = compared(source, pending, observed_at=observed_at)
        plan = None if found.has_sure_writes and not dry_run else found.plan()
        if dry_run and plan:
            _tell(source, plan, applied)
            return applied
        if plan is None or plan.has_writes:
            plan = _Write(source, observed_at, origin, note).run(pending, applied)
        applied.unread_holders |= plan.unread_holders
        applied.quarantined += plan.duplicates
        unchanged = [each for each in pending.values() if each.external_id not in plan.facets]
        pending = tables.note_unchanged(plan.known, unchanged, at=observed_at)
        applied.unchanged += len(unchanged) - len(pending)
        if not pending:
            break
    quarantine.keep(source, applied.quarantined, at=observed_at)
    settled = (
        set(wanted) - set(applied.unread_holders) - {each.external_id for each in applied.held}
    )
    quarantine.release(source, settled, but=applied.quarantined)
    brake.let_go(source, settled)
    brake.hold(source, applied.held, at=observed_at)
    return applied


def retire(
    source: Source,
    external_ids: Iterable[str],
    *,
    observed_at: datetime,
    origin: str,
    replaced: Collection[str] = frozenset(),
    note: Note = unnoted,
) -> Applied:
    """Unpublish the variants that the source itself says are gone, and free their SKUs.

    One whose content was read after `observed_at` stays, and so does what the brake holds: not the
    SKUs in `replaced`, whose new records are applied next and which do not leave for long.
    """
    ids, applied = list(external_ids), Applied()
    if not lookups.live_unread_since(source, ids, observed_at):
        return applied
    with revisions.writing(origin) as revision:
        going, applied.held = _may_retire(source, ids, observed_at, replaced)
        gone = tables.retire(going, revision=revision.number, at=observed_at)
        if not gone:
            raise revisions.NothingToWrite
        applied.differences = [retirement(sku, external_id) for external_id, sku in gone]
        applied.revision = revision.number
        note(applied.differences, revision.number)
    brake.let_go(source, [each.external_id for each in applied.differences])
    brake.hold(source, applied.held, at=observed_at)
    return applied


def _may_retire(
    source: Source, external_ids: list[str], observed_at: datetime, replaced: Collection[str]
) -> tuple[list[int], list[Held]]:
    """Return the ids of those that may go now, and those that the brake holds; under the lock."""
    ids = lookups.live_unread_since(source, external_ids, observed_at)
    leaving = [each for each in lookups.published(ids) if each.sku not in replaced]
    held = leaving[brake.allowance(source.pk) :] if leaving else []
    staying = {each.id for each in held}
    return [pk for pk in ids if pk not in staying], [
        Held(
            source_slug=source.slug,
            external_id=each.external_id,
            product_external_id=each.product_external_id,
            sku=each.sku,
            change="retired",
        )
        for each in held
    ]


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
        common = shared(source, record, tree) if tree.knows(record.category_external_ids) else None
        for variant in record.variants:
            problem = problem_of(record, variant) or (None if common else unplaced(record, variant))
            if problem:
                applied.quarantined.append(problem)
            elif common:
                wanted[variant.external_id] = desired(source, common, variant)
    return wanted


def _tell(source: Source, plan: Plan, applied: Applied) -> None:
    rows = lookups.rows_of(plan.row_ids, with_documents=plan.content_ids)
    for each in plan.accepted:
        row, document = rows.get(plan.row_id(each), (None, ""))
        applied.differences += differences(
            source, each, row, document, plan.facets[each.external_id]
        )
    applied.differences += [retirement(c.sku, c.external_id) for c in plan.displaced]
    applied.quarantined += plan.duplicates
    applied.unread_holders = plan.unread_holders
    applied.unchanged = plan.compared - len(plan.facets)


@dataclass(frozen=True)
class _Write:
    """One writing transaction under a revision of its own."""

    source: Source
    observed_at: datetime
    origin: str
    note: Note

    def run(self, wanted: dict[str, Desired], applied: Applied) -> Plan:
        """Compare again under the lock, write what differs and may pass, and note it in `applied`."""
        with revisions.writing(self.origin) as revision:
            plan = compared(self.source, wanted, observed_at=self.observed_at, hold=True).plan()
            rows = lookups.rows_of(plan.row_ids, with_documents=plan.content_ids)
            plan, held = _within_brake(plan, rows)
            applied.held += held
            if not plan.has_writes:
                raise revisions.NothingToWrite
            gone = tables.retire(plan.displaced_ids, revision=revision.number, at=self.observed_at)
            found = [retirement(sku, external_id) for external_id, sku in gone]
            found += self._over(plan, rows, revision.number)
            self.note(found, revision.number)
            applied.differences += found
            applied.revision = revision.number
            self._quarantine(plan, applied)
        return plan

    def _over(self, plan: Plan, rows: Rows, revision: int) -> list[Difference]:
        """Write what the plan accepts over the rows there are; return how it differs from them."""
        over = [(each, *rows.get(plan.row_id(each), (None, ""))) for each in plan.accepted]
        tables.write(
            self.source,
            [(each, row) for each, row, _ in over],
            facets=plan.facets,
            known=plan.known,
            revision=revision,
            at=self.observed_at,
        )
        return [
            difference
            for each, row, document in over
            for difference in differences(
                self.source, each, row, document, plan.facets[each.external_id]
            )
        ]

    def _quarantine(self, plan: Plan, applied: Applied) -> None:
        for claim in plan.displaced:
            problem = quarantine.displace(claim, at=self.observed_at)
            if claim.source_slug == self.source.slug:
                applied.quarantined.append(problem)


def _within_brake(plan: Plan, rows: Rows) -> tuple[Plan, list[Held]]:
    displaced = {each.id for each in lookups.published(plan.displaced_ids)}

    def spare(slug: str) -> int:
        source = plan.source if slug == plan.source.slug else Source.objects.get(slug=slug)
        return brake.allowance(source.pk)

    return held_back(plan, rows, published=displaced, spare=spare)
