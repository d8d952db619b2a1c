"""A mail to the partner, or to staff where no contact is known, that an endpoint hears nothing any more."""

import smtplib

import structlog
from django.conf import settings
from django.core.mail import EmailMessage

from outbound_hooks.models import Endpoint

log = structlog.get_logger(__name__)

_TEXT = """\
{reason}

Nothing is sent to {url} until it is enabled again:

    POST /v1/webhooks/{id}/enable

It then goes on with what changed since. What could not be delivered is listed under
/v1/webhooks/{id}/deliveries and may be replayed.
"""


def tell_disabled(endpoint: Endpoint, reason: str) -> None:
    """Send the notice; the alarm is open in any case, so a mail server that refuses is only logged."""
    contact = endpoint.customer.contact_email
    recipients = [contact] if contact else settings.STAFF_EMAILS
    if not recipients:
        return
    text = _TEXT.format(reason=reason, url=endpoint.url, id=endpoint.public_id)
    mail = EmailMessage(f"Webhook {endpoint.public_id} was disabled", text, to=recipients)
    try:
        mail.send()
    except (OSError, smtplib.SMTPException):
        log.exception("notice_not_sent", endpoint=endpoint.public_id)
