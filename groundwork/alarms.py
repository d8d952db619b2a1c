"""The only writer of alarms: what needs a person, said once and taken back by itself."""

import structlog
from django.db import connection
from django.db.models.functions import Now

from groundwork.correlation import correlation_id
from groundwork.models import Alarm

log = structlog.get_logger(__name__)

# One statement, so that two that meet the same cause at once open one alarm. A row that was there
# already has another xmax than zero.
_OPEN = """
    insert into groundwork_alarm (code, subject, message, correlation_id)
    values (%s, %s, %s, %s)
    on conflict (code, subject) where closed_at is null
    do update set message = excluded.message
    returning xmax = 0
"""


def open_alarm(code: str, *, subject: str, message: str) -> None:
    """Say what is wrong and what to do next; where it is open already only the message is renewed."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [code, subject, message[:1000], correlation_id()])
        (is_new,) = cursor.fetchone()
    if is_new:
        log.error("alarm_opened", code=code, subject=subject, message=message)


def close_alarm(code: str, *, subject: str) -> None:
    """Take back what has passed; nothing happens where nothing is open."""
    open_now = Alarm.objects.filter(code=code, subject=subject, closed_at=None)
    if open_now.update(closed_at=Now()):
        log.info("alarm_closed", code=code, subject=subject)
