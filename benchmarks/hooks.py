"""Webhooks of a demo shop: how many requests a backlog costs, and how soon an edit is in `/v1`."""

import http.client
import itertools
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.core.management import call_command

from apikeys import keys
from benchmarks.requests_cpu import _serving
from benchmarks.sweeps import selling
from catalog_mirror.models import Epoch, Revision, Source, Variant
from contract.change_cursors import ChangeCursor, Mark
from customers import versions
from customers.models import Customer, CustomerTerms, Tier, VisibilityRule
from demo.catalogue.records import Product
from demo.shops import APPAREL, DRINKWARE
from demo.storefront.server import running
from demo.storefront.storefront import Storefront
from groundwork import engines
from groundwork.instants import database_now
from groundwork.local import CHECKOUT
from sync import lines
from sync.following import follow
from sync.models import Connection, InboundEvent

EVENTS, PER_SECOND = 1_000, 50
READERS, LOOKS = 24, 20  # each asks 50 times a minute, all together 20 times a second
_ACTOR = "benchmark"
_HOST = "127.0.0.1"


@dataclass(frozen=True)
class Backlog:
    name: str
    events: int
    products: int
    requests: int
    least: int
    wanted: float | None
    seconds: float


@dataclass(frozen=True)
class Seen:
    """Milliseconds from the receipt of a webhook to its being seen by one of the readers."""

    events: int
    per_second: float
    p50: float
    p99: float
    most: float


def measure() -> tuple[list[Backlog], Seen]:
    """Mirror the shops, follow two backlogs in this process, then edit streams in a real worker."""
    front, other = Storefront(DRINKWARE), Storefront(APPAREL)
    with running(front) as url, running(other) as other_url:
        _mirror(front, url)
        _mirror(other, other_url)
        source = Source.objects.get(slug=DRINKWARE.slug)
        chance = random.Random(20_261_121)  # noqa: S311 - any fixed seed
        products = [
            p for p in front.store.catalogue.products.values() if p.type in ("simple", "variable")
        ]
        chosen = chance.sample(products, 5_000)
        backlogs = [
            _followed(front, source, "one event a product", chosen, wanted=1.1),
            _followed(front, source, "four each, in any order", _shuffled(chosen, chance)),
        ]
        lines.hang_up()
        products = {each.shop.slug: _simple(each) for each in (front, other)}
    return backlogs, _stream(products)


def _mirror(front: Storefront, url: str) -> None:
    shop = front.shop
    os.environ["SOURCE_KEY"] = shop.consumer_key
    os.environ["SOURCE_SECRET"] = shop.consumer_secret
    os.environ["SOURCE_HOOK_SECRET"] = shop.hook_secret
    with Path(os.devnull).open("w") as nowhere:
        call_command("add_source", shop.slug, url=url, requests_per_second=500, stdout=nowhere)
        call_command("reconcile", source=[shop.slug], stdout=nowhere)


def _shuffled(chosen: list[Product], chance: random.Random) -> list[Product]:
    many = chosen * 4
    chance.shuffle(many)
    return many


def _simple(front: Storefront) -> list[int]:
    """Return simple products that partners may see, a different one for each edit."""
    seen = Variant.objects.filter(is_published=True, source__slug=front.shop.slug)
    shown = set(seen.values_list("external_id", flat=True))
    records = front.store.catalogue.products.values()
    return [p.id for p in records if p.type == "simple" and str(p.id) in shown][: EVENTS // 2]


def _followed(
    front: Storefront, source: Source, name: str, told: list[Product], wanted: float | None = None
) -> Backlog:
    _keep(source, told)
    asked, started = front.asked, time.perf_counter()
    while follow(source):
        continue
    distinct = {product.id: product for product in told}
    variations = sum(len(front.store.shown.variations(p)) for p in distinct.values())
    return Backlog(
        name,
        len(told),
        len(distinct),
        front.asked - asked,
        -(-len(distinct) // 100) + -(-variations // 100),
        wanted,
        time.perf_counter() - started,
    )


def _keep(source: Source, told: list[Product]) -> None:
    """Keep what hours without a worker would leave, past the door and its rate."""
    long_ago = database_now() - timedelta(hours=1)
    rows = [
        InboundEvent(
            source=source,
            received_at=long_ago,
            topic="product.updated",
            body=json.dumps({"id": product.id, "type": product.type, "parent_id": 0}).encode(),
            correlation_id="0" * 32,
        )
        for product in told
    ]
    InboundEvent.objects.bulk_create(rows, batch_size=1_000)


def _stream(products: dict[str, list[int]]) -> Seen:
    """Edit on the pages of two shops, processes of their own, which tell the real web and worker.

    A shop delivers one after another, so that one alone does not reach the rate.
    """
    cursors = _readers()
    environment = {"REDIS_URL": engines.ensure().redis_url}
    with (
        _serving("config.wsgi:application", environment, threads=4) as web,
        _working(environment),
        ExitStack() as shops,
    ):
        urls = {
            slug: shops.enter_context(
                selling(slug, "--hooks", f"http://{_HOST}:{web.port}/hooks/{slug}/")
            )
            for slug in products
        }
        for slug, url in urls.items():
            Connection.objects.filter(source__slug=slug).update(base_url=url)
        seen = _Watch(web.port, cursors)
        with seen.watching():
            _edit_all(urls, {slug: ids[:25] for slug, ids in products.items()}, seen)
            seen.wanted.clear()  # web, worker and plans are warm
            _edit_all(urls, {slug: ids[25:] for slug, ids in products.items()}, seen)
    received = _received(seen.wanted)
    took = max(received.values()) - min(received.values())
    waits = [(seen.seen_at[price] - at) * 1000 for price, at in received.items()]
    quantiles = statistics.quantiles(waits, n=100)
    return Seen(len(waits), len(waits) / took, quantiles[49], quantiles[98], max(waits))


def _edit_all(urls: dict[str, str], products: dict[str, list[int]], seen: "_Watch") -> None:
    """Edit in all shops at once, and wait until all was seen."""
    with ThreadPoolExecutor(len(urls)) as pool:
        for number, (slug, url) in enumerate(urls.items()):
            pool.submit(_edit, url, products[slug], seen, base=100_000 * (number + 1))
    seen.wait()


def _edit(shop: str, products: list[int], seen: "_Watch", *, base: int) -> None:
    """Edit at an even pace; the price says which edit it was."""
    client = http.client.HTTPConnection(shop.removeprefix("http://"))
    headers = {"Origin": shop, "Content-Type": "application/x-www-form-urlencoded"}
    started = time.perf_counter()
    for number, product_id in enumerate(products):
        time.sleep(max(0.0, started + number * 2 / PER_SECOND - time.perf_counter()))
        price = f"{base + product_id}.{number % 100:02}"
        seen.wanted.add(price)
        form = urlencode({"edit": "price", "id": product_id, "value": price})
        client.request("POST", "/", form, headers)
        client.getresponse().read()


def _received(prices: set[str]) -> dict[str, float]:
    """Return when each webhook was received, by the price that it tells."""
    newest = InboundEvent.objects.order_by("-pk")[: len(prices)]
    told = {json.loads(bytes(e.body))["regular_price"]: e.received_at.timestamp() for e in newest}
    if told.keys() != prices:
        raise RuntimeError("Not every edit was told once.")
    return told


def _readers() -> dict[str, str]:
    """Return a cursor of now for each reader's key."""
    tier = Tier.objects.create(slug="all", name="All")
    versions.add(VisibilityRule, actor=_ACTOR, tier=tier, effect="allow")
    made = [_reader(tier, number) for number in range(READERS)]
    newest = Revision.objects.latest("number")
    mark = Mark(newest.number, newest.nonce, database_now())
    cursor = ChangeCursor(Epoch.objects.latest("number").number, since=mark, target=None)
    return {key: cursor.sealed(customer.pk) for customer, key in made}


def _reader(tier: Tier, number: int) -> tuple[Customer, str]:
    customer = Customer.objects.create(slug=f"reader-{number}", name=f"Reader {number}")
    versions.add(CustomerTerms, actor=_ACTOR, customer=customer, tier=tier, currency="USD")
    return customer, keys.issue(actor=_ACTOR, customer=customer, label="benchmark")[1]


@contextmanager
def _working(environment: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "--quiet", "--app", "config.celery", "worker"]
    command += ["--queues", "hooks", "--concurrency", "1", "--without-gossip", "--without-mingle"]
    command += ["--loglevel", "error"]
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, env={**os.environ, **environment}, cwd=CHECKOUT, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


class _Watch:
    """Polls `/v1/changes` with many customers in turn, each within its limit."""

    def __init__(self, port: int, cursors: dict[str, str]) -> None:
        self.wanted: set[str] = set()
        self.seen_at: dict[str, float] = {}
        self._client = http.client.HTTPConnection(_HOST, port)
        self._cursors = cursors
        self._ending = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._ending.set()
            thread.join()

    def wait(self) -> None:
        """Wait until every edit was seen, but no longer than anyone would."""
        ends_at = time.perf_counter() + 60
        while missing := self.wanted - self.seen_at.keys():
            if time.perf_counter() > ends_at:
                raise TimeoutError(f"{len(missing)} edits were never seen: {sorted(missing)[:5]}")
            time.sleep(0.05)

    def _watch(self) -> None:
        for number, key in enumerate(itertools.cycle(self._cursors)):
            if number == 0:
                started = time.perf_counter()
            if self._ending.wait(max(0.0, started + number / LOOKS - time.perf_counter())):
                return
            page = self._ask(key, self._cursors[key])
            self._cursors[key] = page.get("delta_cursor") or page["next_cursor"]
            now = time.time()
            for change in page["data"]:
                self.seen_at.setdefault(change["item"]["price"]["list"], now)

    def _ask(self, key: str, since: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {key}"}
        self._client.request("GET", f"/v1/changes?limit=100&since={since}", headers=headers)
        response = self._client.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"/v1/changes: {response.status} {body[:200]!r}")
        page: dict[str, Any] = json.loads(body)
        return page
