"""Authentication, limit and the log's insert in one statement."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings

from apikeys.addresses import origin_of
from apikeys.keys import PresentedKey
from groundwork.statements import Rows, Statement, exchange

# Requests without a key are rows up to this many an hour and address; beyond it they are counted.
STRANGERS_LOGGED = 60
# Refusals of an address in any 60 seconds beyond which it is refused unheard.
FAILURES_ALLOWED = 30

# The limits are written into the statement: a parameter costs a microsecond of each request. The row is
# durable with its completion, a moment later: a commit that waits for the disk took a quarter of the whole.
_ADMIT = f"""
    select a.*, set_config('synchronous_commit', 'off', true),
           set_config('tradecounter.admitted', case a.outcome when 'admitted' then 'yes' else '' end, false)
    from apikeys_admit(
        %(public_id)s::text, %(mode)s::text, %(digest)s::bytea, %(nonce)s::bytea, %(fault)s::text,
        %(method)s::text, %(route)s::text, %(correlation_id)s::text,
        %(address)s::inet, %(logged)s::inet, %(network)s::text, %(source)s::inet,
        {STRANGERS_LOGGED}, {FAILURES_ALLOWED}
    ) a
"""  # noqa: S608 - two numbers of this module
# Whether this connection's last admission let somebody in: what goes along with it may ask.
ADMITTED = "current_setting('tradecounter.admitted', true) = 'yes'"


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
    [[[row]]] = exchange([(_ADMIT, _asked(key, fault, caller))])
    return _admission(key, fault, row)


def admit_and(
    part: Sequence[Statement], key: PresentedKey, **caller: str | None
) -> tuple[Admission, list[Rows] | None]:
    """Admit a caller, and whatever the outcome run `part` after that transaction; one round trip.

    In it `ADMITTED` tells the outcome. Where it fails there are no rows of it, and the admission stands.
    """
    [[row]], *more = exchange([(_ADMIT, _asked(key, "", caller))], part, needed=1)
    return _admission(key, "", row), more[0] if more else None


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
    outcome, log_at, log_id, customer_id, scopes, quota, remaining, wait, label, expires_at = row[
        :10
    ]
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
