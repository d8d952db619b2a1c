"""What the sandbox costs everybody else: reading with it and without it, in turns of one run."""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from benchmarks import cpu, polling, requests_cpu, world
from catalog_mirror.models import SANDBOX_SOURCE
from contract import snapshots
from contract.change_cursors import FACETS, change_cursor
from contract.delta import changes_page, latest_page
from contract.lists import PageRequest, product, product_page
from contract.parameters import Filters
from contract.sandbox import making
from contract.snapshots import Snapshot, snapshot_for
from customers import versions
from customers.models import SANDBOX, Customer, VisibilityRule
from customers.policies import IS_ANYONE, OWN_RULES, WHO
from groundwork.roles import owner

ROUNDS, READS = 9, 400
TABLES = (
    "customers_visibilityrule",
    "pricing_pricerule",
    "pricing_orderrule",
    "pricing_orderminimum",
)
_BEFORE = OWN_RULES.replace(IS_ANYONE, f"{WHO} is not null")

Read = Callable[[Snapshot], object]


@dataclass(frozen=True)
class Turned:
    """Milliseconds of CPU a read, database included: medians without and with, and of their ratio."""

    name: str
    without: float
    with_it: float
    ratio: float


def measure() -> tuple[list[Turned], float]:
    """Return what reads cost without and with the sandbox, and the milliseconds of an idle tick."""
    world.build()
    cases = _cases()  # first: what all see is looked for among what there is
    making.make_sandbox()
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for number in range(ROUNDS):
        turns = {}
        for is_there in (False, True) if number % 2 else (True, False):
            _turn(is_there=is_there)
            turns[is_there] = {
                name: _cost(read, keeps=keeps) for name, (read, keeps) in cases.items()
            }
        for name in cases:
            costs[name].append((turns[False][name], turns[True][name]))
    return [_turned(name, pairs) for name, pairs in costs.items()], _idle_tick()


def _cases() -> dict[str, tuple[Read, bool]]:
    """Return what is read, and whether the process keeps what it compiled."""
    sku = polling.seen_by_all()
    page = PageRequest(Filters(()), 100, None)
    return {
        "page of 100": (lambda snapshot: product_page(snapshot, page), True),
        "one SKU": (lambda snapshot: product(snapshot, sku), True),
        "empty delta": (_empty_delta, True),
        "page of 100, compiled anew": (lambda snapshot: product_page(snapshot, page), False),
    }


def _empty_delta(snapshot: Snapshot) -> object:
    sealed = latest_page(snapshot, FACETS).cursor
    return changes_page(
        snapshot, change_cursor(sealed, customer_id=snapshot.customer_id), limit=100
    )


def _turn(*, is_there: bool) -> None:
    """Put the policies, and the rule that hides the sandbox, in place or out of it."""
    with owner(connection), connection.cursor() as cursor:
        for table in TABLES:
            rule = OWN_RULES if is_there else _BEFORE
            cursor.execute(f"alter policy api_view on {table} using ({rule})")
    standing = Q(customer=None, source=SANDBOX_SOURCE)
    wanted = making.HIDDEN if is_there else {VisibilityRule: []}
    versions.settle(wanted, standing=standing, actor="benchmark")


def _cost(read: Read, *, keeps: bool) -> float:
    customers = list(Customer.objects.exclude(pk=SANDBOX).values_list("pk", flat=True))
    turn = itertools.cycle(customers)
    _read(read, turn, len(customers), keeps=keeps)  # compiled, and plans made
    pids = [cpu.own_pid(), *cpu.tree_of(requests_cpu.postmaster())]
    before = cpu.seconds(pids)
    _read(read, turn, READS, keeps=keeps)
    return (cpu.seconds(pids) - before) / READS * 1000


def _read(read: Read, turn: Iterator[int], count: int, *, keeps: bool) -> None:
    for customer in itertools.islice(turn, count):
        if not keeps:
            snapshots._kept.clear()  # noqa: SLF001 - as in a process that just started
        with snapshot_for(customer) as snapshot:
            read(snapshot)


def _turned(name: str, pairs: list[tuple[float, float]]) -> Turned:
    return Turned(
        name,
        statistics.median(without for without, _ in pairs),
        statistics.median(with_it for _, with_it in pairs),
        statistics.median(with_it / without for without, with_it in pairs),
    )


def _idle_tick() -> float:
    times = []
    for _ in range(20):
        started = time.perf_counter()
        making.make_sandbox()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)
