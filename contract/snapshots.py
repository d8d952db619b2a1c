"""One request, one snapshot: the revision, the instant, and what the customer may see at them."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections

from customers.entitlements import NOTHING, SETTINGS, Entitlement, compiled
from customers.visibility import Terms
from groundwork.roles import role_name
from groundwork.statements import prepared, together
from pricing.price_lists import PriceList

# Role, customer and gate hold for this transaction only. Several statements in one round trip.
# With the gate both in the query and in the policy, the planner multiplies selectivities and sorts
# the whole table for a first page; a generic plan walks the key instead.
_BEGIN = f"""
    begin isolation level repeatable read read only;
    select set_config('role', %(role)s, true),
           set_config('plan_cache_mode', 'force_generic_plan', true),
           set_config('statement_timeout', '10s', true),
           set_config('lock_timeout', '2s', true),
           set_config('tradecounter.customer', %(customer)s, true),
           {", ".join(f"set_config('tradecounter.{name}', %({name})s, true)" for name in SETTINGS)};
    select * from catalog_mirror_position()
"""  # noqa: S608 - the names of settings, a constant

# Ends a failed transaction as well. Not ROLLBACK: psycopg forgets its prepared statements at one,
# which cost a page 40 % of its database CPU.
COMMIT = "commit;"

_SET_GATE = f"""
    select {", ".join(f"set_config('tradecounter.{name}', %({name})s, true)" for name in SETTINGS)}
"""


class ContractInactive(Exception):
    """The customer's contract does not hold at this instant, as of a revision."""

    def __init__(self, revision: int) -> None:
        super().__init__()
        self.revision = revision


@dataclass
class Kept:
    """What a process keeps of one customer between requests, for as long as it is current."""

    entitlement: Entitlement
    prices: PriceList | None = None
    prices_read: bool = False


@dataclass(frozen=True)
class Snapshot:
    """Everything a view is a function of; its rows are read under the api role."""

    customer_id: int
    epoch: int
    revision: int
    nonce: UUID
    recorded_at: datetime
    at: datetime
    terms: Terms
    gate: Mapping[str, str]
    kept: Kept
    using: str  # the database it is read from

    def rows(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a named statement inside this snapshot."""
        return prepared(sql, params, using=self.using)


_kept: dict[int, Kept] = {}
_kept_lock = threading.Lock()
_UNKNOWN = Kept(NOTHING)
# Beyond it the oldest is compiled again. With 350 rules and 1,000 variants seen one takes 2.4 MB.
_MOST_KEPT = 500


@dataclass(frozen=True)
class Opening:
    """What opens a snapshot, to be sent along with something else."""

    sql: str
    params: Mapping[str, str]
    kept: Kept


@dataclass(frozen=True)
class Opened:
    """A snapshot's transaction that was opened already, and the row that it began with."""

    kept: Kept
    row: tuple[Any, ...]
    using: str = DEFAULT_DB_ALIAS

    def as_of(self, at: datetime) -> "Opened":
        """Return it with another clock's instant in place of its own."""
        number, nonce, recorded_at, _, epoch, rules = self.row
        return replace(self, row=(number, nonce, recorded_at, at, epoch, rules))


def opening_for(customer_id: int | None) -> Opening | None:
    """Return what opens a snapshot for a customer of whom something is kept."""
    kept = _kept.get(customer_id) if customer_id is not None else None
    return _opening(customer_id, kept) if kept else None


def _opening(customer_id: int | None, kept: Kept) -> Opening:
    role = role_name(connection, "api")
    params = {"role": role, "customer": str(customer_id), **kept.entitlement.gate}
    return Opening(_BEGIN, params, kept)


@contextmanager
def snapshot_for(
    customer_id: int,
    *,
    not_before: datetime | None = None,
    opened: Opened | None = None,
    end: Callable[[], None] | None = None,
) -> Iterator[Snapshot]:
    """Read as one customer, in one read-only transaction; raise `ContractInactive` outside a contract.

    The instant is the database's clock, but never before `not_before`, so that it does not go back
    between a cursor and its use. `end` commits the transaction when the block succeeds, together
    with whatever else it has to say to the database.
    """
    ended = False
    opened = opened or open_for(customer_id)
    try:
        yield _begun(customer_id, opened, not_before)
        if end:
            end()
            ended = True
    finally:
        if not ended:
            close(opened.using)


def open_for(customer_id: int, *, using: str = DEFAULT_DB_ALIAS) -> Opened:
    """Open a snapshot's transaction; whoever gets it has `snapshot_for` or `close` end it."""
    opening = _opening(customer_id, _kept.get(customer_id, _UNKNOWN))
    return Opened(opening.kept, together(opening.sql, opening.params, using=using)[0], using)


def close(using: str) -> None:
    """End a snapshot's transaction, where its connection lives."""
    connection = connections[using]
    if connection.connection and not connection.connection.closed:
        together(COMMIT, {}, using=using)


def _begun(customer_id: int, opened: Opened, not_before: datetime | None) -> Snapshot:
    kept = opened.kept
    number, nonce, recorded_at, now, epoch, rules = opened.row
    at = max(now, recorded_at, not_before or now)
    if not kept.entitlement.is_current(rules, at):
        kept = Kept(compiled(rules=rules, at=at, using=opened.using))
        prepared(_SET_GATE, kept.entitlement.gate, using=opened.using)
        _keep(customer_id, kept)
    terms = kept.entitlement.terms
    if terms is None or not terms.hold(at):
        raise ContractInactive(number)
    return Snapshot(
        customer_id=customer_id,
        epoch=epoch,
        revision=number,
        nonce=nonce,
        recorded_at=recorded_at,
        at=at,
        terms=terms,
        gate=kept.entitlement.gate,
        kept=kept,
        using=opened.using,
    )


def _keep(customer_id: int, kept: Kept) -> None:
    with _kept_lock:
        _kept.pop(customer_id, None)
        _kept[customer_id] = kept
        while len(_kept) > _MOST_KEPT:
            del _kept[next(iter(_kept))]
