"""How often staff may be wrong at signing in: from one address, and under one name from all addresses.

Refusals are audit entries, so whoever looks after the site sees who tried.
"""

from datetime import timedelta

from django.http import HttpRequest

from apikeys.addresses import source_of
from groundwork import audit
from groundwork.instants import database_now
from groundwork.models import AuditEntry

WINDOW = timedelta(minutes=15)
# A name has more: its owner can be shut out by strangers, who are shut out first, address by address.
FROM_AN_ADDRESS, UNDER_A_NAME = 10, 50
_REFUSED = "sign_in.refused"


def is_barred(request: HttpRequest, name: str) -> bool:
    """Tell whether the address or the name was refused so often lately that it is not heard."""
    return (
        _refusals(_address(request)) >= FROM_AN_ADDRESS or _refusals(_named(name)) >= UNDER_A_NAME
    )


def note_refusal(request: HttpRequest, name: str) -> None:
    for subject in (_address(request), _named(name)):
        audit.record("a stranger", action=_REFUSED, subject=subject)


def _refusals(subject: str) -> int:
    since = database_now() - WINDOW
    return AuditEntry.objects.filter(subject=subject, action=_REFUSED, at__gt=since).count()


def _address(request: HttpRequest) -> str:
    return f"sign-in from {source_of(request)}"


def _named(name: str) -> str:
    return f"sign-in as {name}"[:200]
