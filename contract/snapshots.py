"""One request, one snapshot: the revision, the instant, and what the customer may see at them."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections

from apikeys.admission import ADMITTED
from customers.entitlements import NOTHING, SETTINGS, Entitlement, compiled
from customers.visibility import Terms
from groundwork.roles import role_name
from groundwork.statements import Rows, Statement, exchange, prepared
from pricing.price_lists import PriceList

_BEGIN: Statement = ("begin isolation level repeatable read read only", {})
_COMMIT: Statement = ("commit", {})

# Role, customer and gate hold for this transaction only. With the gate both in the query and in the
# policy, the planner multiplies selectivities and sorts the whole table for a first page; a generic plan
# walks the key instead, and among a million variants with two workers, whose start takes 8 ms: so none.
_OPEN = f"""
    select p.*,
           set_config('tradecounter.customer', case when {{when}} then %(customer)s else '' end, true),
           num_nulls(
               set_config('tradecounter.admitted', '', false),
               set_config('role', %(role)s, true),
               set_config('plan_cache_mode', 'force_generic_plan', true),
               set_config('max_parallel_workers_per_gather', '0', true),
               set_config('statement_timeout', '10s', true),
               set_config('lock_timeout', '2s', true),
               {", ".join(f"set_config('tradecounter.{name}', %({name})s, true)" for name in SETTINGS)}
           )  -- one column to read instead of many
    from catalog_mirror_position() p
"""  # noqa: S608 - the names of settings, a constant
_OPEN_ALWAYS = _OPEN.format(when="true")
# Along with an admission: without a customer no row is looked at.
_OPEN_ADMITTED = _OPEN.format(when=ADMITTED)

# Where nothing else is read it takes no role, no gate, and no more than this one statement.
_LOOK = f"""
    select p.*, case when {ADMITTED} then %(customer)s::text else '' end,
           set_config('tradecounter.admitted', '', false)
    from catalog_mirror_position() p
"""  # noqa: S608 - a constant

_SET_GATE = f"""
    select {", ".join(f"set_config('tradecounter.{name}', %({name})s, true)" for name in SETTINGS)}
"""


class ContractInactive(Exception):
    """The customer's contract does not hold at this instant, as of a revision."""

    def __init__(self, revision: int) -> None:
        super().__init__()
        self.revision = revision


class Calm(NamedTuple):
    """A time in which no window of some rules opens or closes."""

    begins: datetime
    ends: datetime | None

    def covers(self, since: datetime, at: datetime) -> bool:
        return self.begins <= since and (self.ends is None or at < self.ends)


@dataclass
class Kept:
    """What a process keeps of one customer between requests, for as long as it is current.

    `revision` is that of the snapshot at which it was compiled; `calm` is kept by the tables of the rules.
    """

    entitlement: Entitlement
    revision: int = 0
    calm: dict[tuple[str, ...], Calm] = field(default_factory=dict)
    prices: PriceList | None = None
    prices_read: bool = False


class Elapsed(Exception):
    """More was asked of a snapshot than was foreseen, and its transaction is over: begin anew."""


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
    opened: "Opened"
    _ahead: list[tuple[Statement, Rows]] = field(default_factory=list)

    def has_rules_of(self, revision: int) -> bool:
        """Tell whether surely no rule, and no terms, were written since a revision."""
        return self.kept.revision <= revision

    def read_ahead(self, *statements: Statement) -> None:
        """Run what `rows` will be asked for next, in one round trip."""
        if self.opened.is_over:
            raise Elapsed
        [every] = exchange(statements, using=self.opened.using)
        self._ahead.extend(zip(statements, every, strict=True))

    def rows(self, sql: str, params: Mapping[str, Any]) -> Rows:
        """Run a named statement inside this snapshot; what was read ahead is there already.

        Raise `Elapsed` where that was all, and this is not of it.
        """
        for (read, given), rows in chain(self._ahead, self.opened.ahead):
            if read == sql and given == params:
                return rows
        if self.opened.is_over:
            raise Elapsed
        return prepared(sql, params, using=self.opened.using)


_kept: dict[int, Kept] = {}
_kept_lock = threading.Lock()
_UNKNOWN = Kept(NOTHING)
# Beyond it the oldest is compiled again. With 350 rules and 1,000 variants seen one takes 2.4 MB.
_MOST_KEPT = 500


@dataclass(frozen=True)
class Foreseen:
    """What an answer will be read with, known before its snapshot; with `is_all` by nothing else."""

    reads: tuple[Statement, ...] = ()
    is_all: bool = False


@dataclass(frozen=True)
class Opened:
    """A snapshot's transaction that was opened already, and the row that it began with.

    `ahead` was read along with it; `is_over` where nothing else was foreseen. One that `is_blind` was
    opened for nobody: with an admission that let nobody in.
    """

    customer_id: int
    kept: Kept
    row: tuple[Any, ...]
    using: str = DEFAULT_DB_ALIAS
    ahead: tuple[tuple[Statement, Rows], ...] = ()
    is_over: bool = False
    is_blind: bool = False

    @property
    def revision(self) -> int:
        return int(self.row[0])

    def as_of(self, at: datetime) -> "Opened":
        """Return it with another clock's instant in place of its own."""
        number, nonce, recorded_at, _, epoch, rules = self.row
        return replace(self, row=(number, nonce, recorded_at, at, epoch, rules))

    def instant(self, not_before: datetime | None) -> datetime:
        """Return the instant to read at: the database's clock, but never before `not_before`."""
        _, _, recorded_at, now, *_ = self.row
        at: datetime = max(now, recorded_at, not_before or now)
        return at

    def is_current(self, at: datetime) -> bool:
        """Tell whether what is kept, and was read by, is what holds at `at`."""
        return self.kept.entitlement.is_current(self.row[5], at)


@dataclass(frozen=True)
class Opening:
    """What opens a snapshot along with an admission, in the same round trip."""

    customer_id: int
    kept: Kept
    foreseen: Foreseen

    @property
    def _only_looks(self) -> bool:
        return self.foreseen.is_all and not self.foreseen.reads

    @property
    def part(self) -> list[Statement]:
        if self._only_looks:
            return [(_LOOK, {"customer": str(self.customer_id)})]
        opened = (_OPEN_ADMITTED, _settings(self.customer_id, self.kept))
        end = [_COMMIT] if self.foreseen.is_all else []
        return [_BEGIN, opened, *self.foreseen.reads, *end]

    def opened(self, rows: list[Rows]) -> Opened:
        """Return what came of it, from the rows of its statements."""
        [row] = rows[0] if self._only_looks else rows[1]
        return Opened(
            self.customer_id,
            self.kept,
            row[:6],
            ahead=tuple(zip(self.foreseen.reads, rows[2:], strict=False)),
            is_over=self.foreseen.is_all,
            is_blind=row[6] != str(self.customer_id),
        )


_newest_seen = 0


def newest_seen() -> int:
    """Return the revision that this process read at last: a guess at what is the newest."""
    return _newest_seen


def kept_for(customer_id: int) -> Kept | None:
    """Return what this process keeps of a customer, if it does."""
    return _kept.get(customer_id)


def _settings(customer_id: int, kept: Kept) -> dict[str, str]:
    role = role_name(connection, "api")
    return {"role": role, "customer": str(customer_id), **kept.entitlement.gate}


@contextmanager
def snapshot_for(
    customer_id: int, *, not_before: datetime | None = None, opened: Opened | None = None
) -> Iterator[Snapshot]:
    """Read as one customer, in one read-only transaction; raise `ContractInactive` outside a contract.

    The instant is the database's clock, but never before `not_before`, so that it does not go back
    between a cursor and its use.
    """
    if opened and not _serves(opened, customer_id, not_before):
        close(opened)
        opened = None
    opened = opened or open_for(customer_id)
    try:
        yield _begun(customer_id, opened, not_before)
    finally:
        close(opened)


def _serves(opened: Opened, customer_id: int, not_before: datetime | None) -> bool:
    if opened.is_blind or opened.customer_id != customer_id:
        return False
    return not opened.is_over or opened.is_current(opened.instant(not_before))


def open_for(customer_id: int, *, using: str = DEFAULT_DB_ALIAS) -> Opened:
    """Open a snapshot's transaction; whoever gets it has `snapshot_for` or `close` end it."""
    kept = _kept.get(customer_id, _UNKNOWN)
    part = [_BEGIN, (_OPEN_ALWAYS, _settings(customer_id, kept))]
    [[_, [row]]] = exchange(part, using=using)
    return Opened(customer_id, kept, row[:6], using)


def close(opened: Opened) -> None:
    """End a snapshot's transaction, where it is not over and its connection lives."""
    connection = connections[opened.using]
    if not opened.is_over and connection.connection and not connection.connection.closed:
        exchange([_COMMIT], using=opened.using)


def _begun(customer_id: int, opened: Opened, not_before: datetime | None) -> Snapshot:
    global _newest_seen  # noqa: PLW0603 - of this process
    number, nonce, recorded_at, _, epoch, rules = opened.row
    _newest_seen = number
    at = opened.instant(not_before)
    if not opened.is_current(at):
        kept = Kept(compiled(rules=rules, at=at, using=opened.using), number)
        prepared(_SET_GATE, kept.entitlement.gate, using=opened.using)
        _keep(customer_id, kept)
        opened = replace(opened, kept=kept, ahead=())
    kept = opened.kept
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
        opened=opened,
    )


def _keep(customer_id: int, kept: Kept) -> None:
    with _kept_lock:
        _kept.pop(customer_id, None)
        _kept[customer_id] = kept
        while len(_kept) > _MOST_KEPT:
            del _kept[next(iter(_kept))]
