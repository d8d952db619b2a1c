"""Writes to applicants what was decided. A claim link is made with the mail that carries it.

A notice is claimed, sent, noted: whoever comes second leaves it, and what was not noted is tried again.
"""

from datetime import datetime

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction

from apikeys import claims
from customers import applications
from customers.models import Application

log = structlog.get_logger(__name__)
_ACTOR = "onboarding"

_APPROVED = """\
Welcome, {name}.

{business} was approved as a wholesale partner. Your API key waits here; the page makes it when you press
its button, and shows it once:

  {link}

The link works once, for {days} days. How to begin is told at {guide}
"""
_REJECTED = """\
Dear {name},

thank you for applying for {business}. We cannot take you on as a wholesale partner:

  {note}

You may answer this mail.
"""


def tell_due(*, at: datetime) -> int:
    """Tell all that are due; return how many were."""
    waiting = applications.untold().order_by("pk").values_list("pk", flat=True)
    return sum(tell(pk, at=at) for pk in waiting)


def tell(pk: int, *, at: datetime) -> bool:
    """Write to an applicant unless somebody did or is at it; return whether the mail left."""
    if not applications.claim_telling(pk, at=at):
        return False
    application = Application.objects.select_related("customer").get(pk=pk)
    try:
        # A link whose mail did not leave would stay open, known to nobody.
        with transaction.atomic():
            _mail(application).send()
            applications.note_told(pk, at=at)
    except OSError:  # of which the errors of SMTP are
        log.exception("applicant_not_told", application=pk)
        return False
    return True


def _mail(application: Application) -> EmailMessage:
    to, business = [application.contact_email], application.business_name
    says = {"name": application.contact_name, "business": business}
    if application.customer is None:
        text = _REJECTED.format(note=application.decision_note, **says)
        return EmailMessage(_subject(business), text, to=to, reply_to=settings.STAFF_EMAILS)
    _, token = claims.offer(actor=_ACTOR, customer=application.customer, label="First key")
    text = _APPROVED.format(
        link=claims.address_of(token),
        days=claims.LIVES.days,
        guide=f"{settings.PUBLIC_URL}/docs/",
        **says,
    )
    return EmailMessage(_subject(business), text, to=to, reply_to=settings.STAFF_EMAILS)


def _subject(business: str) -> str:
    """Return a subject on one line, whatever the business calls itself."""
    return f"The application of {' '.join(business.split())}"[:150]
