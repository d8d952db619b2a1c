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
    # A list has a hundred: no digit needs escaping, and these ways to write one are the quickest.
    utc = at.astimezone(UTC).isoformat(timespec="seconds")
    here = at.astimezone(timezone.get_current_timezone()).isoformat(" ", "minutes")
    title = f"{utc[:10]} {utc[11:19]} UTC"
    return SafeString(f'<time datetime="{utc}" title="{title}">{here[:16]}</time>')
