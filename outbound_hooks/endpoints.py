"""The only writer of endpoints: registered, changed, rotated, disabled, enabled; each is recorded."""

import secrets
import string
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q

from customers.models import SANDBOX
from groundwork import audit
from groundwork.alarms import close_alarm, open_alarm
from groundwork.instants import database_now
from groundwork.sealing import reseal_rows, seal
from outbound_hooks import deliveries
from outbound_hooks.addresses import checked_url
from outbound_hooks.models import FACETS, Endpoint
from outbound_hooks.signing import new_secret

MOST_ENDPOINTS = 10  # a customer
OVERLAP = timedelta(hours=24)  # in which both secrets sign
DISABLED = "endpoint_disabled"  # the alarm
_ID_LENGTH = 16


class EndpointRefused(Exception):
    """It cannot be so; the message says why and what to do."""


def add(
    customer_id: int,
    *,
    url: str,
    actor: str,
    cursor: str = "",
    facets: Sequence[str] = FACETS,
    description: str = "",
    signs_body: bool = False,
) -> tuple[Endpoint, str]:
    """Register an endpoint; return it and its secret, which is shown this once.

    It hears of what changes after `cursor`; without one, after it is first looked at. Raise
    `AddressRefused` or `EndpointRefused`.
    """
    if customer_id == SANDBOX:
        raise EndpointRefused("The sandbox has no webhooks. Choose another customer.")
    checked_url(url)
    if Endpoint.objects.filter(customer=customer_id).count() >= MOST_ENDPOINTS:
        raise EndpointRefused(f"There are {MOST_ENDPOINTS} already. Remove one, or change its URL.")
    secret = new_secret()
    with transaction.atomic():
        endpoint = Endpoint.objects.create(
            public_id=_new_id(),
            customer_id=customer_id,
            url=url,
            description=description,
            facets=list(facets),
            signs_body=signs_body,
            secret=seal(secret),
            cursor=cursor,
        )
        _note(actor, "registered", endpoint, after={"url": url, "facets": list(facets)})
    return endpoint, secret


def change(endpoint: Endpoint, *, actor: str, **says: Any) -> None:
    """Change a URL, the facets, the description or the way of signing; raise `AddressRefused`.

    Other facets start a feed of their own where the one before stood.
    """
    if "url" in says:
        checked_url(says["url"])
    before = {name: getattr(endpoint, name) for name in says}
    with transaction.atomic():
        Endpoint.objects.filter(pk=endpoint.pk).update(**says)
        _note(actor, "changed", endpoint, before=before, after=says)


def rotate(endpoint: Endpoint, *, actor: str) -> str:
    """Give a new secret and return it; the old one signs beside it for 24 hours more."""
    secret = new_secret()
    with transaction.atomic():
        Endpoint.objects.filter(pk=endpoint.pk).update(
            previous_secret=F("secret"),
            previous_until=database_now() + OVERLAP,
            secret=seal(secret),
        )
        _note(actor, "rotated", endpoint)
    return secret


def remove(endpoint: Endpoint, *, actor: str) -> None:
    """Remove an endpoint with all that was sent to it; what it was stays in the audit."""
    disable(endpoint, actor=actor, reason="It is removed.")
    with transaction.atomic():
        deliveries.forget(endpoint.pk)
        Endpoint.objects.filter(pk=endpoint.pk).delete()
        _note(actor, "removed", endpoint, before={"url": endpoint.url})
    close_alarm(DISABLED, subject=endpoint.public_id)


def disable(
    endpoint: Endpoint,
    *,
    actor: str,
    reason: str,
    needs_staff: bool = False,
    is_barred: bool = False,
) -> None:
    """Stop sending; what waits becomes a dead letter. The feed goes on from where it stands later.

    A partner cannot enable again what is barred, whoever had disabled it before.
    """
    with transaction.atomic():
        meant = Q(is_enabled=True) | Q(is_barred=False) if is_barred else Q(is_enabled=True)
        stopped = Endpoint.objects.filter(meant, pk=endpoint.pk).update(
            is_enabled=False,
            disabled_at=database_now(),
            disabled_reason=reason[:200],
            is_barred=is_barred,
        )
        if stopped:
            deliveries.bury(endpoint.pk, reason="The endpoint was disabled.")
            _note(actor, "disabled", endpoint, after={"reason": reason})
    if stopped and needs_staff:
        message = f"{endpoint.url} was disabled: {reason} Tell the partner, then enable it again."
        open_alarm(DISABLED, subject=endpoint.public_id, message=message)


def enable(endpoint: Endpoint, *, actor: str) -> None:
    """Send again, beginning with what changed since it was disabled; raise `AddressRefused`."""
    checked_url(endpoint.url)
    with transaction.atomic():
        Endpoint.objects.filter(pk=endpoint.pk).update(
            is_enabled=True,
            is_barred=False,
            disabled_at=None,
            disabled_reason="",
            seen_revision=-1,
            **_WELL,
        )
        _note(actor, "enabled", endpoint)
    close_alarm(DISABLED, subject=endpoint.public_id)


# What a success says of an endpoint.
_WELL: dict[str, Any] = {"failures": 0, "failing_since": None, "closed_until": None}


def succeeded(endpoint_ids: Sequence[int]) -> None:
    """Note that these answer well again."""
    Endpoint.objects.filter(pk__in=endpoint_ids).update(**_WELL)


def failed(endpoint_id: int, *, gives_up_after: timedelta) -> tuple[int, bool]:
    """Note one more failure in a row; return how many there are, and whether that has lasted too long."""
    params: dict[str, Any] = {"endpoint": endpoint_id, "patience": gives_up_after}
    with connection.cursor() as cursor:
        cursor.execute(_FAILED, params)
        row = cursor.fetchone()
    return row or (0, False)


def rest(endpoint_id: int, *, during: timedelta) -> None:
    """Send nothing for a while; what waits goes on waiting."""
    Endpoint.objects.filter(pk=endpoint_id).update(closed_until=database_now() + during)


def advance(
    endpoint_id: int,
    *,
    before: str,
    facets: Sequence[str],
    cursor: str,
    seen_revision: int,
    look_at: datetime | None,
) -> bool:
    """Move a feed on from a cursor; tell whether it still stood there, with the same facets."""
    here = Endpoint.objects.filter(
        pk=endpoint_id, cursor=before, facets=list(facets), is_enabled=True
    )
    return bool(here.update(cursor=cursor, seen_revision=seen_revision, look_at=look_at))


_FAILED = """
    update outbound_hooks_endpoint set
        failures = failures + 1,
        failing_since = coalesce(failing_since, clock_timestamp())
    where id = %(endpoint)s
    returning failures, failing_since <= clock_timestamp() - %(patience)s::interval
"""


def _new_id() -> str:
    letters = string.ascii_letters + string.digits
    return "wh_" + "".join(secrets.choice(letters) for _ in range(_ID_LENGTH))


def _note(actor: str, what: str, endpoint: Endpoint, **told: Any) -> None:
    audit.record(actor, action=f"endpoint.{what}", subject=endpoint.public_id, **told)


def reseal() -> int:
    """Put all secrets under the newest key; return of how many endpoints."""
    return reseal_rows(Endpoint.objects.all(), fields=("secret", "previous_secret"))
