"""Which of the desired variants differ from the mirror, and which of them may be written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from catalog_mirror import lookups
from catalog_mirror.conflicts import Claim, Settlement, settle
from catalog_mirror.documents import Desired
from catalog_mirror.lookups import Known
from catalog_mirror.models import Source
from catalog_mirror.records import Unmirrorable

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

    @property
    def content_ids(self) -> list[int]:
        """Return the rows whose content is written over."""
        moved = [each for each in self.accepted if "content" in self.facets[each.external_id]]
        return [i for each in moved if (i := self.row_id(each)) is not None]

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


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The desired variants beside what the mirror knows of them."""

    source: Source
    wanted: Mapping[str, Desired]
    observed_at: datetime
    known: Mapping[str, Known]
    facets: dict[str, set[str]]

    @property
    def claims(self) -> dict[str, Claim]:
        """Return the claims to SKUs: of who is new, comes back, or has another SKU than before.

        Whoever keeps its SKU needs no claim: no other live variant has it, and it is met as its holder.
        """
        return {
            i: _claim(self.source, self.wanted[i])
            for i, moved in self.facets.items()
            if "content" in moved and not self._keeps_its_sku(i)
        }

    def _keeps_its_sku(self, external_id: str) -> bool:
        known = self.known.get(external_id)
        return bool(known and not known.is_retired and known.sku == self.wanted[external_id].sku)

    @property
    def has_sure_writes(self) -> bool:
        """Whether something differs that no claim decides about."""
        return len(self.claims) < len(self.facets)

    def plan(self) -> Plan:
        """Settle who may have the SKU it claims."""
        claims = self.claims
        settlement, holder_ids = _settled(self.source, claims, self.wanted, self.observed_at)
        gone = {c.external_id for c in settlement.displaced if c.source_slug == self.source.slug}
        accepted = [
            self.wanted[i]
            for i in self.facets
            if i not in gone and (i not in claims or claims[i] in settlement.accepted)
        ]
        fresh = {e.sku: e.external_id for e in accepted if e.external_id not in self.known}
        return Plan(
            source=self.source,
            compared=len(self.wanted),
            facets=self.facets,
            accepted=accepted,
            known=self.known,
            revived=lookups.revivable(
                self.source,
                fresh,
                since=self.observed_at - REVIVAL,
                but=[each.id for each in self.known.values()],
            ),
            settlement=settlement,
            displaced_ids=[holder_ids[claim] for claim in settlement.displaced],
        )


def compared(
    source: Source, wanted: Mapping[str, Desired], *, observed_at: datetime, hold: bool = False
) -> Compared:
    """Compare with the mirror as it is now; `hold` what is known of it until the transaction ends."""
    known = lookups.known_variants(source, list(wanted), at=observed_at, hold=hold)
    facets = {
        external_id: moved
        for external_id, each in wanted.items()
        if (moved := _moved_facets(each, known.get(external_id)))
    }
    return Compared(
        source=source, wanted=wanted, observed_at=observed_at, known=known, facets=facets
    )


def _moved_facets(each: Desired, known: Known | None) -> set[str]:
    content, price, stock = each.record.content, each.record.price, each.record.stock
    if known is None:
        return set(FACETS) if content and price and stock else set()
    moved = set()
    differs = known.is_retired or known.content_hash != each.content_hash
    if content and known.content_open and differs:
        moved.add("content")
    if price and known.price_open and known.price_hash != each.price_hash:
        moved.add("price")
    if stock and known.stock_open and known.stock_hash != each.stock_hash:
        moved.add("stock")
    return moved


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
            # No shop could be asked again for what the sandbox holds: it gives way at once.
            is_fresh=row.is_sandbox
            or row.content_at >= observed_at
            or (row.source_slug == source.slug and row.external_id in wanted),
        ): row.id
        for row in lookups.holders(source, [c.sku for c in claims.values()], list(claims))
    }
    return settle(list(claims.values()), list(holders)), holders
