"""Spans of time as people say them."""

from datetime import timedelta

from customers.models import Application

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def span(duration: timedelta) -> str:
    """Return the two largest units of a span: "2 d 4 h", "3 min 5 s"."""
    left, parts = int(duration.total_seconds()), []
    for size, name in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def time_to_first_call(application: Application) -> str:
    """Return how long an approved partner took to its first answered request, or nothing."""
    if not (application.first_call_at and application.decided_at):
        return ""
    return span(max(application.first_call_at - application.decided_at, timedelta(0)))
