"""What prices cost: a page with and without them, a batch, a rule that touches everything, a file."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks import cpu
from benchmarks.requests_cpu import postmaster
from catalog_mirror.models import Source, Variant
from contract import items
from contract.lists import PageRequest, product_page
from contract.parameters import Filters
from contract.pricing import basket_json, priced_basket
from contract.snapshots import Snapshot, snapshot_for
from customers import versions
from customers.imports import import_rules
from customers.models import Customer, Tier
from pricing.entry import add_price_rule
from pricing.models import PriceRule
from pricing.price_lists import PriceList, Told
from pricing.sheets import PRICES

SKU_RULES = 300  # a customer
FILE_LINES = 50_000
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
    for some in (slugs[::2], slugs[1::2]):  # each import is one revision, which is bounded
        lines = (
            f"{slug},{sku},fixed,{dice.randrange(100, 900) / 100},USD\n"
            for slug in some
            for sku in dice.sample(skus, SKU_RULES)
        )
        _imported([_HEADER, *lines])


def costs() -> list[Cost]:
    """Return what a page, a batch and a saved rule cost, each beside its reference, in turns."""
    customers = list(Customer.objects.order_by("pk").values_list("pk", flat=True))[:40]
    page, bare, batch = (
        _alternating(customers, act) for act in (_page, _page_without_prices, _batch)
    )
    priced, unpriced, thousand = _in_turns(page, bare, batch)
    one, all_of_it = _in_turns(_saving("variant"), _saving("source"))
    return [
        Cost("page of 100 with prices", priced, "without", priced / unpriced, 3),
        Cost("1,000 SKUs at quantities", thousand, "page of 100", thousand / priced, 6),
        Cost("saving a tier's rule on a shop", all_of_it, "on one SKU", all_of_it / one, 1.2),
    ]


def file_seconds() -> float:
    """Return the seconds that a file of new prices takes, from its text to its commit."""
    dice = random.Random(8)  # noqa: S311
    skus = list(Variant.objects.filter(is_published=True).values_list("sku", flat=True))
    slugs = list(Customer.objects.order_by("pk").values_list("slug", flat=True))
    pairs = {(dice.choice(slugs), dice.choice(skus)) for _ in range(FILE_LINES * 11 // 10)}
    lines = [f"{slug},{sku},percent,5,USD\n" for slug, sku in sorted(pairs)[:FILE_LINES]]
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


def _alternating(customers: list[int], act: Callable[[Snapshot], None]) -> Callable[[], None]:
    turns = _endless(customers)

    def once() -> None:
        with snapshot_for(next(turns)) as snapshot:
            act(snapshot)

    return once


def _endless(customers: list[int]) -> Iterator[int]:
    while True:
        yield from customers


def _page(snapshot: Snapshot) -> None:
    product_page(snapshot, PageRequest(Filters(()), 100, None))


class _NoPrices(PriceList):
    """Says nothing of any price, so that what remains is the page."""

    def __init__(self) -> None:
        pass

    def told(self, state: object) -> Told:  # noqa: ARG002
        return _NOTHING


_NOTHING = Told(None, b'"price":null')  # type: ignore[arg-type]


def _page_without_prices(snapshot: Snapshot) -> None:
    real, items.price_list = items.price_list, lambda *_: _NoPrices()
    try:
        _page(snapshot)
    finally:
        items.price_list = real


def _batch(snapshot: Snapshot) -> None:
    skus = _some_skus()
    basket = priced_basket(snapshot, [(sku, 1 + number % 60) for number, sku in enumerate(skus)])
    basket_json(snapshot, basket)


_skus: list[str] = []


def _some_skus() -> list[str]:
    if not _skus:
        _skus.extend(Variant.objects.order_by("pk").values_list("sku", flat=True)[:1000])
    return _skus


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
