"""What every partner request meets first: its key, its limit, the log, and the reasons not to be let in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg
from django.db import DatabaseError, connection
from django.http import HttpRequest

from apikeys.addresses import client_address
from apikeys.admission import Admission, admit, admit_and
from apikeys.keys import PresentedKey
from apikeys.models import KeyTerms
from apikeys.presenting import KEY_IN_URL, TWO_AUTHORIZATIONS, presented
from contract import replicas
from contract.problems import Problem, no_sandbox
from contract.snapshots import Foreseen, Kept, Opened, Opening, kept_for
from customers.models import SANDBOX
from groundwork.correlation import correlation_id

_WINDOW = 60  # seconds
# Whom each key that was admitted reads as: it never changes. With it the snapshot is opened, and read,
# in the round trip of the admission; whose key it is, the admission tells.
_customer_of: dict[str, int] = {}


class Reader(NamedTuple):
    """Who will probably read, and what this process keeps of them."""

    customer_id: int
    kept: Kept

    @property
    def knows_prices(self) -> bool:
        """Whether what is kept prices everything, by our own clock; where it errs it is read after all."""
        return bool(self.kept.prices and self.kept.prices.is_current(datetime.now(UTC)))


@dataclass(frozen=True)
class Call:
    """A request as it comes to the door. `foresee` tells what a reader's answer will be read with."""

    request: HttpRequest
    route: str
    may_lag: bool
    foresee: Callable[[Reader], Foreseen]


class Admitted(NamedTuple):
    """An admission, a snapshot opened along with it, and what the primary had where a replica is read."""

    admission: Admission
    opened: Opened | None = None
    primary: replicas.Primary | None = None


def reader_of(admission: Admission) -> int | None:
    """Return whose view a request is answered from: with a test key it is the sandbox's."""
    is_test = admission.mode == KeyTerms.Mode.TEST
    return SANDBOX if is_test else admission.customer_id


def admitted(call: Call) -> Admitted:
    """Admit a caller; where its reader is known already, open and read the snapshot along with it."""
    key, fault = presented(call.request)
    try:
        return _admit(key, fault, call)
    except DatabaseError as error:
        if not _connection_was_lost(error):
            raise
        # The database was restarted under a kept connection; a new one may do. Whether the first admission
        # stands is not known, so at worst a request takes two places and one row stays without a status.
        connection.close()
        return _admit(key, fault, call)


def _connection_was_lost(error: DatabaseError) -> bool:
    lost = isinstance(error.__cause__, psycopg.OperationalError)
    return lost and (connection.connection is None or connection.connection.closed)


def _admit(key: PresentedKey | None, fault: str, call: Call) -> Admitted:
    caller = {
        "method": (call.request.method or "")[:8],
        "route": call.route,
        "correlation_id": correlation_id(),
        "address": client_address(call.request),
    }
    if key and not fault and call.may_lag and replicas.are_there():
        admission, rows = admit_and([replicas.PRIMARY], key, **caller)
        return Admitted(admission, primary=replicas.Primary(*rows[0][0]) if rows else None)
    opening = _opening(key, call) if key and not fault else None
    if key and opening:
        admission, rows = admit_and(opening.part, key, **caller)
        return Admitted(admission, opening.opened(rows) if rows else None)
    admission = admit(key, fault=fault, **caller)
    reader = reader_of(admission)
    if key and reader is not None:
        _customer_of[key.public_id] = reader
    return Admitted(admission)


def _opening(key: PresentedKey, call: Call) -> Opening | None:
    """Return what opens the snapshot of a key's reader, if this process knows the one and the other."""
    customer_id = _customer_of.get(key.public_id)
    kept = None if customer_id is None else kept_for(customer_id)
    if customer_id is None or kept is None:
        return None
    return Opening(customer_id, kept, call.foresee(Reader(customer_id, kept)))


def no_view(admission: Admission) -> Problem:
    """Return why there is nothing to read from: no contract of the caller's, or no sandbox yet."""
    if reader_of(admission) == SANDBOX:
        return no_sandbox()
    return Problem(403, "contract_inactive", "No contract of yours is in force at this time.")


def refuse(admission: Admission, scope: str, *, takes_test_keys: bool) -> None:
    """Raise the problem of a request that is not admitted, or not for what it asks."""
    if admission.outcome == "faulty":
        raise Problem(400, admission.fault, _FAULTS[admission.fault])
    if admission.outcome == "refused":
        raise Problem(
            401,
            "key_refused",
            "Send a valid key: `Authorization: Bearer tc_live_...`.",
            headers={"WWW-Authenticate": 'Bearer realm="tradecounter"'},
        )
    if admission.outcome == "outside":
        raise Problem(403, "network_not_allowed", "This key may not be used from this address.")
    if admission.outcome in ("limited", "barred"):
        raise _too_many(admission)
    if not takes_test_keys and reader_of(admission) == SANDBOX:
        raise Problem(403, "live_key_needed", "The sandbox has no webhooks. Use a live key.")
    if admission.scopes and scope and scope not in admission.scopes:
        raise Problem(403, "scope_missing", f"This key is not for `{scope}`.")


_FAULTS = {
    TWO_AUTHORIZATIONS: "Send one `Authorization` header, with one key.",
    KEY_IN_URL: "Send the key in the `Authorization` header alone. What stands in an address ends in logs: "
    "ask for another key in place of this one.",
}


def _too_many(admission: Admission) -> Problem:
    wait = str(max(1, int(admission.wait_seconds or 0) + 1))
    if admission.outcome == "barred":
        code, what = "too_many_failures", "Too many requests without a valid key came from here."
    else:
        code = "rate_limited"
        what = f"At most {admission.quota} requests in any {_WINDOW} seconds."
    return Problem(429, code, f"{what} Try again in {wait} s.", headers={"Retry-After": wait})


def limit_headers(admission: Admission) -> dict[str, str]:
    """Return the headers of draft-ietf-httpapi-ratelimit-headers."""
    if admission.quota is None:
        return {}
    wait = int(admission.wait_seconds or 0) + 1 if not admission.remaining else _WINDOW
    return {
        "RateLimit-Policy": f'"key";q={admission.quota};w={_WINDOW}',
        "RateLimit": f'"key";r={admission.remaining};t={wait}',
    }
