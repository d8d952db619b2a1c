"""Reads from a standby: only where it has what the primary would say, and as of an instant it is whole for.

Every rule that the primary knows must be there, so that a change of what somebody may see is in force at
its commit; changes of the mirror may be missing for a while.
"""

import time
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections

from contract.snapshots import Opened, close, open_for
from groundwork.statements import Statement, prepared

log = structlog.get_logger(__name__)

ALIAS = "replica"
_REST = 5.0  # seconds for which one that failed is not asked again
_rests_until = 0.0

# Beside an admission, in its round trip.
PRIMARY: Statement = (
    "select r.number, r.epoch, r.rules_nonce, clock_timestamp() from catalog_mirror_position() r",
    {},
)
_OLDEST_MISSING = """
    select recorded_at, clock_timestamp() - recorded_at from catalog_mirror_revision
    where number > %(number)s order by number limit 1
"""


class Primary(NamedTuple):
    """What the primary had when a request was admitted."""

    newest: int
    epoch: int
    rules_nonce: object
    at: datetime


def lag_allowed() -> timedelta:
    """Return how much older than an answer of the primary a later one may be; nothing without a standby."""
    return settings.REPLICA_LAG if ALIAS in connections.settings else timedelta(0)


def are_there() -> bool:
    """Tell whether a replica may be asked now."""
    return ALIAS in connections.settings and time.monotonic() >= _rests_until


def rest() -> None:
    """Ask the replica for nothing for a while."""
    global _rests_until  # noqa: PLW0603 - of this process
    _rests_until = time.monotonic() + _REST
    connections[ALIAS].close()


def opened_for(
    customer_id: int, primary: Primary, *, not_before: datetime | None, at_least: int
) -> Opened | None:
    """Open a snapshot on the replica; None where the primary is to be read."""
    try:
        opened = open_for(customer_id, using=ALIAS)
    except (DatabaseError, InterfaceError):
        log.warning("replica_away", exc_info=True)
        rest()
        return None
    at = _whole_until(opened, primary, at_least)
    if at is None or (not_before and not_before > at):
        close(opened)
        return None
    return opened.as_of(at)


def _whole_until(opened: Opened, primary: Primary, at_least: int) -> datetime | None:
    """Return up to which instant the replica's revision is all there is; None where it lacks too much."""
    number, _, _, _, epoch, rules_nonce = opened.row
    if number < at_least or (epoch, rules_nonce) != (primary.epoch, primary.rules_nonce):
        return None
    if number >= primary.newest:
        return primary.at
    recorded_at, age = prepared(_OLDEST_MISSING, {"number": number})[0]
    return min(recorded_at, primary.at) if age <= settings.REPLICA_LAG else None
