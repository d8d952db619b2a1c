"""Takes deliveries in: who sent one is found out, and what is signed is kept; nothing is followed here."""

from collections.abc import Mapping
from secrets import token_urlsafe

import structlog
from django.conf import settings

from groundwork.correlation import correlation_id
from groundwork.instants import database_now
from groundwork.sealing import SealBroken
from sync import connections, events, refusals, runs
from sync.models import Connection

log = structlog.get_logger(__name__)

LARGEST = 2**20  # bytes of a delivery; the largest recorded was a product of 370 kB
# What a delivery to no source is compared with, so that it takes as long as any other.
_NOBODYS = [token_urlsafe()]


class DeliveryRefused(Exception):
    """A delivery is not signed by a source that we know: one answer, whichever of these it is."""


class TooManyDeliveries(Exception):
    """A source sends more than the rate; what is lost is found by the sweep that was asked for."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Retry after {retry_after} seconds.")
        self.retry_after = retry_after


def hear(slug: str, *, headers: Mapping[str, str], body: bytes) -> int | None:
    """Keep a signed delivery; return its source's id, or None for a ping, of which nothing is kept.

    Raises `DeliveryRefused` and `TooManyDeliveries`, both counted.
    """
    row = Connection.objects.filter(source__slug=slug).first()
    dialect = connections.dialect_of(row or Connection(kind=Connection.Kind.WOOCOMMERCE))
    if row and dialect.is_ping(headers, body):
        return None
    secrets, lack = _secrets(row)
    if not dialect.is_signed(headers, body, secrets=secrets or _NOBODYS) or row is None:
        unsigned = "wrong_signature" if dialect.has_signature(headers) else "unsigned"
        raise _refused(lack or unsigned, row.source_id if row else None)
    if not events.store(
        row.source_id, dialect.delivery(headers, body), correlation_id=correlation_id()
    ):
        refusals.count("too_many", source_id=row.source_id)
        runs.want(row.source, at=database_now())
        raise TooManyDeliveries(int(settings.HOOK_WINDOW.total_seconds()))
    return int(row.source_id)


def refuse_large(slug: str) -> None:
    """Count a delivery that was not read because of its size."""
    row = Connection.objects.filter(source__slug=slug).first()
    refusals.count("too_large", source_id=row.source_id if row else None)


def _refused(reason: str, source_id: int | None) -> DeliveryRefused:
    refusals.count(reason, source_id=source_id)
    log.warning("delivery_refused", reason=reason, source_id=source_id)
    return DeliveryRefused(reason)


def _secrets(row: Connection | None) -> tuple[list[str], str]:
    """Return the secrets of a connection, and where there are none the reason."""
    if row is None:
        return [], "unknown_source"
    try:
        secrets = connections.hook_secrets(row)
    except SealBroken:
        return [], "secret_unreadable"
    return secrets, "" if secrets else "no_secret"
