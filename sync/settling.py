"""Ends what a reading left open: SKUs that two variants claim, and records refused too early."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime

from catalog_mirror.conflicts import Claim
from catalog_mirror.models import Source, Variant
from catalog_mirror.records import Unmirrorable
from groundwork.instants import database_now
from groundwork.sealing import SealBroken
from sync.connections import NotConnected, connector_for
from sync.connectors import Connector, Named
from sync.http import ShopError
from sync.writing import Writing, skus_of

ROUNDS = 3  # a holder read again may turn out to claim what another holds
AT_ONCE = 400  # claims settled together


def settle(connector: Connector, writing: Writing) -> None:
    """Read claimants and holders again, of whatever source, and apply both together."""
    pending, writing.again = [*writing.again, *_refused_too_early(connector, writing)], []
    for _ in range(ROUNDS):
        claims, writing.unread = writing.unread, {}
        names = list(dict.fromkeys([*claims, *pending]))
        if not names:
            return
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            _settle_once(connector, writing, some, [claims[n] for n in some if n in claims])
        pending = []
    _quarantine(writing, writing.unread)


def _settle_once(
    connector: Connector, writing: Writing, names: Sequence[Named], holders: Sequence[Claim]
) -> None:
    """Date all by one moment, before any is read: so a holder that was read again counts as fresh."""
    at = database_now()
    elsewhere: dict[str, list[Named]] = defaultdict(list)
    own = dict.fromkeys(names)
    for holder in holders:
        name = Named(holder.product_external_id, holder.external_id)
        if holder.source_slug == writing.source.slug:
            own[name] = None
        else:
            elsewhere[holder.source_slug].append(name)
    if not writing.dry_run:
        for slug, held in elsewhere.items():
            _read_again_elsewhere(slug, list(dict.fromkeys(held)), writing=writing, at=at)
    fetched = connector.fetch(list(own))
    # A record imported anew under another id has the old one retired and its SKU back in one go.
    coming = skus_of(writing.source, fetched.records)
    writing.retire(fetched, observed_at=at, replaced=coming)
    writing.apply(fetched.records, observed_at=at)


def _read_again_elsewhere(slug: str, names: list[Named], *, writing: Writing, at: datetime) -> None:
    """Read another source's holders again; where its shop cannot be read they stay unread."""
    source = Source.objects.get(slug=slug)
    holding = Writing(source, dry_run=False, origin=writing.origin, corrections=writing.corrections)
    try:
        with closing(connector_for(holding.source)) as connector:
            fetched = connector.fetch(names)
    except (ShopError, NotConnected, SealBroken):
        return
    holding.retire(fetched, observed_at=at)
    holding.apply(fetched.records, observed_at=at)


def _refused_too_early(connector: Connector, writing: Writing) -> list[Named]:
    """Return what may pass now: its category is known by now, or its SKU was given up meanwhile."""
    refused = writing.tally.quarantined
    unplaced = [i for i, (reason, _) in refused.items() if reason == "category_unknown"]
    if unplaced:
        writing.apply_categories(connector.categories())
    if writing.dry_run:  # nothing was given up
        return [writing.retry[each] for each in unplaced]
    contested = {i: sku for i, (reason, sku) in refused.items() if reason == "duplicate_sku"}
    held = set(
        Variant.objects.filter(sku__in=contested.values(), retired_at=None).values_list(
            "sku", flat=True
        )
    )
    free = [i for i, sku in contested.items() if sku not in held]
    return [writing.retry[each] for each in (*unplaced, *free) if each in writing.retry]


def _quarantine(writing: Writing, unread: Mapping[Named, Claim]) -> None:
    """Refuse the claims whose holders could not be read again."""
    refused = [
        Unmirrorable(
            external_id=name.external_id,
            product_external_id=name.product_external_id,
            sku=holder.sku,
            reason="duplicate_sku",
            detail=f"Record {holder.external_id} of {holder.source_slug} carries this SKU, and could "
            "not be read again to see whether it still does. The next sweep looks again.",
        )
        for name, holder in unread.items()
    ]
    writing.apply(refused, observed_at=database_now())
