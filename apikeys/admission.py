"""Authentication, limit and the log's insert in one statement; the log's completion in another."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings

from apikeys.addresses import origin_of
from apikeys.keys import PresentedKey
from groundwork.statements import prepared, results, together

# Requests without a key are rows up to this many an hour and address; beyond it they are counted.
STRANGERS_LOGGED = 60
# Refusals of an address in any 60 seconds beyond which it is refused unheard.
FAILURES_ALLOWED = 30

# The limits are written into the statement: a parameter costs a microsecond of each request.
_ADMIT = f"""
    select * from apikeys_admit(
        %(public_id)s::text, %(mode)s::text, %(digest)s::bytea, %(nonce)s::bytea, %(fault)s::text,
        %(method)s::text, %(route)s::text, %(correlation_id)s::text,
        %(address)s::inet, %(logged)s::inet, %(network)s::text, %(source)s::inet,
        {STRANGERS_LOGGED}, {FAILURES_ALLOWED}
    )
"""  # noqa: S608 - two numbers of this module
_COMPLETE = """
    select apikeys_complete(%(at)s, %(id)s, %(status)s, %(milliseconds)s, %(bytes_sent)s)
"""


class Admission(NamedTuple):
    """What became of a request at the door. `log_id` is None for strangers that are only counted.

    `mode`, `public_id`, `label` and `expires_at` are the key's; of strangers they are empty.
    """

    outcome: str
    log_at: datetime
    log_id: int | None
    customer_id: int | None
    scopes: tuple[str, ...]
    quota: int | None
    remaining: int | None
    wait_seconds: float | None
    label: str
    expires_at: datetime | None
    mode: str
    public_id: str
    fault: str


def admit(key: PresentedKey | None, *, fault: str = "", **caller: str | None) -> Admission:
    """Check the key, count the request against its limit, and log it; one transaction.

    `caller` names method, route, correlation_id and address. `fault` is what is wrong with how the key
    is presented. `outcome` is "admitted", "limited" (no place in the last 60 seconds), "refused",
    "outside" (a network that the key is not for), "barred" (too many refusals of this address) or
    "faulty".
    """
    return _admission(key, fault, prepared(_ADMIT, _asked(key, fault, caller))[0])


def admit_then(
    sql: str, params: Mapping[str, Any], key: PresentedKey, **caller: str | None
) -> tuple[Admission, tuple[Any, ...]]:
    """Admit a caller, and whatever the outcome run `sql` after that transaction; one round trip.

    Return the row that `sql` ends with beside the admission.
    """
    _, admitted, *_, rows = results(
        f"begin; {_ADMIT}; commit; {sql}", {**_asked(key, "", caller), **params}
    )
    return _admission(key, "", admitted[0]), rows[0]


def _asked(
    key: PresentedKey | None, fault: str, caller: Mapping[str, str | None]
) -> dict[str, Any]:
    origin = origin_of(caller["address"], hashed=settings.HASH_ADDRESSES)
    return {
        **caller,
        "public_id": key.public_id if key else "",
        "mode": key.mode if key else "",
        "digest": key.secret_sha256 if key else b"",
        "nonce": secrets.token_bytes(16),
        "fault": fault,
        "logged": origin.logged,
        "network": origin.network,
        "source": origin.source,
    }


def _admission(key: PresentedKey | None, fault: str, row: tuple[Any, ...]) -> Admission:
    outcome, log_at, log_id, customer_id, scopes, quota, remaining, wait, label, expires_at = row
    known = key if customer_id is not None else None
    return Admission(
        outcome,
        log_at,
        log_id,
        customer_id,
        tuple(scopes or ()),
        quota,
        remaining,
        wait,
        label or "",
        expires_at,
        known.mode if known else "",
        known.public_id if known else "",
        fault,
    )


def complete(
    admission: Admission, *, status: int, milliseconds: float, bytes_sent: int, first: str = ""
) -> None:
    """Write down how a request ended; `first` is SQL to run before it, in the same round trip."""
    if admission.log_id is None:
        if first:
            together(first, {})
        return
    params = {
        "status": status,
        "milliseconds": milliseconds,
        "bytes_sent": bytes_sent,
        "at": admission.log_at,
        "id": admission.log_id,
    }
    together(first + _COMPLETE, params)
