"""Alarms told to staff once when they open and once when they close: by mail, and to a webhook."""

import time
from collections.abc import Callable
from datetime import timedelta

import orjson
import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse

from groundwork.instants import database_now
from groundwork.models import Alarm
from outbound_hooks.sender import send

log = structlog.get_logger(__name__)

DEADLINE = 5.0  # seconds, of a post
LONGEST = 60.0  # seconds of one look; what is left is for the next
# Longer than a mail and a post may take.
LEASE = timedelta(minutes=2)
_UNTOLD = Q(closed_at=None, told_at=None) | Q(
    closed_at__isnull=False, told_at__isnull=False, told_closed_at=None
)


def tell_alarms() -> int:
    """Tell what opened and what closed since the last time; return how many.

    A row is claimed before it is told, so two tell different ones; what cannot be told now is told later.
    One that closed before anybody was told is not told at all.
    """
    told, ends = 0, time.monotonic() + LONGEST
    for pk in list(Alarm.objects.filter(_UNTOLD).order_by("pk").values_list("pk", flat=True)):
        if time.monotonic() > ends:
            break
        told += _tell(pk)
    return told


def _tell(pk: int) -> bool:
    """Claim an alarm, tell it while nothing is held, and note that it was told."""
    at = database_now()
    free = Q(telling_until=None) | Q(telling_until__lt=at)
    mine = Alarm.objects.filter(_UNTOLD, free, pk=pk)
    if not mine.update(telling_until=at + LEASE):
        return False
    alarm = Alarm.objects.get(pk=pk)
    is_told = _is_told(alarm)
    mark = {"told_closed_at" if alarm.closed_at else "told_at": Now()} if is_told else {}
    Alarm.objects.filter(pk=pk).update(telling_until=None, **mark)
    return is_told


def _is_told(alarm: Alarm) -> bool:
    """Tell it wherever staff want to be told; with nowhere to, the staff site is where it is seen."""
    ways: list[Callable[[Alarm], bool]] = []
    if settings.STAFF_EMAILS:
        ways.append(_is_mailed)
    if settings.STAFF_WEBHOOK_URL:
        ways.append(_is_posted)
    # Every way is tried; one that works is enough, as another try would repeat it.
    told = [way(alarm) for way in ways]
    return any(told) or not ways


def _subject(alarm: Alarm) -> str:
    return f"{'Closed' if alarm.closed_at else 'Alarm'}: {alarm.code} {alarm.subject}"


def _is_mailed(alarm: Alarm) -> bool:
    opened = f"Opened {alarm.opened_at:%Y-%m-%d %H:%M} UTC."
    closed = f" Closed {alarm.closed_at:%Y-%m-%d %H:%M} UTC." if alarm.closed_at else ""
    where = settings.PUBLIC_URL + reverse("admin:groundwork_alarm_changelist")
    text = f"{alarm.message}\n\n{opened}{closed}\n{where}\n"
    mail = EmailMessage(_subject(alarm), text, to=settings.STAFF_EMAILS)
    try:
        mail.send()
    except Exception:  # whatever one alarm's mail breaks at, the others are told
        log.exception("alarm_not_mailed", alarm=alarm.pk)
        return False
    return True


def _is_posted(alarm: Alarm) -> bool:
    said = {
        "text": f"{_subject(alarm)}. {alarm.message}",  # what chats show
        "code": alarm.code,
        "subject": alarm.subject,
        "message": alarm.message,
        "opened_at": alarm.opened_at,
        "closed_at": alarm.closed_at,
        "correlation_id": alarm.correlation_id,
    }
    body = orjson.dumps(said, option=orjson.OPT_UTC_Z)
    headers = {"Content-Type": "application/json", "User-Agent": "Tradecounter"}
    answer = send(settings.STAFF_WEBHOOK_URL, body, headers, deadline=DEADLINE)
    if not answer.is_success:
        log.error("alarm_not_posted", alarm=alarm.pk, error=answer.error)
    return answer.is_success
