"""When a delivery is tried again, and when an endpoint rests; pure."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# Before the second to the tenth attempt: at least 75 h 35 m in all (the example of Standard Webhooks).
DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
MOST_ATTEMPTS = len(DELAYS) + 1
_JITTER = 0.1  # of the delay, added: never earlier than the schedule says
_LONGEST_WISH = timedelta(hours=24)  # a receiver's Retry-After counts so far

# So many failures in a row close an endpoint for a while; then one delivery looks whether it is back.
CLOSES_AFTER = 5
_FIRST_REST = timedelta(seconds=30)
_LONGEST_REST = timedelta(minutes=10)

GIVES_UP_AFTER = timedelta(days=5)


def delay_after(attempts: int, wish: timedelta | None) -> timedelta | None:
    """Return how long to wait after so many attempts; None after the last."""
    if attempts > len(DELAYS):
        return None
    jitter = 1 + random.uniform(0, _JITTER)  # noqa: S311 - no secret
    delay: timedelta = DELAYS[attempts - 1] * jitter
    longer: timedelta = max(delay, min(wish or delay, _LONGEST_WISH))
    return longer


def rest_after(failures: int) -> timedelta | None:
    """Return for how long an endpoint rests after so many failures in a row; None: it does not."""
    if failures < CLOSES_AFTER:
        return None
    doublings = min(failures - CLOSES_AFTER, 10)
    rest: timedelta = min(_FIRST_REST * 2**doublings, _LONGEST_REST)
    return rest


def wish_of(retry_after: str, now: datetime) -> timedelta | None:
    """Read a Retry-After header, seconds or an HTTP date; None for anything else."""
    text = retry_after.strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:  # noqa: PLR2004 - thirty years
        return timedelta(seconds=int(text))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    try:
        return max(at - now, timedelta(0))
    except OverflowError:  # a zone that leads out of the calendar
        return None
