"""Which of the desired variants differ from the mirror, and which of them may be written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from catalog_mirror import tables
from catalog_mirror.conflicts import Claim, Settlement, settle
from catalog_mirror.documents import Desired
from catalog_mirror.models import Source
from catalog_mirror.records import Unmirrorable
from catalog_mirror.tables import Known

# A retired variant whose SKU comes back within this time is the same one, imported again, and keeps
# its contract prices; later it is a new one.
REVIVAL = timedelta(days=30)
FACETS = ("content", "price", "stock")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be written. `facets` names, for each variant that differs, in which facets."""

    source: Source
    compared: int
    facets: dict[str, set[str]]
    accepted: list[Desired]
    known: Mapping[str, Known]
    revived: Mapping[str, int]
    settlement: Settlement
    displaced_ids: list[int]

    @property
    def has_writes(self) -> bool:
        return bool(self.accepted or self.displaced_ids)

    @property
    def displaced(self) -> list[Claim]:
        return list(self.settlement.displaced)

    @property
    def unread_holders(self) -> dict[str, Claim]:
        return {claim.external_id: holder for claim, holder in self.settlement.unread.items()}

    @property
    def row_ids(self) -> list[int]:
        return [i for each in self.accepted if (i := self.row_id(each)) is not None]

    def row_id(self, each: Desired) -> int | None:
        """Return the row that `each` is written over; None for a new variant."""
        known = self.known.get(each.external_id)
        return known.id if known else self.revived.get(each.external_id)

    @property
    def duplicates(self) -> list[Unmirrorable]:
        return [
            Unmirrorable(
                external_id=loser.external_id,
                product_external_id=loser.product_external_id,
                sku=loser.sku,
                reason="duplicate_sku",
                detail=f"Record {winner.external_id} of {winner.source_slug} carries this SKU and "
                "comes first. Give one of the two another SKU in its shop.",
            )
            for loser, winner in self.settlement.duplicates.items()
        ]


def plan_of(
    source: Source, wanted: Mapping[str, Desired], *, observed_at: datetime, hold: bool = False
) -> Plan:
    """Compare with the mirror as it is now; `hold` what is known of it until the transaction ends."""
    known = tables.known_variants(source, list(wanted), hold=hold)
    facets = {
        external_id: moved
        for external_id, each in wanted.items()
        if (moved := _moved_facets(each, known.get(external_id), observed_at))
    }
    claims = {i: _claim(source, wanted[i]) for i, moved in facets.items() if "content" in moved}
    settlement, holder_ids = _settled(source, claims, wanted, observed_at)
    gone = {c.external_id for c in settlement.displaced if c.source_slug == source.slug}
    accepted = [
        wanted[i]
        for i in facets
        if i not in gone and (i not in claims or claims[i] in settlement.accepted)
    ]
    fresh = {each.sku: each.external_id for each in accepted if each.external_id not in known}
    return Plan(
        source=source,
        compared=len(wanted),
        facets=facets,
        accepted=accepted,
        known=known,
        revived=tables.revivable(
            source,
            fresh,
            since=observed_at - REVIVAL,
            but=[each.id for each in known.values()],
        ),
        settlement=settlement,
        displaced_ids=[holder_ids[claim] for claim in settlement.displaced],
    )


def _moved_facets(each: Desired, known: Known | None, observed_at: datetime) -> set[str]:
    read = {facet for facet in FACETS if getattr(each.record, facet) is not None}
    if known is None:
        return read if len(read) == len(FACETS) else set()
    return {
        facet
        for facet in read
        if getattr(known, f"{facet}_at") <= observed_at
        and (
            getattr(known, f"{facet}_hash") != getattr(each, f"{facet}_hash")
            or (facet == "content" and known.is_retired)
        )
    }


def _claim(source: Source, each: Desired) -> Claim:
    return Claim(
        source_slug=source.slug,
        rank=source.rank,
        external_id=each.external_id,
        product_external_id=each.product.external_id,
        sku=each.sku,
    )


def _settled(
    source: Source,
    claims: Mapping[str, Claim],
    wanted: Mapping[str, Desired],
    observed_at: datetime,
) -> tuple[Settlement, dict[Claim, int]]:
    holders = {
        Claim(
            source_slug=row.source_slug,
            rank=row.rank,
            external_id=row.external_id,
            product_external_id=row.product_external_id,
            sku=row.sku,
            is_holder=True,
            is_fresh=row.content_at >= observed_at
            or (row.source_slug == source.slug and row.external_id in wanted),
        ): row.id
        for row in tables.holders(source, [c.sku for c in claims.values()], list(claims))
    }
    return settle(list(claims.values()), list(holders)), holders
