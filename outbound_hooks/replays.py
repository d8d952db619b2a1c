"""Tells once more what was told: new messages that say what those SKUs are in the present view."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from django.db.models import QuerySet

from contract.delta import present_entries
from contract.snapshots import Snapshot, snapshot_for
from groundwork import audit
from groundwork.correlation import correlation_id
from outbound_hooks import deliveries
from outbound_hooks.deliveries import Message
from outbound_hooks.models import Delivery, Endpoint
from outbound_hooks.rendering import catalogue_changed, messages_of, skus_of

_BULK = "catalogue.changed"
_AT_ONCE = 500  # SKUs


def chosen(
    endpoint: Endpoint,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    statuses: Sequence[str] = ("dead",),
) -> QuerySet[Delivery]:
    """Return deliveries of an endpoint in [since, until) that ended so; oldest first."""
    found = Delivery.objects.filter(endpoint=endpoint, status__in=statuses).exclude(kind="ping")
    if since:
        found = found.filter(created_at__gte=since)
    if until:
        found = found.filter(created_at__lt=until)
    return found.order_by("pk")


def replay(endpoint: Endpoint, told: QuerySet[Delivery], *, actor: str) -> tuple[int, int]:
    """Put what `told` named to be delivered anew; return how many deliveries that were, and messages.

    Several that name one SKU are told once. Raise `ContractInactive` where no contract holds.
    """
    named = _named(told)
    if not named.deliveries:
        return 0, 0
    with snapshot_for(endpoint.customer_id) as snapshot:
        messages = list(_messages(snapshot, named))
    put = deliveries.put(
        endpoint.pk,
        endpoint.customer_id,
        messages,
        revision=snapshot.revision,
        correlation=correlation_id(),
        replay_of=named.last if named.deliveries == 1 else "",
    )
    audit.record(
        actor,
        action="endpoint.replayed",
        subject=endpoint.public_id,
        after={"deliveries": named.deliveries, "messages": len(put)},
    )
    return named.deliveries, len(put)


@dataclass
class _Named:
    """What deliveries told of; the oldest cursor tells of all that later ones would."""

    deliveries: int = 0
    skus: dict[str, None] = field(default_factory=dict)
    has_bulk: bool = False
    cursor: str | None = None
    last: str = ""


def _named(told: QuerySet[Delivery]) -> _Named:
    """Read the bodies one by one: thirty days of them are large."""
    named = _Named()
    rows = told.values_list("message_id", "kind", "body").iterator(chunk_size=100)
    for named.last, kind, body in rows:
        named.deliveries += 1
        named.skus.update(dict.fromkeys(skus_of(body)))
        if kind == _BULK and not named.has_bulk:
            named.has_bulk, named.cursor = True, orjson.loads(body)["data"]["cursor"]
    return named


def _messages(snapshot: Snapshot, named: _Named) -> Iterable[Message]:
    skus = list(named.skus)
    revision, as_of = snapshot.revision, snapshot.at
    for start in range(0, len(skus), _AT_ONCE):
        entries = present_entries(snapshot, skus[start : start + _AT_ONCE])
        yield from messages_of(entries, revision=revision, as_of=as_of)
    if named.has_bulk:  # how many it was then may be what is not to be known now
        yield catalogue_changed(count=None, cursor=named.cursor, revision=revision, as_of=as_of)
