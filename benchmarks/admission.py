"""What key, limit and log cost together, beside a bare insert of the log's row."""

import itertools
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

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


Turn = Iterator[tuple[int, keys.PresentedKey]]


@dataclass(frozen=True)
class Cost:
    """Microseconds of CPU, ours and the database connection's, medians of the rounds."""

    name: str
    micros: float
    ratio: float


def measure() -> list[Cost]:
    """Take turns between the bare insert and the admission; the ratio is that of each round."""
    made = _keys()
    turns = itertools.cycle(made), itertools.cycle(made)  # in turn, so that none meets its limit
    rounds = [_round(*turns) for _ in range(ROUNDS + 20)][20:]  # the first warm up
    bare = statistics.median(bare for bare, _ in rounds)
    ours = statistics.median(ours for _, ours in rounds)
    ratio = statistics.median(ours / bare for bare, ours in rounds)
    return [Cost("bare insert of the row", bare, 1.0), Cost("key, limit and log", ours, ratio)]


def _keys() -> list[tuple[int, keys.PresentedKey]]:
    customer = Customer.objects.create(slug="benchmark", name="Benchmark")
    issued = [keys.issue(actor="benchmark", customer=customer)[1] for _ in range(KEYS)]
    return [(customer.pk, presented) for key in issued if (presented := keys.parsed(key))]


def _round(bare: Turn, ours: Turn) -> tuple[float, float]:
    return _cost(_bare, bare), _cost(_admitted, ours)


def _bare(customer_id: int, key: keys.PresentedKey) -> None:
    prepared(_BARE, {**_ROW, "key": key.public_id, "customer": customer_id, "address": _ADDRESS})


def _admitted(_: int, key: keys.PresentedKey) -> None:
    outcome = admission.admit(key, **_ROW, address=_ADDRESS).outcome
    if outcome != "admitted":
        raise RuntimeError(f"A request was {outcome}.")


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
