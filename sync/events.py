"""The only writer of inbound events: what shops told of themselves, until it was followed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import random

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from catalog_mirror.models import Source
from groundwork.alarms import close_alarm, open_alarm
from sync.connectors import Delivery
from sync.models import InboundEvent

# Events claimed together. Only their numbers are held, and what names one product is read once, so the
# more the fewer requests; what is not come to in time is given back.
AT_ONCE = 20_000
# A worker that was killed gives its events back after this and a tick of five seconds, within the 45
# seconds promised. One that lives keeps them for longer: it alone follows its source.
LEASE = timedelta(seconds=30)
# Five seconds doubled at each attempt up to half an hour: 15 waits come to 3.7 hours, which outlast an
# update of a shop and most of its breakdowns.
ATTEMPTS = 16
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=30)
DEAD = "hook_events_dead"
_PURGED_AT_ONCE = 5_000

# One statement, so that nothing is told apart by an id that the shop repeats, and nothing is stored
# beyond the rate: so many events in the window.
_STORE = """
    insert into sync_inboundevent (source_id, received_at, next_attempt_at, topic, delivery_id, headers,
                                   body, status, attempts, error, correlation_id, merged_into)
    select %(source)s, clock_timestamp(), clock_timestamp(), %(topic)s, %(delivery_id)s, %(headers)s,
           %(body)s, 'pending', 0, '', %(correlation_id)s, ''
    where not exists (
        select 1 from sync_inboundevent
        where source_id = %(source)s and received_at > clock_timestamp() - make_interval(secs => %(window)s)
        order by received_at desc offset %(most)s - 1 limit 1
    )
    returning id
"""
# The inner rows are locked first and once, whatever the planner does with the outer statement.
_CLAIM = """
    with due as materialized (
        select id from sync_inboundevent
        where source_id = %(source)s and status = 'pending' and next_attempt_at <= clock_timestamp()
        order by next_attempt_at, id
        limit %(limit)s
        for update skip locked
    )
    update sync_inboundevent event
    set attempts = attempts + 1, next_attempt_at = clock_timestamp() + make_interval(secs => %(lease)s)
    from due where event.id = due.id
    returning event.id, event.attempts
"""
_DONE = """
    update sync_inboundevent
    set status = 'done', settled_at = clock_timestamp(), error = '', merged_into = %(merged_into)s
    where id = any(%(ids)s) and status = 'pending'
"""
_DEAD = """
    update sync_inboundevent
    set status = 'dead', settled_at = clock_timestamp(), error = %(error)s
    where id = any(%(ids)s) and status = 'pending'
"""
_PUT_OFF = """
    update sync_inboundevent event
    set next_attempt_at = clock_timestamp() + make_interval(secs => wait), error = %(error)s
    from unnest(%(ids)s::bigint[], %(waits)s::float8[]) as put_off(id, wait)
    where event.id = put_off.id and status = 'pending'
"""
_GIVE_BACK = """
    update sync_inboundevent
    set next_attempt_at = clock_timestamp(), attempts = attempts - 1
    where id = any(%(ids)s) and status = 'pending'
"""
_REPLAY = """
    update sync_inboundevent
    set status = 'pending', settled_at = null, attempts = 0, next_attempt_at = clock_timestamp(),
        error = '', merged_into = ''
    where id = any(%(ids)s) and status in ('dead', 'done')
    returning source_id
"""
_DISCARD = """
    update sync_inboundevent
    set status = 'done', settled_at = clock_timestamp()
    where id = any(%(ids)s) and status = 'dead'
    returning source_id
"""
_PURGE = """
    delete from sync_inboundevent where id in (
        select id from sync_inboundevent
        where status = 'done' and settled_at < clock_timestamp() - make_interval(secs => %(kept)s)
        order by settled_at limit %(limit)s
    )
"""
_DUE_SOURCES = """
    select id from catalog_mirror_source source
    where exists (
        select 1 from sync_inboundevent
        where source_id = source.id and status = 'pending' and next_attempt_at <= clock_timestamp()
    )
    order by id
"""


@dataclass(frozen=True)
class Claimed:
    """An event in hand; `attempts` counts this one."""

    id: int
    attempts: int


@dataclass(frozen=True, kw_only=True)
class Which:
    """Which settled events are meant; what is not said does not narrow."""

    status: str = InboundEvent.Status.DEAD
    ids: tuple[int, ...] = ()
    slugs: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


def store(source_id: int, delivery: Delivery, *, correlation_id: str) -> bool:
    """Keep a delivery; return False where its source sent more than the rate allows."""
    with connection.cursor() as cursor:
        cursor.execute(
            _STORE,
            {
                "source": source_id,
                "topic": delivery.topic,
                "delivery_id": delivery.delivery_id,
                "headers": connection.ops.adapt_json_value(delivery.headers, None),
                "body": delivery.body,
                "correlation_id": correlation_id,
                "window": settings.HOOK_WINDOW.total_seconds(),
                "most": settings.HOOK_EVENTS_PER_WINDOW,
            },
        )
        return bool(cursor.rowcount)


def claim(source: Source) -> list[Claimed]:
    """Take due events of a source in hand, for as long as the lease."""
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM, {"source": source.pk, "limit": AT_ONCE, "lease": LEASE.total_seconds()}
        )
        return sorted((Claimed(*row) for row in cursor.fetchall()), key=lambda each: each.id)


def due_sources() -> list[int]:
    """Return the ids of the sources that have due events."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE_SOURCES)
        return [row[0] for row in cursor.fetchall()]


def finish(ids: Sequence[int], *, merged_into: str) -> int:
    return _execute(_DONE, ids=list(ids), merged_into=merged_into)


def put_off(events: Sequence[Claimed], *, source: Source, error: str) -> list[int]:
    """Try these again later; return the ids of those that were tried often enough, and are dead."""
    worn = [each.id for each in events if each.attempts >= ATTEMPTS]
    again = [each for each in events if each.attempts < ATTEMPTS]
    waits = [wait_after(each.attempts, chance=random()) for each in again]  # noqa: S311 - jitter
    _execute(
        _PUT_OFF,
        ids=[each.id for each in again],
        waits=[each.total_seconds() for each in waits],
        error=error[:500],
    )
    if worn:
        bury(worn, source=source, error=error)
    return worn


def give_back(events: Sequence[Claimed]) -> None:
    """Let go of events that were claimed and not tried."""
    _execute(_GIVE_BACK, ids=[each.id for each in events])


def wait_after(attempts: int, *, chance: float) -> timedelta:
    """Return how long to wait after so many attempts: doubled each time, up to a quarter off it.

    `chance` lies in [0, 1): what failed together does not come back together.
    """
    # 2**20 of any first wait lies beyond the longest, and beyond that a number may overflow.
    wait: timedelta = min(FIRST_WAIT * 2 ** min(attempts - 1, 20), LONGEST_WAIT)
    return wait * (0.75 + chance / 2)


def bury(ids: Sequence[int], *, source: Source, error: str) -> None:
    """Give up on events until staff replay or discard them, and say so."""
    if _execute(_DEAD, ids=list(ids), error=error[:500]):
        _look_for_dead(source)


def replay(which: Which) -> list[int]:
    """Make settled events due again; return the ids of their sources, one for each event."""
    return _resettle(_REPLAY, which)


def discard(which: Which) -> list[int]:
    """Take dead events for settled; return the ids of their sources, one for each event."""
    return _resettle(_DISCARD, which)


def chosen(which: Which) -> QuerySet[InboundEvent]:
    """Return the settled events that are meant, the oldest first."""
    rows = InboundEvent.objects.filter(status=which.status)
    if which.ids:
        rows = rows.filter(pk__in=which.ids)
    if which.slugs:
        rows = rows.filter(source__slug__in=which.slugs)
    if which.since:
        rows = rows.filter(received_at__gte=which.since)
    if which.until:
        rows = rows.filter(received_at__lt=which.until)
    return rows.order_by("pk")


def purge() -> int:
    """Delete what was settled long enough ago; the dead stay. Return how many went."""
    total = 0
    while gone := _execute(
        _PURGE, kept=settings.HOOK_EVENTS_KEPT.total_seconds(), limit=_PURGED_AT_ONCE
    ):
        total += gone
    return total


def _resettle(sql: str, which: Which) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"ids": list(chosen(which).values_list("pk", flat=True))})
        source_ids = [row[0] for row in cursor.fetchall()]
    for source in Source.objects.filter(pk__in=set(source_ids)):
        _look_for_dead(source)
    return source_ids


def _look_for_dead(source: Source) -> None:
    """Open the alarm of a source while it has a dead event, and close it when it has none."""
    dead = InboundEvent.objects.filter(source=source, status=InboundEvent.Status.DEAD)
    last = dead.order_by("-pk").values_list("error", flat=True).first()
    if last is None:
        close_alarm(DEAD, subject=source.slug)
        return
    open_alarm(
        DEAD,
        subject=source.slug,
        message=f"{dead.count()} events of {source.slug} could not be followed, the last because: {last} "
        f"Look at them on the staff site, then `manage.py replay_events --source {source.slug}`.",
    )


def _execute(sql: str, **parameters: float | str | list[int] | list[float]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)
