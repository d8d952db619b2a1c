"""Promise, the inbound half: what was answered with 200 is followed, whatever is killed meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from demo.storefront.hooks import Target
from demo.storefront.storefront import Storefront
from sync.models import InboundEvent
from tests.promises.processes import Processes, wait_for
from tests.sync.conftest import connected, shop  # noqa: F401 - fixtures
from tests.sync.hooks import DONE, SECRET
from tests.sync.test_reconcile import mirrored, sellable, simple

SLUG = "small-1"
OF_A_SHOP = 20  # products that are edited


@contextmanager
def at_work(folder: Path, front: Storefront) -> Iterator[Processes]:
    """The shop delivers to the real web process; the worker reads the shop of this process."""
    running = Processes(folder)
    try:
        running.start("web", "worker")
        url = f"http://127.0.0.1:{running.port}/hooks/{SLUG}/"
        front.hooks.target = Target(url, SECRET, "http://shop.invalid")
        yield running
    finally:
        front.faults.clear()
        running.end()


def all_done(count: int) -> bool:
    return InboundEvent.objects.filter(status=DONE).count() == count


def edit(front: Storefront, *, rounds: range) -> int:
    """Edit some products again and again, each told by a delivery of its own; return how many were taken."""
    records = [simple(front, at) for at in range(OF_A_SHOP)]
    accepted = 0
    for number in rounds:
        front.edit_price(records[number % OF_A_SHOP].id, f"{number}.50")
        accepted += front.hooks.deliver().count(200)
    return accepted


def test_nothing_is_lost_when_worker_and_broker_are_killed(shop, clock, tmp_path):  # noqa: F811
    with at_work(tmp_path, shop) as running:
        # The door calls the worker; the tick is for what it missed.
        accepted = edit(shop, rounds=range(5))
        wait_for(lambda: all_done(accepted))
        running.start("beat")
        # In mid-request: the shop keeps the worker waiting while it is killed.
        shop.faults.set("slow", seconds=60)
        accepted += edit(shop, rounds=range(5, 10))
        wait_for(lambda: InboundEvent.objects.filter(status="pending", attempts=1).exists())
        running.kill("worker")
        shop.faults.clear()
        running.kill_broker()
        accepted += edit(shop, rounds=range(10, 15))
        assert accepted == 15
        assert shop.hooks.webhooks["product.updated"].failures == 0
        running.start_broker()
        running.start("worker")
        accepted += edit(shop, rounds=range(15, 20))
        clock.move(timedelta(seconds=31))  # the lease of what the killed one had in hand
        wait_for(lambda: all_done(accepted))
        assert InboundEvent.objects.count() == accepted == 20
        assert mirrored() == sellable(shop)


@pytest.mark.slow
def test_a_killed_workers_events_are_followed_within_45_seconds(
    shop,  # noqa: F811
    tmp_path,
    record_property,
):
    with at_work(tmp_path, shop) as running:
        accepted = edit(shop, rounds=range(1))
        wait_for(lambda: all_done(accepted))
        running.start("beat")
        shop.faults.set("slow", seconds=60)
        accepted += edit(shop, rounds=range(1, 2))
        wait_for(lambda: InboundEvent.objects.filter(status="pending", attempts=1).exists())
        running.kill("worker")
        shop.faults.clear()
        running.start("worker")
        took = wait_for(lambda: all_done(accepted))
        record_property("worker killed, s until followed", f"{took:.1f}")
        assert took < 45
        assert mirrored() == sellable(shop)


@pytest.mark.slow
def test_nothing_is_lost_in_500_events_and_30_kills(shop, tmp_path, record_property):  # noqa: F811
    dice = Random(7)  # noqa: S311 - repeatable, not secret
    with at_work(tmp_path, shop) as running:
        running.start("beat")
        accepted = 0
        for number in range(500):
            accepted += edit(shop, rounds=range(number, number + 1))
            if number % 17 == 16:
                victim = dice.choice(["worker", "web", "beat", "broker"])
                if victim == "broker":
                    running.kill_broker()
                    accepted += edit(shop, rounds=range(number, number + 1))
                    running.start_broker()
                else:
                    running.kill(victim)
                    running.start(victim)
        wait_for(lambda: all_done(accepted), seconds=180)
        assert InboundEvent.objects.count() == accepted > 500
        assert mirrored() == sellable(shop)
        record_property("events / kills / lost", f"{accepted} / {500 // 17} / 0")
