"""The only writer of expiry notices: a mail a week and a day before a key ends, each sent once."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q

from apikeys.keys import living
from apikeys.models import ApiKey, ExpiryNotice
from groundwork.alarms import close_alarm, open_alarm
from groundwork.models import Alarm

log = structlog.get_logger(__name__)

# The nearest goes first: a key that ends tomorrow is not told of next week.
DAYS_BEFORE = (1, 7)
# After which a notice that was claimed and not sent is tried again: its process was killed, or the
# mail server refused it. Longer than a mail may take.
RETRIED_AFTER = timedelta(minutes=10)
_UNHEARD = "key_expiry_unheard"

_TEXT = """\
The API key {key} ({label}) of {customer} ends on {ends:%d %B %Y at %H:%M} UTC. From then on its requests
are answered 401.

{successor}
Ask your contact for another key if you have none yet. Both work until then, so nothing need stop.
"""


def send_due(*, at: datetime) -> int:
    """Send the notices that are due and were not sent; return how many. Two at once send each once."""
    sent = 0
    soon = living().filter(expires_at__lte=at + timedelta(days=max(DAYS_BEFORE)))
    for key in soon.select_related("customer").order_by("expires_at", "pk"):
        sent += _send(key, at=at)
    _close_ended(at)
    return sent


def _send(key: ApiKey, *, at: datetime) -> bool:
    recipients = _recipients(key)
    if not recipients:
        _alarm(key)
        return False
    notice = _claimed(key, at=at)
    if notice is None:
        return False
    try:
        _mail(key, recipients).send()
    except OSError:  # of which the errors of SMTP are
        log.exception("notice_not_sent", key=str(key))
        return False
    ExpiryNotice.objects.filter(pk=notice.pk).update(
        sent_at=at, sent_to=", ".join(recipients)[:254]
    )
    return True


def _claimed(key: ApiKey, *, at: datetime) -> ExpiryNotice | None:
    """Return the notice that is due and ours to send; its row says so before the mail leaves."""
    assert key.expires_at  # noqa: S101 - for the type checker: it was found by it
    left = key.expires_at - at
    days = next(days for days in DAYS_BEFORE if left <= timedelta(days=days))
    notice, is_ours = ExpiryNotice.objects.get_or_create(
        key=key, expires_at=key.expires_at, days_before=days, defaults={"claimed_at": at}
    )
    if not is_ours:
        unsent = Q(pk=notice.pk, sent_at=None, claimed_at__lt=at - RETRIED_AFTER)
        is_ours = bool(ExpiryNotice.objects.filter(unsent).update(claimed_at=at))
    return notice if is_ours else None


def _recipients(key: ApiKey) -> list[str]:
    contact = key.customer.contact_email
    return [contact] if contact else list(settings.STAFF_EMAILS)


def _mail(key: ApiKey, recipients: list[str]) -> EmailMessage:
    successor = living().filter(predecessor=key).first()
    text = _TEXT.format(
        key=key,
        label=key.label or "no label",
        customer=key.customer.name,
        ends=key.expires_at,
        successor=f"Its successor {successor} works already.\n" if successor else "",
    )
    subject = f"API key {key} ends on {key.expires_at:%d %B %Y}"
    return EmailMessage(subject, text, to=recipients)


def _alarm(key: ApiKey) -> None:
    open_alarm(
        _UNHEARD,
        subject=str(key),
        message=f"{key} of {key.customer.name} ends at {key.expires_at:%Y-%m-%d %H:%M} UTC, and nobody can "
        "be told. Give the customer a contact address, or set STAFF_EMAILS.",
    )


def _close_ended(at: datetime) -> None:
    """Take back what nobody could be told of where it is over, or somebody can be told now."""
    soon = living().filter(expires_at__lte=at + timedelta(days=max(DAYS_BEFORE)))
    still = {str(key) for key in soon.select_related("customer") if not _recipients(key)}
    for alarm in Alarm.objects.filter(code=_UNHEARD, closed_at=None):
        if alarm.subject not in still:
            close_alarm(_UNHEARD, subject=alarm.subject)
