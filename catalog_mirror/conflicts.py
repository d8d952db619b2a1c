"""Who keeps a SKU that two variants claim; pure.

A holder that was not read since the newcomer was may have given its SKU up: it is to be read again,
and both applied together, which resolves swaps and re-imports. What then still collides is a true
duplicate and goes to the lowest source rank, then the lowest external id.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A variant's claim to a SKU. A holder has it in the mirror; it is fresh when read since."""

    source_slug: str
    rank: int
    external_id: str
    product_external_id: str
    sku: str
    is_holder: bool = False
    is_fresh: bool = True

    @property
    def variant(self) -> tuple[str, str]:
        return (self.source_slug, self.external_id)

    @property
    def precedence(self) -> tuple[int, int, str]:
        # Ids are mostly digits: shorter first makes 99 lower than 100.
        return (self.rank, len(self.external_id), self.external_id)


@dataclass
class Settlement:
    """`accepted` may be written, `displaced` holders must go; the others lose, or wait.

    In `displaced` and `duplicates` each loser is filed with the claim in its way, in `unread` with
    the holder that is to be read: the one in its way, or the one for which that one waits.
    """

    accepted: set[Claim]
    displaced: dict[Claim, Claim] = field(default_factory=dict)
    duplicates: dict[Claim, Claim] = field(default_factory=dict)
    unread: dict[Claim, Claim] = field(default_factory=dict)


def settle(newcomers: Sequence[Claim], holders: Sequence[Claim]) -> Settlement:
    """Return which newcomers may have the SKU they claim.

    `holders` are the live variants that hold a claimed SKU, and the newcomers that are live, with
    the SKU that each has now: a newcomer that loses keeps it.
    """
    settlement = Settlement(accepted=set(newcomers))
    while contested := _contested(newcomers, holders, settlement):
        holder = next((claim for claim in contested if claim.is_holder), None)
        if holder and (unread := _unread(holder, settlement)):
            settlement.unread |= {claim: unread for claim in contested if claim is not holder}
        else:
            winner, *losers = sorted(contested, key=lambda claim: claim.precedence)
            settlement.displaced |= {claim: winner for claim in losers if claim.is_holder}
            settlement.duplicates |= {claim: winner for claim in losers if not claim.is_holder}
        settlement.accepted -= settlement.unread.keys() | settlement.duplicates.keys()
    return settlement


def _unread(holder: Claim, settlement: Settlement) -> Claim | None:
    """Return what is to be read before `holder` can be judged: itself, or what it waits for."""
    if not holder.is_fresh:
        return holder
    waits = settlement.unread.items()
    return next((each for claim, each in waits if claim.variant == holder.variant), None)


def _contested(
    newcomers: Sequence[Claim], holders: Sequence[Claim], settlement: Settlement
) -> list[Claim]:
    moving = {claim.variant for claim in settlement.accepted}
    claims: dict[str, list[Claim]] = defaultdict(list)
    for claim in holders:
        if claim.variant not in moving and claim not in settlement.displaced:
            claims[claim.sku].append(claim)
    for claim in newcomers:
        if claim in settlement.accepted:
            claims[claim.sku].append(claim)
    return next((each for each in claims.values() if len(each) > 1), [])
