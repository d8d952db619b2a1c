"""What changed in each endpoint's view becomes its deliveries: the difference that `/v1/changes` tells."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction

from catalog_mirror.models import Revision
from contract.change_cursors import ChangeCursor, change_cursor
from contract.changed_rules import next_boundary
from contract.cursors import CursorInvalid
from contract.delta import (
    EXAMINED,
    VeryMany,
    changes_page,
    count_candidates,
    count_visible,
    latest_page,
)
from contract.marks import now_of
from contract.problems import Problem
from contract.snapshots import ContractInactive, Snapshot, snapshot_for
from outbound_hooks import deliveries, endpoints
from outbound_hooks.deliveries import Message
from outbound_hooks.rendering import catalogue_changed, messages_of

log = structlog.get_logger(__name__)

_LOST = "lost"  # opens as no cursor does
_ENTRIES = EXAMINED  # of a page; up to that many are told one by one, however small the view
# An endpoint that has not taken these is not given more: what changes meanwhile is told together.
_MOST_WAITING = 100

# Endpoints whose view may differ from what they were told: something was written since, or a window
# opened or closed. The first is the one that waited longest.
_DUE = """
    select e.id, e.customer_id, e.cursor, e.facets
    from outbound_hooks_endpoint e
    where e.is_enabled and e.id %% %(of)s = %(part)s
      and (e.seen_revision < (select max(number) from catalog_mirror_revision)
           or e.look_at <= clock_timestamp())
      and (select count(*) from outbound_hooks_delivery d
           where d.endpoint_id = e.id and d.status = 'pending') < %(waiting)s
    order by e.seen_revision, e.id
"""
_ENDED = """
    select e.id, e.customer_id, e.cursor, e.facets from outbound_hooks_endpoint e
    where exists (select from outbound_hooks_delivery d
                  where d.endpoint_id = e.id and d.status = 'pending') and not {in_force}
"""
_NO_REVISION = -1  # so that it is looked at again
_BEGINS = """
    select contract_starts_at from customers_customerterms
    where customer_id = %s and until_revision is null and contract_starts_at > clock_timestamp()
"""


@dataclass(frozen=True)
class Due:
    """An endpoint to look at."""

    id: int
    customer_id: int
    cursor: str
    facets: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """How far a look went: what to tell, and where the feed stands then."""

    cursor: str
    seen_revision: int
    look_at: datetime | None
    revision: int
    nonce: UUID
    messages: list[Message] = field(default_factory=list)


def due(*, part: int = 0, of: int = 1) -> list[Due]:
    """Return the endpoints to look at, or one of several parts of them; one query, however many."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"waiting": _MOST_WAITING, "part": part, "of": of})
        return [Due(pk, customer, at, tuple(f)) for pk, customer, at, f in cursor.fetchall()]


def dispatched(endpoint: Due) -> bool:
    """Write what one endpoint is to be told, and where its feed stands then; tell whether it moved.

    Both are one transaction, and only the first of several that look at once writes.
    """
    try:
        at = _opened(endpoint)
        with snapshot_for(
            endpoint.customer_id, not_before=at.not_before if at else None
        ) as snapshot:
            step = _step(snapshot, endpoint, at)
    except ContractInactive as inactive:
        return _stopped(endpoint, inactive.revision)
    if not step.messages:
        return _advance(endpoint, step)
    correlation = _correlation(step.revision, step.nonce)
    with transaction.atomic():
        if not _advance(endpoint, step):
            return False
        deliveries.put(
            endpoint.id,
            endpoint.customer_id,
            step.messages,
            revision=step.revision,
            correlation=correlation,
        )
    return True


def _advance(endpoint: Due, step: Step) -> bool:
    return endpoints.advance(
        endpoint.id,
        before=endpoint.cursor,
        facets=endpoint.facets,
        cursor=step.cursor,
        seen_revision=step.seen_revision,
        look_at=step.look_at,
    )


def _stopped(endpoint: Due, revision: int) -> bool:
    """Outside its contract a customer hears nothing; the feed goes on from here when one begins."""
    with connection.cursor() as cursor:
        cursor.execute(_BEGINS, [endpoint.customer_id])
        row = cursor.fetchone()
    with (
        transaction.atomic()
    ):  # or what was cancelled would be forgotten by a process that dies between
        cancelled = deliveries.cancel(endpoint.id)
        return endpoints.advance(
            endpoint.id,
            before=endpoint.cursor,
            facets=endpoint.facets,
            # What was cancelled is not told again, so the copy is to be made anew.
            cursor=_LOST if cancelled else endpoint.cursor,
            seen_revision=revision,
            look_at=row and row[0],
        )


def stop_ended() -> None:
    """Cancel what waits for endpoints whose customer has no contract now; it is not sent in any case."""
    with connection.cursor() as cursor:
        cursor.execute(_ENDED.format(in_force=deliveries.IN_FORCE))
        ended = [Due(pk, customer, at, tuple(f)) for pk, customer, at, f in cursor.fetchall()]
    for endpoint in ended:
        _stopped(endpoint, _NO_REVISION)


def _opened(endpoint: Due) -> ChangeCursor | None:
    """Return where the feed stands; None where it is yet to start, or its seal is not known any more."""
    try:
        cursor = change_cursor(endpoint.cursor, customer_id=endpoint.customer_id)
    except CursorInvalid:
        return None
    return replace(cursor, facets=endpoint.facets)


def _step(snapshot: Snapshot, endpoint: Due, at: ChangeCursor | None) -> Step:
    if at is None:
        lost = [_anew(snapshot)] if endpoint.cursor else []
        return _at_the_end(snapshot, endpoint, lost)
    try:
        page = changes_page(snapshot, at, limit=_ENTRIES, if_few=True)
    except VeryMany:
        if count := _too_many(snapshot, at):
            # Its pass is to end no earlier than now, so that no standby answers that lacks the change.
            cursor = at.onward(now_of(snapshot), at.position).sealed(snapshot.customer_id)
            return _at_the_end(snapshot, endpoint, [_resumed(snapshot, count, cursor)])
        page = changes_page(snapshot, at, limit=_ENTRIES)
    except Problem:  # 410: what it stood at is not known any more
        return _at_the_end(snapshot, endpoint, [_anew(snapshot)])
    told = messages_of(page.entries, revision=snapshot.revision, as_of=snapshot.at)
    return Step(
        cursor=page.cursor,
        # While the pass goes on it stays due.
        seen_revision=snapshot.revision - 1 if page.has_more else snapshot.revision,
        look_at=next_boundary(snapshot),
        revision=snapshot.revision,
        nonce=snapshot.nonce,
        messages=list(told),
    )


def _too_many(snapshot: Snapshot, at: ChangeCursor) -> int:
    """Return how many visible variants may have changed where they are told in one message, else 0."""
    count = count_candidates(snapshot, at)
    return count if count > settings.WEBHOOK_BULK_SHARE * count_visible(snapshot) else 0


def _at_the_end(snapshot: Snapshot, endpoint: Due, messages: list[Message]) -> Step:
    """Start the feed at the present."""
    return Step(
        cursor=latest_page(snapshot, endpoint.facets).cursor,
        seen_revision=snapshot.revision,
        look_at=next_boundary(snapshot),
        revision=snapshot.revision,
        nonce=snapshot.nonce,
        messages=messages,
    )


def _anew(snapshot: Snapshot) -> Message:
    return catalogue_changed(count=None, cursor=None, revision=snapshot.revision, as_of=snapshot.at)


def _resumed(snapshot: Snapshot, count: int, cursor: str) -> Message:
    return catalogue_changed(
        count=count, cursor=cursor, revision=snapshot.revision, as_of=snapshot.at
    )


@lru_cache(maxsize=16)
def _correlation(revision: int, _nonce: UUID) -> str:
    """Return the id of what caused a revision, so that a change is traced from shop to receiver."""
    found = Revision.objects.filter(number=revision).values_list("correlation_id", flat=True)
    return found.first() or ""
