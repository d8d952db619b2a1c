"""What may mean a stolen key: counted at the door; past a threshold it is an alarm here."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Sum

from apikeys.models import ApiKey, FailureWindow, RefusedStrangers, Suspicion
from groundwork.alarms import close_alarm, open_alarm
from groundwork.models import Alarm

Kind = Suspicion.Kind
WATCHED = timedelta(days=1)
KEPT = timedelta(days=90)
_CODE = "key_suspicious"

_NEXT = {
    Kind.UNKNOWN: "Somebody there tries keys, or has one of another installation. Look at the request log.",
    Kind.REVOKED: "Its holder was not told, or somebody else has it. Ask the customer.",
    Kind.NEW_NETWORK: "Ask the customer whether these are theirs; where they are few, allow them alone.",
    Kind.OUTSIDE: "The allow-list is too narrow, or somebody else has the key. Ask the customer.",
    Kind.EXPOSED: "Addresses end in logs. Rotate the key, and revoke this one.",
}


def watch(*, at: datetime) -> None:
    """Open an alarm for whatever passed its threshold within a day; close those that are below it."""
    counts = Suspicion.objects.filter(hour__gt=at - WATCHED).values("kind", "subject")
    counted = counts.annotate(times=Sum("count")).order_by("kind", "subject")
    alarming = {
        _subject(row["kind"], row["subject"]): row
        for row in counted
        if row["times"] >= threshold(row["kind"])
    }
    for subject, row in alarming.items():
        message = _message(row["kind"], row["subject"], row["times"])
        open_alarm(_CODE, subject=subject, message=message)
    for alarm in Alarm.objects.filter(code=_CODE, closed_at=None):
        if alarm.subject not in alarming:
            close_alarm(_CODE, subject=alarm.subject)


def threshold(kind: str) -> int:
    """Return from how many within a day a person is told."""
    if kind == Kind.EXPOSED:
        return 1
    return int(settings.NEW_NETWORKS if kind == Kind.NEW_NETWORK else settings.SUSPICIOUS_USES)


def forget(*, at: datetime) -> None:
    """Delete counters past their keeping."""
    Suspicion.objects.filter(hour__lt=at - KEPT).delete()
    RefusedStrangers.objects.filter(hour__lt=at - KEPT).delete()
    FailureWindow.objects.filter(instants__0__lt=at - timedelta(hours=1)).delete()


def _subject(kind: str, whom: str) -> str:
    return f"{kind} {whom}"


def _message(kind: str, whom: str, times: int) -> str:
    key = ApiKey.objects.select_related("customer").filter(public_id=whom).first()
    whose = f"{key} of {key.customer.name}" if key else f"From {whom}"
    what = Kind(kind)
    return f"{whose}: {what.label}, {times} times within a day. {_NEXT[what]}"
