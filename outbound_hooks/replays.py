"""Tells once more what was told: new messages that say what those SKUs are in the present view."""

from collections.abc import Iterable, Sequence
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


def replay(endpoint: Endpoint, told: Iterable[Delivery], *, actor: str) -> int:
    """Put what `told` named to be delivered anew; return the number of messages.

    Several that name one SKU are told once. Raise `ContractInactive` where no contract holds.
    """
    told = list(told)
    with snapshot_for(endpoint.customer_id) as snapshot:
        messages = list(_messages(snapshot, told))
    put = deliveries.put(
        endpoint.pk,
        endpoint.customer_id,
        messages,
        revision=snapshot.revision,
        correlation=correlation_id(),
        replay_of=told[0].message_id if len(told) == 1 else "",
    )
    audit.record(
        actor,
        action="endpoint.replayed",
        subject=endpoint.public_id,
        after={"deliveries": len(told), "messages": len(put)},
    )
    return len(put)


def _messages(snapshot: Snapshot, told: Sequence[Delivery]) -> Iterable[Message]:
    skus = list(dict.fromkeys(sku for each in told for sku in skus_of(each.body)))
    for start in range(0, len(skus), _AT_ONCE):
        entries = present_entries(snapshot, skus[start : start + _AT_ONCE])
        yield from messages_of(entries, revision=snapshot.revision, as_of=snapshot.at)
    bulk = [each for each in told if each.kind == _BULK]
    if bulk:  # the oldest cursor tells of all that the others would
        data = orjson.loads(bulk[0].body)["data"]
        yield catalogue_changed(
            count=None,  # what it was then may be what is not to be known now
            cursor=data["cursor"],
            revision=snapshot.revision,
            as_of=snapshot.at,
        )
