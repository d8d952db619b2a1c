"""What prices cost: a page with and without them, a batch, a rule that touches everything, a file."""

import io
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from statistics import median

import orjson

from apikeys.models import ApiKey
from benchmarks import cpu
from benchmarks.requests_cpu import postmaster
from catalog_mirror.models import Source, Variant
from config.wsgi import application
from contract import items, snapshots
from customers import versions
from customers.imports import import_rules
from customers.models import Customer, Tier
from pricing.entry import add_price_rule
from pricing.models import PriceRule
from pricing.price_lists import PriceList, Told
from pricing.sheets import PRICES

SKU_RULES = 300  # a customer
FILE_LINES = 50_000
_AT_ONCE = 100  # customers an import: each is one revision, which is bounded
ROUNDS = 9
_HEADER = "customer,sku,kind,value,currency\n"


@dataclass(frozen=True)
class Cost:
    """Milliseconds of CPU, of this process and the database; the reference is that of `of`."""

    name: str
    milliseconds: float
    of: str
    ratio: float
    at_most: float | None


def with_sku_rules() -> None:
    """Give every customer its own prices for some hundreds of SKUs."""
    dice = random.Random(7)  # noqa: S311 - repeatable, not secret
    skus = list(Variant.objects.filter(is_published=True).values_list("sku", flat=True))
    slugs = list(Customer.objects.order_by("pk").values_list("slug", flat=True))
    for first in range(0, len(slugs), _AT_ONCE):
        lines = (
            f"{slug},{sku},fixed,{dice.randrange(100, 900) / 100},USD\n"
            for slug in slugs[first : first + _AT_ONCE]
            for sku in dice.sample(skus, SKU_RULES)
        )
        _imported([_HEADER, *lines])


def costs(keys: list[str]) -> list[Cost]:
    """Return what a page, a batch and a saved rule cost, each beside its reference, in turns."""
    ApiKey.objects.update(requests_a_minute=6_000)
    some = keys[:40]
    page, bare, batch = (_alternating(some, act) for act in (_page, _page_without_prices, _batch))
    priced, unpriced, thousand = _in_turns(page, bare, batch)
    cold_page, cold_thousand = _in_turns(_cold(page), _cold(batch))
    one, all_of_it = _in_turns(_saving("variant"), _saving("source"))
    return [
        Cost("page of 100 with prices", priced, "without", priced / unpriced, 3),
        Cost("1,000 SKUs at quantities", thousand, "page of 100", thousand / priced, 6),
        Cost("page, after a rule changed", cold_page, "the same before", cold_page / priced, None),
        Cost(
            "1,000 SKUs, likewise", cold_thousand, "page likewise", cold_thousand / cold_page, None
        ),
        Cost("saving a tier's rule on a shop", all_of_it, "on one SKU", all_of_it / one, 1.2),
    ]


def file_seconds() -> tuple[float, float]:
    """Return the seconds that a file of new prices takes, from its text to its commit, and of changed."""
    dice = random.Random(8)  # noqa: S311
    skus = list(Variant.objects.filter(is_published=True).values_list("sku", flat=True))
    slugs = list(Customer.objects.order_by("pk").values_list("slug", flat=True))
    pairs = {(dice.choice(slugs), dice.choice(skus)) for _ in range(FILE_LINES * 11 // 10)}
    chosen = sorted(pairs)[:FILE_LINES]
    return _file(chosen, 5), _file(chosen, 6)


def _file(pairs: list[tuple[str, str]], percent: int) -> float:
    lines = [f"{slug},{sku},percent,{percent},USD\n" for slug, sku in pairs]
    started = time.monotonic()
    _imported([_HEADER, *lines])
    return time.monotonic() - started


def _imported(lines: list[str]) -> None:
    found = import_rules(PRICES, "".join(lines), actor="benchmark")
    if found.faults:
        raise RuntimeError(found.faults[0].reason)


def _in_turns(*acts: Callable[[], None]) -> list[float]:
    """Return the median CPU milliseconds of each, measured one after the other in every round."""
    spent: list[list[float]] = [[] for _ in acts]
    for number in range(ROUNDS + 2):
        for act, costs in zip(acts, spent, strict=True):
            pids = [*cpu.tree_of(postmaster()), *cpu.tree_of(cpu.own_pid())]
            before = cpu.seconds(pids)
            for _ in range(20):
                act()
            if number >= 2:
                costs.append((cpu.seconds(pids) - before) / 20 * 1000)
    return [median(each) for each in spent]


def _alternating(keys: list[str], act: Callable[[str], None]) -> Callable[[], None]:
    turns = _endless(keys)
    return lambda: act(next(turns))


def _cold(act: Callable[[], None]) -> Callable[[], None]:
    """Forget what is kept of every customer's prices first, as a changed rule does."""

    def once() -> None:
        for kept in snapshots._kept.values():  # noqa: SLF001 - what a partner waits for, not how
            kept.prices, kept.prices_read = None, False
        act()

    return once


def _endless(keys: list[str]) -> Iterator[str]:
    while True:
        yield from keys


def _page(key: str) -> None:
    _called(key, "GET", "/v1/products?limit=100")


def _called(key: str, method: str, path: str, body: bytes = b"") -> None:
    """Serve one request whole, from its WSGI environment to its body."""
    where, _, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": where,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/json",
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
    }
    statuses: list[str] = []
    answer = application(environ, lambda status, *_: statuses.append(status))
    size = sum(len(part) for part in answer)
    answer.close()
    if statuses != ["200 OK"] or size < 1_000:
        raise RuntimeError(f"{method} {path} answered {statuses} with {size} bytes.")


class _NoPrices(PriceList):
    """Says nothing of any price, so that what remains is the page."""

    def __init__(self) -> None:
        pass

    def told(self, state: object) -> Told:  # noqa: ARG002
        return _NOTHING


_NOTHING = Told(None, b'"price":null', None)  # type: ignore[arg-type]


def _page_without_prices(key: str) -> None:
    real, items.price_list = items.price_list, lambda *_: _NoPrices()
    try:
        _page(key)
    finally:
        items.price_list = real


def _batch(key: str) -> None:
    _called(key, "POST", "/v1/pricing", _wanted())


@cache
def _wanted() -> bytes:
    skus = Variant.objects.order_by("pk").values_list("sku", flat=True)[:1000]
    wanted = [{"sku": sku, "quantity": 1 + number % 60} for number, sku in enumerate(skus)]
    return orjson.dumps({"items": wanted})


def _saving(what: str) -> Callable[[], None]:
    tier = Tier.objects.order_by("pk")[0]
    subject = Source.objects.order_by("pk")[0] if what == "source" else Variant.objects.all()[0]

    def once() -> None:
        rule = add_price_rule(
            actor="benchmark",
            kind="percent",
            percent=7,
            currency="USD",
            tier=tier,
            priority=-5,
            **{what: subject},
        )
        versions.withdraw(PriceRule, rule.rule_uid, actor="benchmark")

    return once
