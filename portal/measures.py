"""How far behind everything is, by the database: what Prometheus is told, and what levels are held to.

Each measure is one statement; its rows are the values of its labels and a number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db import connection, transaction


@dataclass(frozen=True)
class Measure:
    """A gauge: its name, what it says, its labels, and the statement that reads it."""

    name: str
    says: str
    labels: Sequence[str]
    sql: str


@dataclass(frozen=True)
class Reading:
    """A measure's value for these labels."""

    labels: tuple[str, ...]
    value: float


_SOURCES = "from sync_connection c join catalog_mirror_source s on s.id = c.source_id"


def _of_sources(value: str) -> str:
    """Return what reads a value of each source `s`, whose connection is `c`."""
    return f"select s.slug, {value} {_SOURCES}"


INBOUND_AGE = Measure(
    "tradecounter_inbound_age_seconds",
    "Age of the oldest event of a shop that was not followed yet.",
    ("source",),
    _of_sources(
        """(select coalesce(clock_timestamp() - min(e.received_at), interval '0')
        from sync_inboundevent e where e.source_id = s.id and e.status = 'pending')"""
    ),
)
SWEEP_AGE = Measure(
    "tradecounter_sweep_age_seconds",
    "Time since the last complete sweep of a source began, or since it was added.",
    ("source",),
    _of_sources("clock_timestamp() - coalesce(c.last_complete_sweep_at, c.created_at)"),
)
# What a receiver makes wait (a failure, a rest) is its own lag and not ours.
DELIVERY_AGE = Measure(
    "tradecounter_delivery_age_seconds",
    "For how long the delivery that is most overdue could have been sent.",
    (),
    """
    select coalesce(clock_timestamp() - min(greatest(d.next_attempt_at, e.closed_until)), interval '0')
    from outbound_hooks_endpoint e cross join lateral (
        select next_attempt_at from outbound_hooks_delivery d
        where d.endpoint_id = e.id and d.status = 'pending' and not d.is_taken
        order by next_attempt_at limit 1
    ) d
    where e.is_enabled and d.next_attempt_at <= clock_timestamp()
      and coalesce(e.closed_until <= clock_timestamp(), true)
      -- Its receiver has answered to all that it was sent: what waits behind a slow one is its own lag.
      and not exists (select from outbound_hooks_delivery d
                      where d.endpoint_id = e.id and d.status = 'pending' and d.is_taken)
    """,
)
DISPATCH_AGE = Measure(
    "tradecounter_dispatch_age_seconds",
    "Age of the oldest revision that an enabled endpoint with room was not looked at for.",
    (),
    """
    select coalesce(clock_timestamp() - min(r.recorded_at), interval '0')
    from outbound_hooks_endpoint e cross join lateral (
        select recorded_at from catalog_mirror_revision
        where number > e.seen_revision order by number limit 1
    ) r
    where e.is_enabled and e.seen_revision >= 0 and e.failing_since is null
      and not exists (select from outbound_hooks_delivery d
                      where d.endpoint_id = e.id and d.status = 'pending' offset 99)
    """,
)
# A request that has no status after a minute died with its process.
ERROR_SHARE = Measure(
    "tradecounter_error_share",
    "Part of the requests of the last five minutes that we failed: 5xx, or no answer at all.",
    (),
    """
    select coalesce(avg((coalesce(status, 599) >= 500)::int), 0) from apikeys_requestlog
    where at > clock_timestamp() - interval '5 minutes'
      and (status is not null or at < clock_timestamp() - interval '1 minute')
    """,
)
REQUESTS = Measure(
    "tradecounter_requests_in_five_minutes",
    "Requests of partners in the last five minutes.",
    (),
    "select count(*) from apikeys_requestlog where at > clock_timestamp() - interval '5 minutes'",
)
BEAT_AGE = Measure(
    "tradecounter_beat_age_seconds",
    "Time since beat last had a worker do something.",
    (),
    "select clock_timestamp() - beaten_at from groundwork_heartbeat where name = 'beat'",
)

MEASURES = (
    INBOUND_AGE,
    SWEEP_AGE,
    DELIVERY_AGE,
    DISPATCH_AGE,
    ERROR_SHARE,
    REQUESTS,
    BEAT_AGE,
    Measure(
        "tradecounter_inbound_pending",
        "Events of a shop that were not followed yet.",
        ("source",),
        _of_sources(
            """(select count(*) from sync_inboundevent e
            where e.source_id = s.id and e.status = 'pending')"""
        ),
    ),
    Measure(
        "tradecounter_inbound_retrying",
        "Events of a shop that were tried at least once and wait to be tried again.",
        ("source",),
        _of_sources(
            """(select count(*) from sync_inboundevent e
            where e.source_id = s.id and e.status = 'pending' and e.attempts > 0)"""
        ),
    ),
    Measure(
        "tradecounter_inbound_dead",
        "Events of a shop that came to nothing and wait for a person.",
        ("source",),
        _of_sources(
            """(select count(*) from sync_inboundevent e
            where e.source_id = s.id and e.status = 'dead')"""
        ),
    ),
    Measure(
        "tradecounter_source_stale_seconds",
        "For how long a source could not be read; 0 while it can.",
        ("source",),
        _of_sources("coalesce(clock_timestamp() - c.stale_since, interval '0')"),
    ),
    Measure(
        "tradecounter_drift_found",
        "Fields that the last complete sweep of a source corrected.",
        ("source",),
        _of_sources(
            """(select count(*) from sync_driftcorrection d where d.run_id = (
            select id from sync_sweeprun r where r.source_id = s.id and r.status = 'complete'
            order by r.started_at desc limit 1))"""
        ),
    ),
    Measure(
        "tradecounter_quarantined",
        "Records of a source that cannot be mirrored.",
        ("source",),
        _of_sources(
            "(select count(*) from catalog_mirror_quarantinedrecord q where q.source_id = s.id)"
        ),
    ),
    Measure(
        "tradecounter_brake_held",
        "Changes of a source that the brake holds back.",
        ("source",),
        _of_sources("(select count(*) from catalog_mirror_heldchange h where h.source_id = s.id)"),
    ),
    Measure(
        "tradecounter_deliveries_pending",
        "Deliveries that are to be sent, up to a hundred thousand.",
        (),
        """
        select count(*) from (
            select from outbound_hooks_delivery where status = 'pending' limit 100000) d
        """,
    ),
    Measure(
        "tradecounter_deliveries_retrying",
        "Deliveries that failed at least once and are tried again, up to a hundred thousand.",
        (),
        """
        select count(*) from (select from outbound_hooks_delivery
            where status = 'pending' and attempts > 0 and not is_taken limit 100000) d
        """,
    ),
    Measure(
        "tradecounter_dead_letters",
        "Deliveries given up in the last 30 days, up to a hundred thousand.",
        (),
        """
        select count(*) from (select from outbound_hooks_delivery
            where status = 'dead' and ended_at > clock_timestamp() - interval '30 days'
            limit 100000) d
        """,
    ),
    Measure(
        "tradecounter_endpoints",
        "Endpoints of partners: hearing, resting (the breaker is open), disabled.",
        ("state",),
        """
        select state, count(e.state) from (values ('hearing'), ('resting'), ('disabled')) v (state)
        left join (select case when not is_enabled then 'disabled'
            when closed_until > clock_timestamp() then 'resting' else 'hearing' end as state
            from outbound_hooks_endpoint) e using (state) group by state
        """,
    ),
    Measure(
        "tradecounter_revision",
        "Number of the newest revision.",
        (),
        "select max(number) from catalog_mirror_revision",
    ),
    Measure(
        "tradecounter_revision_age_seconds",
        "Age of the newest revision.",
        (),
        """
        select clock_timestamp() - recorded_at from catalog_mirror_revision order by number desc limit 1
        """,
    ),
    Measure(
        "tradecounter_alarms_open",
        "Alarms that need a person, by code.",
        ("code",),
        "select code, count(*) from groundwork_alarm where closed_at is null group by code",
    ),
)


def read(measure: Measure) -> list[Reading]:
    with connection.cursor() as cursor:
        cursor.execute(measure.sql)
        return [Reading(tuple(map(str, row[:-1])), _number(row[-1])) for row in cursor.fetchall()]


def _number(value: timedelta | Decimal | int) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def read_all(
    measures: Iterable[Measure] = MEASURES, *, milliseconds: int = 5_000
) -> list[tuple[Measure, list[Reading]]]:
    """Return the readings of all measures; a statement that takes longer ends them all."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select set_config('statement_timeout', %s, true)", [f"{milliseconds}ms"])
        return [(measure, read(measure)) for measure in measures]
