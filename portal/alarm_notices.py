"""Alarms told to staff once when they open and once when they close: by mail, and to a webhook."""

import smtplib
from collections.abc import Callable

import orjson
import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse

from groundwork.models import Alarm
from outbound_hooks.sender import send

log = structlog.get_logger(__name__)

AT_ONCE = 20
DEADLINE = 5.0  # seconds, of a post
_UNTOLD = Q(closed_at=None, told_at=None) | Q(
    closed_at__isnull=False, told_at__isnull=False, told_closed_at=None
)


def tell_alarms() -> int:
    """Tell what opened and what closed since the last time; return how many.

    A row is locked while it is told, so two tell different ones; what cannot be told now is told later.
    One that closed before anybody was told is not told at all.
    """
    told = 0
    for pk in Alarm.objects.filter(_UNTOLD).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]:
        told += _tell(pk)
    return told


def _tell(pk: int) -> bool:
    with transaction.atomic():
        untold = Alarm.objects.select_for_update(skip_locked=True).filter(_UNTOLD, pk=pk)
        alarm = untold.first()
        if alarm is None or not _is_told(alarm):
            return False
        mark = {"told_closed_at": Now()} if alarm.closed_at else {"told_at": Now()}
        return bool(Alarm.objects.filter(pk=pk).update(**mark))


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
    except (OSError, smtplib.SMTPException):
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
