"""Authentication, limit and the log's insert in one statement; the log's completion in another."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apikeys.keys import PresentedKey
from groundwork.statements import prepared, results, together

# Requests without a key are rows up to this many an hour and address; beyond it they are counted.
STRANGERS_LOGGED = 60

_ADMIT = """
    select * from apikeys_admit(
        %(public_id)s::text, %(mode)s::text, %(digest)s::bytea, %(nonce)s::bytea, %(method)s::text,
        %(route)s::text, %(correlation_id)s::text, %(address)s::inet, %(strangers)s::integer
    )
"""
_COMPLETE = """
    select apikeys_complete(%(at)s, %(id)s, %(status)s, %(milliseconds)s, %(bytes_sent)s)
"""


@dataclass(frozen=True)
class Admission:
    """What became of a request at the door. `log_id` is None for strangers that are only counted."""

    outcome: str
    log_at: datetime
    log_id: int | None
    customer_id: int | None
    scopes: tuple[str, ...]
    quota: int | None
    remaining: int | None
    wait_seconds: float | None


def admit(key: PresentedKey | None, **caller: str | None) -> Admission:
    """Check the key, count the request against its limit, and log it; one transaction.

    `caller` names method, route, correlation_id and address. `outcome` is "admitted", "limited" (no
    place in the last 60 seconds) or "refused".
    """
    return _admission(prepared(_ADMIT, {**_presented(key), **caller})[0])


def admit_then(
    sql: str, params: Mapping[str, Any], key: PresentedKey, **caller: str | None
) -> tuple[Admission, tuple[Any, ...]]:
    """Admit a caller, and whatever the outcome run `sql` after that transaction; one round trip.

    Return the row that `sql` ends with beside the admission.
    """
    _, admitted, *_, rows = results(
        f"begin; {_ADMIT}; commit; {sql}", {**_presented(key), **caller, **params}
    )
    return _admission(admitted[0]), rows[0]


def _presented(key: PresentedKey | None) -> dict[str, Any]:
    return {
        "public_id": key.public_id if key else "",
        "mode": key.mode if key else "",
        "digest": key.secret_sha256 if key else b"",
        "nonce": secrets.token_bytes(16),
        "strangers": STRANGERS_LOGGED,
    }


def _admission(row: tuple[Any, ...]) -> Admission:
    outcome, log_at, log_id, customer_id, scopes, *window = row
    return Admission(outcome, log_at, log_id, customer_id, tuple(scopes or ()), *window)


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
