"""What key, limit and log cost together, beside a bare insert of the log's row."""

import itertools
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from django.db import connection

from apikeys import admission, keys
from benchmarks import cpu
from customers.models import Customer
from groundwork.statements import prepared

KEYS = 400
ROUNDS = 160
REQUESTS = 100  # a round: short, so that what else the machine does falls on both
_ROW = {"method": "GET", "route": "/v1/products", "correlation_id": "0123456789abcdef" * 2}
_ADDRESS = "203.0.113.7"
_BARE = """
    insert into apikeys_requestlog
        (at, key_public_id, customer_id, method, route, correlation_id, address)
    values (clock_timestamp(), %(key)s::text, %(customer)s::bigint, %(method)s::text,
            %(route)s::text, %(correlation_id)s::text, %(address)s::inet)
    returning at, id
"""
# As ours: the row is durable with its completion, a moment later.
_BARE_UNFLUSHED = f"{_BARE}, set_config('synchronous_commit', 'off', true)"


Turn = Iterator[tuple[int, keys.PresentedKey]]


@dataclass(frozen=True)
class Cost:
    """Microseconds of CPU, ours and the database connection's, medians of the rounds."""

    name: str
    micros: float
    ratio: float


def measure() -> list[Cost]:
    """Take turns between the bare inserts and the admission; the ratio is that of each round."""
    turns = {name: itertools.cycle(made) for made in [_keys()] for name in _ASKED}
    rounds = [
        {name: _cost(ask, turns[name]) for name, ask in _ASKED.items()} for _ in range(ROUNDS + 20)
    ][20:]  # the first warm up
    first = next(iter(_ASKED))
    return [
        Cost(
            name,
            statistics.median(each[name] for each in rounds),
            statistics.median(each[name] / each[first] for each in rounds),
        )
        for name in _ASKED
    ]


def _keys() -> list[tuple[int, keys.PresentedKey]]:
    customer = Customer.objects.create(slug="benchmark", name="Benchmark")
    issued = [keys.issue(actor="benchmark", customer=customer)[1] for _ in range(KEYS)]
    return [(customer.pk, presented) for key in issued if (presented := keys.parsed(key))]


def _bare(sql: str, customer_id: int, key: keys.PresentedKey) -> None:
    prepared(sql, {**_ROW, "key": key.public_id, "customer": customer_id, "address": _ADDRESS})


def _admitted(_: int, key: keys.PresentedKey) -> None:
    outcome = admission.admit(key, **_ROW, address=_ADDRESS).outcome
    if outcome != "admitted":
        raise RuntimeError(f"A request was {outcome}.")


_ASKED: dict[str, Callable[[int, keys.PresentedKey], None]] = {
    "bare insert of the row": partial(_bare, _BARE),
    "bare insert, not flushed": partial(_bare, _BARE_UNFLUSHED),
    "key, limit and log": _admitted,
}


def _cost(ask: Callable[[int, keys.PresentedKey], None], turn: Turn) -> float:
    pids = [cpu.own_pid(), _backend()]
    before = cpu.seconds(pids)
    for customer_id, key in itertools.islice(turn, REQUESTS):
        ask(customer_id, key)
    return (cpu.seconds(pids) - before) / REQUESTS * 1e6


def _backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        return int(cursor.fetchone()[0])
