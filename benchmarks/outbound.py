"""What webhooks to partners cost: their rate, how soon they arrive, a change of everything."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import quantiles

import requests
from django.conf import settings
from django.db import connection

from apikeys.models import ApiKey
from benchmarks import world
from benchmarks.loops import BODY, MESSAGES, SENDERS
from catalog_mirror import mirror
from catalog_mirror.models import Source
from catalog_mirror.records import ProductRecord, Stock, StockAt
from contract.delta import latest_page
from contract.snapshots import snapshot_for
from customers.models import Customer
from groundwork.instants import database_now
from outbound_hooks import deliveries, endpoints
from outbound_hooks.deliveries import Message
from outbound_hooks.models import Delivery, Endpoint
from pricing.entry import add_price_rule

ROUNDS = 20
_TOLD = """
    select count(*) from outbound_hooks_endpoint
    where seen_revision < (select max(number) from catalog_mirror_revision)
"""


@dataclass(frozen=True)
class Rate:
    """Messages a second, of ours and of a bare loop with as many senders, to the same receiver."""

    ours: float
    bare: float


@dataclass(frozen=True)
class Soon:
    """Milliseconds from the mirror's commit to the first byte at the receiver, over all endpoints."""

    samples: int
    p50: float
    p99: float
    most: float


def measure() -> tuple[Rate, Soon, float, float]:
    """Return the rate, the delays of single changes, the seconds of a rule and of an edit on all SKUs."""
    os.environ["WEBHOOKS_TO_THIS_MACHINE"] = "true"
    world.build()
    ApiKey.objects.update(requests_a_minute=6_000)
    with receiver() as url:
        _register(url)
        with delivering():
            rate = Rate(_ours(), _bare(url))
            soon = _soon(url)
            rule, edit = _settled(_rule_on_all), _settled(_edit_of_all)
    return rate, soon, rule, edit


def _register(url: str) -> None:
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    for customer in Customer.objects.order_by("pk"):
        with snapshot_for(customer.pk) as snapshot:
            cursor = latest_page(snapshot, ("product", "price", "stock")).cursor
        endpoints.add(customer.pk, url=f"{url}/{customer.pk}", actor="benchmark", cursor=cursor)


def _ours() -> float:
    """Put messages for all endpoints; return how many a second come to their end."""
    chosen = list(Endpoint.objects.order_by("pk"))
    each = MESSAGES // len(chosen)
    Endpoint.objects.update(is_enabled=False, disabled_at=database_now())
    for endpoint in chosen:
        messages = [Message("ping", BODY)] * each
        deliveries.put(
            endpoint.pk, endpoint.customer_id, messages, revision=1, correlation="benchmark"
        )
    started = time.monotonic()
    Endpoint.objects.update(is_enabled=True, disabled_at=None)
    _wait(lambda: not Delivery.objects.filter(status="pending").exists())
    return MESSAGES / (time.monotonic() - started)


def _bare(url: str) -> float:
    """Sign and send as many in as many threads, in a process of its own; return the rate."""
    told = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "benchmarks.loops", url], check=True, capture_output=True, text=True
    )
    return MESSAGES / float(told.stdout)


def _soon(url: str) -> Soon:
    """Move the stock of one variant that most see, again and again; return how soon it is told."""
    _wait(_is_settled)
    source, record = _some_product()
    spent = []
    for number in range(ROUNDS):
        requests.delete(url, timeout=5)
        mirror.apply(
            source, [_restocked(record, number)], observed_at=world.now(), origin="benchmark"
        )
        committed = time.time()
        _wait(_is_settled)
        arrivals = requests.get(url, timeout=5).json()
        spent += [(at - committed) * 1000 for at in arrivals.values()]
    marks = quantiles(spent, n=100)
    return Soon(len(spent), marks[49], marks[98], max(spent))


def _some_product() -> tuple[Source, ProductRecord]:
    chance = random.Random(20_261_121)  # noqa: S311
    sources = list(Source.objects.order_by("rank"))
    source, products = next(world.catalogue(chance, sources))
    return source, products[3]


def _restocked(record: ProductRecord, number: int) -> ProductRecord:
    first, *rest = record.variants
    stock = Stock(status="in_stock", levels=(StockAt(on_hand=1_000 + number),))
    return replace(record, variants=(replace(first, stock=stock), *rest))


def _settled(change: Callable[[], None]) -> float:
    """Return the seconds from the end of a change until every endpoint was told all of it."""
    _wait(_is_settled)
    change()
    started = time.monotonic()
    _wait(_is_settled)
    return time.monotonic() - started


def _rule_on_all() -> None:
    add_price_rule(actor="benchmark", kind="percent", percent=1, currency="USD", priority=9)


def _edit_of_all() -> None:
    """A bulk edit in the shop, as a sweep brings it in: 40 revisions."""
    chance = random.Random(20_261_121)  # noqa: S311
    for source, products in world.catalogue(chance, list(Source.objects.order_by("rank"))):
        dearer = [
            replace(
                product,
                variants=tuple(
                    replace(v, price=replace(v.price, list_price=Decimal("55.55")))
                    for v in product.variants
                ),
            )
            for product in products
        ]
        mirror.apply(source, dearer, observed_at=world.now(), origin="benchmark")


def _is_settled() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_TOLD)
        (behind,) = cursor.fetchone()
    return not behind and not Delivery.objects.filter(status="pending").exists()


def _wait(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.02)


@contextmanager
def delivering() -> Iterator[None]:
    """Run the real command."""
    command = [sys.executable, "manage.py", "deliver_webhooks", "--senders", str(SENDERS)]
    process = subprocess.Popen(command)  # noqa: S603 - ourselves
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@contextmanager
def receiver() -> Iterator[str]:
    """Run a fast receiver that remembers when each path was first called; GET tells, DELETE forgets."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.loops"], stdout=subprocess.PIPE, text=True
    )
    try:
        port = process.stdout.readline().strip() if process.stdout else ""
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(10)
