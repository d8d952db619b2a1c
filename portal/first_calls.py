"""Finds out when a new partner's first request was answered."""

from apikeys.models import RequestLog
from customers import applications
from customers.models import Application

_REFUSED_FROM = 400


def note_first_calls() -> int:
    """Note it for whoever made one since the last time; return how many did."""
    waiting = Application.objects.filter(status=Application.Status.APPROVED, first_call_at=None)
    found = 0
    for application in waiting.order_by("pk"):
        of_customer = RequestLog.objects.filter(customer_id=application.customer_id)
        first = of_customer.filter(status__lt=_REFUSED_FROM).order_by("at").first()
        if first:
            applications.note_first_call(application.pk, at=first.at)
            found += 1
    return found
