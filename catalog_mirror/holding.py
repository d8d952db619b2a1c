"""Which changes of a plan the brake holds back, and what must then stay with them; pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from catalog_mirror.brake import Change, Held
from catalog_mirror.comparison import Plan
from catalog_mirror.conflicts import Claim
from catalog_mirror.documents import Desired
from catalog_mirror.lookups import Row

Rows = Mapping[int | None, tuple[Row | None, str]]


def leaving(plan: Plan, rows: Rows) -> list[Desired]:
    """Return the accepted variants whose change takes them out of the published set, oldest first."""
    return sorted(
        (each for each in plan.accepted if _leaves(each, plan, rows)),
        key=lambda each: plan.row_id(each) or 0,
    )


def _leaves(each: Desired, plan: Plan, rows: Rows) -> bool:
    row, content = _row(each, plan, rows), each.record.content
    moved = "content" in plan.facets[each.external_id]
    return bool(moved and row and row.is_published and content and not content.is_published)


def _row(each: Desired, plan: Plan, rows: Rows) -> Row | None:
    return rows.get(plan.row_id(each), (None, ""))[0]


def held_back(
    plan: Plan, rows: Rows, *, published: set[int], spare: Callable[[str], int]
) -> tuple[Plan, list[Held]]:
    """Return the plan without what may not leave, and what that is.

    `published` are the ids of displaced holders that are published; `spare` says how many more may
    leave a source, by slug. Who stays keeps its SKU, so whoever was to take that SKU waits.
    """
    going = leaving(plan, rows)
    displaced = dict(zip(plan.displaced, plan.displaced_ids, strict=True))
    if not going and published.isdisjoint(displaced.values()):
        return plan, []
    staying = _Staying(plan, rows, displaced)
    budget: dict[str, int] = {}

    def may_go(slug: str) -> bool:
        if slug not in budget:  # asked once: under the writers' lock it does not move
            budget[slug] = spare(slug)
        budget[slug] -= 1
        return budget[slug] >= 0

    for each in going:
        if not may_go(plan.source.slug):
            staying.keep(each, "unpublished")
    for claim, pk in displaced.items():
        if pk in published and not may_go(claim.source_slug):
            staying.keep_holder(claim)
    staying.spread()
    return staying.plan(), staying.held


@dataclass
class _Staying:
    """What stays as it is, and the SKUs that are not free because of it."""

    _plan: Plan
    _rows: Rows
    _displaced: Mapping[Claim, int]
    held: list[Held] = field(default_factory=list)
    _variants: set[str] = field(default_factory=set)
    _holders: set[Claim] = field(default_factory=set)
    _skus: set[str] = field(default_factory=set)

    def keep(self, each: Desired, change: Change) -> None:
        row = _row(each, self._plan, self._rows)
        self._variants.add(each.external_id)
        self.held.append(
            Held(
                source_slug=self._plan.source.slug,
                external_id=each.external_id,
                product_external_id=each.product.external_id,
                sku=row.sku if row else each.sku,
                change=change,
            )
        )
        if row and row.retired_at is None:
            self._skus.add(row.sku)

    def keep_holder(self, claim: Claim, change: Change | None = "displaced") -> None:
        self._holders.add(claim)
        self._skus.add(claim.sku)
        if change:
            self.held.append(
                Held(
                    source_slug=claim.source_slug,
                    external_id=claim.external_id,
                    product_external_id=claim.product_external_id,
                    sku=claim.sku,
                    change=change,
                )
            )

    def spread(self) -> None:
        """Keep, until nothing changes, who wants a SKU that stays, and whom only such a one displaces."""
        is_spreading = True
        while is_spreading:
            for claim, winner in self._plan.settlement.displaced.items():
                if winner.external_id in self._variants and claim not in self._holders:
                    self.keep_holder(claim, None)
            waiting = [each for each in self._plan.accepted if self._waits(each)]
            for each in waiting:
                self.keep(each, "waiting")
            is_spreading = bool(waiting)

    def _waits(self, each: Desired) -> bool:
        row = _row(each, self._plan, self._rows)
        has_it = row is not None and row.retired_at is None and row.sku == each.sku
        return each.sku in self._skus and not has_it and each.external_id not in self._variants

    def plan(self) -> Plan:
        going = {c: pk for c, pk in self._displaced.items() if c not in self._holders}
        filed = self._plan.settlement.displaced
        return replace(
            self._plan,
            accepted=[e for e in self._plan.accepted if e.external_id not in self._variants],
            displaced_ids=list(going.values()),
            settlement=replace(
                self._plan.settlement, displaced={claim: filed[claim] for claim in going}
            ),
        )
