"""Service levels: what is promised of our own work, held against what is measured.

A level that is missed opens one alarm a subject; the next look that finds it kept closes it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from groundwork.alarms import close_alarm, open_alarm
from groundwork.models import Alarm
from portal.measures import (
    DELIVERY_AGE,
    DISPATCH_AGE,
    ERROR_SHARE,
    INBOUND_AGE,
    REQUESTS,
    Measure,
    Reading,
    read,
)

# Fewer requests than this in five minutes tell nothing of a share.
_ENOUGH_REQUESTS = 20


@dataclass(frozen=True)
class Level:
    """What is promised: of which measure, up to which value, and what to say where it is missed."""

    code: str
    measure: Measure
    most: float
    subject: str  # of the alarm, where the measure has no label
    message: str


def levels() -> Sequence[Level]:
    """Return what is promised, by the settings."""
    return (
        Level(
            "stock_lag",
            INBOUND_AGE,
            settings.LEVEL_STOCK_LAG.total_seconds(),
            "",
            "{subject} told of a change {value} ago that is not in the mirror; {most} are promised. Look "
            "whether the worker of the queue `hooks` runs, and at the source's pending events.",
        ),
        Level(
            "delivery_lag",
            DELIVERY_AGE,
            settings.LEVEL_DELIVERY_LAG.total_seconds(),
            "sending",
            "A delivery could have been sent {value} ago; {most} are promised. Look whether "
            "`manage.py deliver_webhooks` runs, or start one more.",
        ),
        Level(
            "delivery_lag",
            DISPATCH_AGE,
            settings.LEVEL_DELIVERY_LAG.total_seconds(),
            "looking",
            "An endpoint was not looked at for a change of {value} ago; {most} are promised. Look whether "
            "`manage.py deliver_webhooks` runs, or start one more.",
        ),
        Level(
            "error_rate",
            ERROR_SHARE,
            settings.LEVEL_ERROR_SHARE,
            "requests",
            "{value} of the requests of the last five minutes failed on our side; {most} at most are "
            "promised. Look for `request_failed` and `database_lost` in the log of the web processes.",
        ),
    )


def hold_to_levels() -> int:
    """Open and close alarms by what is measured now; return how many levels are missed."""
    missed = set()
    for level in levels():
        for reading in _misses(level):
            subject = reading.labels[0] if reading.labels else level.subject
            open_alarm(level.code, subject=subject, message=_message(level, subject, reading))
            missed.add((level.code, subject))
    _close_all_but(missed)
    return len(missed)


def _misses(level: Level) -> Iterator[Reading]:
    if level.measure is ERROR_SHARE and read(REQUESTS)[0].value < _ENOUGH_REQUESTS:
        return
    yield from (reading for reading in read(level.measure) if reading.value > level.most)


def _message(level: Level, subject: str, reading: Reading) -> str:
    said = _share if level.measure is ERROR_SHARE else _duration
    return level.message.format(subject=subject, value=said(reading.value), most=said(level.most))


def _share(part: float) -> str:
    return f"{part:.1%}"


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _close_all_but(missed: set[tuple[str, str]]) -> None:
    codes = {level.code for level in levels()}
    for alarm in Alarm.objects.filter(code__in=codes, closed_at=None):
        if (alarm.code, alarm.subject) not in missed:
            close_alarm(alarm.code, subject=alarm.subject)
