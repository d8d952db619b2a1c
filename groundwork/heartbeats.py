"""The only writer of heartbeats: that something which nobody waits for is at work."""

from datetime import timedelta

from django.db import connection

_BEAT = """
    insert into groundwork_heartbeat (name, beaten_at) values (%s, clock_timestamp())
    on conflict (name) do update set beaten_at = excluded.beaten_at
"""
_AGE = "select clock_timestamp() - beaten_at from groundwork_heartbeat where name = %s"


def beat(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_BEAT, [name])


def age_of(name: str) -> timedelta | None:
    """Return how long ago it beat; None where it never did."""
    with connection.cursor() as cursor:
        cursor.execute(_AGE, [name])
        row = cursor.fetchone()
    return row[0] if row else None
