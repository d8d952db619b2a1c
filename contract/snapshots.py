"""One request, one snapshot: the revision, the instant, and what the customer may see at them."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection

from customers.entitlements import NOTHING, SETTINGS, Entitlement, compiled
from customers.visibility import Terms
from groundwork.roles import role_name

# Role, customer and gate hold for this transaction only. Several statements in one round trip.
# With the gate both in the query and in the policy, the planner multiplies selectivities and sorts
# the whole table for a first page; a generic plan walks the key instead.
_BEGIN = f"""
    begin isolation level repeatable read read only;
    select set_config('role', %(role)s, true),
           set_config('plan_cache_mode', 'force_generic_plan', true),
           set_config('tradecounter.customer', %(customer)s, true),
           {", ".join(f"set_config('tradecounter.{name}', %({name})s, true)" for name in SETTINGS)};
    select r.number, r.nonce, r.recorded_at, transaction_timestamp(),
           (select max(number) from catalog_mirror_epoch),
           (select nonce from catalog_mirror_revision
            where touches_rules order by number desc limit 1)
    from catalog_mirror_revision r order by r.number desc limit 1
"""  # noqa: S608 - the names of settings, a constant

_SET_GATE = f"""
    select {", ".join(f"set_config('tradecounter.{name}', %({name})s, true)" for name in SETTINGS)}
"""


class ContractInactive(Exception):
    """The customer's contract does not hold at this instant."""


@dataclass(frozen=True)
class Snapshot:
    """Everything a view is a function of, and the cursor that reads it under the api role."""

    cursor: psycopg.Cursor[Any]
    customer_id: int
    epoch: int
    revision: int
    nonce: UUID
    recorded_at: datetime
    at: datetime
    terms: Terms
    gate: Mapping[str, str]

    def rows(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a named statement of the hot path, prepared."""
        return self.cursor.execute(sql, params, prepare=True).fetchall()


_entitlements: dict[int, Entitlement] = {}
_entitlements_lock = threading.Lock()
# Far more customers than a process serves at once; beyond it the oldest is compiled again.
_MOST_KEPT = 10_000


@contextmanager
def snapshot_for(customer_id: int, *, not_before: datetime | None = None) -> Iterator[Snapshot]:
    """Read as one customer, in one read-only transaction; raise `ContractInactive` outside a contract.

    The instant is the database's clock, but never before `not_before`, so that it does not go back
    between a cursor and its use.
    """
    connection.ensure_connection()
    database = connection.connection
    cursor = psycopg.Cursor(database)
    try:
        yield _begun(database, cursor, customer_id, not_before)
    finally:
        if not database.closed:
            database.execute("rollback", prepare=False)


def _begun(
    database: Any, cursor: psycopg.Cursor[Any], customer_id: int, not_before: datetime | None
) -> Snapshot:
    kept = _entitlements.get(customer_id, NOTHING)
    number, nonce, recorded_at, now, epoch, rules = _begin(database, customer_id, kept)
    at = max(now, recorded_at, not_before or now)
    if not kept.is_current(rules, at):
        kept = compiled(cursor, rules=rules, at=at)
        cursor.execute(_SET_GATE, kept.gate)
        _keep(customer_id, kept)
    if kept.terms is None or not kept.terms.hold(at):
        raise ContractInactive
    return Snapshot(
        cursor=cursor,
        customer_id=customer_id,
        epoch=epoch,
        revision=number,
        nonce=nonce,
        recorded_at=recorded_at,
        at=at,
        terms=kept.terms,
        gate=kept.gate,
    )


def _begin(database: Any, customer_id: int, kept: Entitlement) -> tuple[Any, ...]:
    with psycopg.ClientCursor(database) as opening:
        role = role_name(connection, "api")
        opening.execute(_BEGIN, {"role": role, "customer": str(customer_id), **kept.gate})
        opening.nextset()
        opening.nextset()
        row: tuple[Any, ...] | None = opening.fetchone()
    if row is None:
        raise RuntimeError("The database holds no revision. Run `manage.py migrate`.")
    return row


def _keep(customer_id: int, entitlement: Entitlement) -> None:
    with _entitlements_lock:
        _entitlements.pop(customer_id, None)
        _entitlements[customer_id] = entitlement
        while len(_entitlements) > _MOST_KEPT:
            del _entitlements[next(iter(_entitlements))]
