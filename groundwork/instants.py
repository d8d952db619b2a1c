"""Instants as people give them, and as the database has them."""

from datetime import UTC, datetime

from django.db import connection
from django.utils import timezone
from django.utils.safestring import SafeString


class InstantRefused(ValueError):
    """The text names no instant; the message says how one is written."""


def instant(text: str) -> datetime:
    """Read an RFC 3339 instant, which has an offset. Raise `InstantRefused`."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        given = None
    if given is None or given.tzinfo is None:
        raise InstantRefused(
            f"{text!r} is no instant. Write it with its offset, as in 2026-03-03T12:00:00+00:00."
        )
    return given


def database_now() -> datetime:
    """Return the primary's clock, by which everything is scheduled."""
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def shown(at: datetime | None) -> SafeString | str:
    """Return an instant as pages show it: in the viewer's zone, with UTC for who points at it."""
    if at is None:
        return "-"
    utc, here = at.astimezone(UTC), timezone.localtime(at)
    # No digit of an instant needs escaping, and a list has a hundred of them.
    return SafeString(
        f'<time datetime="{utc.isoformat(timespec="seconds")}" title="{utc:%Y-%m-%d %H:%M:%S} UTC">'
        f"{here:%Y-%m-%d %H:%M}</time>"
    )
