"""A hard day on one machine: 200 customers poll at their limit while shops and staff do their worst."""

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection

from apikeys import keys
from benchmarks import cpu
from benchmarks.hooks import _mirror, _working
from benchmarks.requests_cpu import _serving, postmaster
from catalog_mirror import revisions
from catalog_mirror.models import Brand, Source
from customers import versions
from customers.models import Customer, CustomerTerms, Tier, VisibilityRule
from demo.shops import APPAREL, DRINKWARE
from demo.storefront.hooks import Target
from demo.storefront.server import running
from demo.storefront.storefront import Storefront
from groundwork import engines
from groundwork.local import CHECKOUT
from pricing.entry import add_price_rule
from sync.models import InboundEvent

CUSTOMERS, SECONDS = 200, 30
SALES_A_SECOND = (70, 30)  # of each shop, as far as it has goods to sell once
SENDERS = 4  # of a shop's webhooks, as a busy shop has several at work
_ACTOR = "rehearsal"


@dataclass(frozen=True)
class Day:
    """What partners met during one case: milliseconds, seconds of CPU a second, and what went wrong.

    `lag` is the seconds from a webhook's arrival to its being in the mirror, median and 99th in a hundred,
    and the same from the sale, which the shop's own senders may have waited to tell; `blind` counts
    answers that were asked for after a rule's commit and did not know it.
    """

    name: str
    polls: float
    p50: float
    p99: float
    errors: int
    limited: int
    entries: int
    blind: int
    lag: str
    web: float
    database: float


def measure() -> list[Day]:
    """Return the quiet case and each hard one, one after the other in the same world."""
    fronts = [Storefront(DRINKWARE), Storefront(APPAREL)]
    with running(fronts[0]) as one, running(fronts[1]) as other:
        for front, url in zip(fronts, (one, other), strict=True):
            _mirror(front, url)
        held = _partners()
        environment = {"REDIS_URL": engines.ensure().redis_url}
        with (
            _serving("config.wsgi:application", environment, threads=4) as web,
            _working(environment),
        ):
            _polled(web.port, held, seconds=5)  # every customer compiled once
            rehearsal = _Rehearsal(web.port, web.pid, held)
            return [
                rehearsal.day("quiet", lambda: ""),
                rehearsal.day(
                    f"flash sale, {sum(SALES_A_SECOND)} stock events a second",
                    lambda: _flash_sale(fronts, web.port),
                ),
                rehearsal.day(
                    "bulk edit of all products, then a sweep", lambda: _bulk_edit(fronts)
                ),
                rehearsal.day(
                    "a tier's right taken and given back, 15 times", rehearsal.rule_flips
                ),
                rehearsal.day("quiet again", lambda: ""),
            ]


def _partners() -> list[str]:
    tiers = [Tier.objects.create(slug=f"tier-{n}", name=f"Tier {n}") for n in range(4)]
    for tier in tiers:
        versions.add(VisibilityRule, actor=_ACTOR, tier=tier, effect="allow")
        for source in Source.objects.order_by("pk"):
            add_price_rule(
                actor=_ACTOR, kind="percent", percent="20", currency="USD", tier=tier, source=source
            )
    return [_partner(tiers[n % 4], n) for n in range(CUSTOMERS)]


def _partner(tier: Tier, number: int) -> str:
    customer = Customer.objects.create(slug=f"partner-{number}", name=f"Partner {number}")
    versions.add(CustomerTerms, actor=_ACTOR, customer=customer, tier=tier, currency="USD")
    return keys.issue(actor=_ACTOR, customer=customer, label="rehearsal")[1]


class _Rehearsal:
    def __init__(self, port: int, web: int, held: list[str]) -> None:
        self._port, self._web, self._held = port, web, held
        self._commits: list[tuple[float, int]] = []  # of rules: when it was over, its revision

    def day(self, name: str, work: Callable[[], str]) -> Day:
        self._commits.clear()
        time.sleep(61)  # nobody's limit remembers the case before
        started, before = time.monotonic(), self._cpu()
        with _beside(work) as lag:
            told = _polled(self._port, self._held, seconds=SECONDS)
            # The last answers may take longer than the polling.
            lasted = time.monotonic() - started
            spent = [(b - a) / lasted for a, b in zip(before, self._cpu(), strict=True)]
        sys.stderr.write(f"Rehearsed: {name}, {len(told)} polls in {lasted:.0f} s. {lag[0]}\n")
        took = statistics.quantiles([each["took"] * 1000 for each in told], n=100)
        return Day(
            name=name,
            polls=len(told) / lasted,
            p50=took[49],
            p99=took[98],
            errors=sum(each["status"] not in (200, 429) for each in told),
            limited=sum(each["status"] == 429 for each in told),
            entries=sum(each["entries"] for each in told),
            blind=sum(self._is_blind(each) for each in told),
            lag=lag[0],
            web=spent[0],
            database=spent[1],
        )

    def _cpu(self) -> tuple[float, float]:
        return (
            cpu.seconds(cpu.tree_of(self._web)),
            cpu.seconds(cpu.tree_of(postmaster())),
        )

    def _is_blind(self, told: dict[str, Any]) -> bool:
        known = [revision for at, revision in self._commits if at < told["began"]]
        return bool(known) and told["status"] == 200 and told["revision"] < max(known)

    def rule_flips(self) -> str:
        """Take a brand from a tier and give it back, every other second."""
        tier, brand = Tier.objects.order_by("pk")[0], Brand.objects.order_by("pk")[0]
        for _ in range(15):
            rule = versions.add(VisibilityRule, actor=_ACTOR, tier=tier, effect="deny", brand=brand)
            self._note()
            time.sleep(1)
            versions.withdraw(VisibilityRule, rule.rule_uid, actor=_ACTOR)
            self._note()
            time.sleep(1)
        return "what `blind` counts"

    def _note(self) -> None:
        newest = revisions.newest()
        self._commits.append((time.time(), newest))


@contextmanager
def _beside(work: Callable[[], str]) -> Iterator[list[str]]:
    """Work while the block runs; the list holds what the work returned once the block is over."""
    told: list[str] = []

    def run() -> None:
        try:
            told.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield told
    finally:
        thread.join()


def _polled(port: int, held: list[str], *, seconds: float) -> list[dict[str, Any]]:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "benchmarks.pollers", str(port), str(seconds)],
        input="\n".join(held), text=True, capture_output=True, check=True, cwd=CHECKOUT,
    )  # fmt: skip
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told


def _flash_sale(fronts: list[Storefront], port: int) -> str:
    """Sell in both shops at an even pace, each told by webhook; return how long the mirror took."""
    newest = InboundEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    for front in fronts:
        at = f"http://127.0.0.1:{port}/hooks/{front.shop.slug}/"
        front.hooks.target = Target(at, front.shop.hook_secret, "http://shop.invalid")
    with ThreadPoolExecutor(len(fronts)) as shops:
        sold = list(shops.map(_sell, fronts, SALES_A_SECOND))
    _until_followed(newest)
    for front in fronts:
        front.hooks.target = None
    sales = {front.shop.slug: of for front, of in zip(fronts, sold, strict=True)}
    followed = [
        (
            event.settled_at.timestamp(),
            event.received_at.timestamp(),
            sales[event.source.slug][_product(event)],
        )
        for event in InboundEvent.objects.filter(pk__gt=newest).select_related("source")
        if event.settled_at
    ]
    since_door = _spread([settled - received for settled, received, _ in followed])
    since_sale = _spread([settled - sale for settled, _, sale in followed])
    of_all = f"{len(followed)} of {sum(map(len, sold))}"
    return f"{since_door}; since the sale {since_sale}; {of_all} followed"


def _spread(seconds: list[float]) -> str:
    quantiles = statistics.quantiles(seconds, n=100)
    return f"{quantiles[49]:.1f} / {quantiles[98]:.1f}"


def _product(event: InboundEvent) -> int:
    number: int = orjson.loads(bytes(event.body))["id"]
    return number


def _sell(front: Storefront, a_second: int) -> dict[int, float]:
    """Sell one after another, told as they are by several senders; return when each was sold."""
    records = front.store.catalogue.products.values()
    chosen = [p.id for p in records if p.type == "simple" and p.manages_stock is True]
    started, sold = time.monotonic(), {}
    told = []
    with ThreadPoolExecutor(SENDERS) as senders:
        for number, product in enumerate(chosen[: SECONDS * a_second]):
            time.sleep(max(0.0, started + number / a_second - time.monotonic()))
            sold[product] = time.time()
            front.set_stock(product, 100 + number)
            told.append(senders.submit(front.hooks.deliver))
    for each in told:
        each.result()
    return sold


def _until_followed(newest: int) -> None:
    ends = time.monotonic() + 120
    waiting = InboundEvent.objects.filter(pk__gt=newest, status=InboundEvent.Status.PENDING)
    while waiting.exists() and time.monotonic() < ends:
        time.sleep(0.2)


def _bulk_edit(fronts: list[Storefront]) -> str:
    """Change the price of whatever has one, silently, and read both shops whole."""
    started = time.monotonic()
    changed = 0
    for front in fronts:
        for record in list(front.store.catalogue.products.values()):
            if record.regular_price and record.status == "publish":
                front.change_silently(record.id, regular_price=f"{record.id % 90 + 5}.49")
                changed += 1
    subprocess.run(
        [sys.executable, "manage.py", "reconcile", "--yes"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    return f"all {changed} within {time.monotonic() - started:.0f} s"
