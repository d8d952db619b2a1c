"""Promise: a night's sweep runs once, however many beats there are and whatever is killed."""

from dataclasses import replace
from datetime import timedelta

import pytest
import redis

from catalog_mirror.models import Source
from demo.shops import small_shop
from sync.models import Connection, SweepRun
from tests.processes import MANAGE, WORKER, beat, environment, starting, until
from tests.sync.conftest import Connected, connected, run  # noqa: F401 - a fixture
from tests.sync.test_reconcile import mirrored, sellable

PRODUCTS = "/wc/v3/products?"
VARIATIONS = "/wc-analytics/variations?"


@pytest.fixture
def night(connected, clock) -> Connected:  # noqa: F811 - the fixture
    """A shop of some chunks whose night has come, and which was never read."""
    one = connected(replace(small_shop(1), sellable=1300))
    clock.move(timedelta(hours=25))
    return one


@pytest.fixture
def start(night, worker_id):
    """What starts a real worker or beat; each test process has a queue of its own."""
    number = 10 + int(worker_id.removeprefix("gw") if worker_id != "master" else 5)
    env = environment(number)
    redis.Redis.from_url(env["REDIS_URL"]).flushdb()
    with starting(env) as begin:
        yield begin


def held_up(one: Connected) -> None:
    """Let the shop's second page of variations take until it is let go."""
    one.shop.faults.set("slow", path=VARIATIONS, after=2, times=1, seconds=120)


def is_in_the_middle(one: Connected) -> bool:
    written = SweepRun.objects.exclude(position=None).filter(status="running")
    return one.shop.faults.hits > 2 and written.exists()


def is_complete() -> bool:
    return SweepRun.objects.filter(status="complete").exists()


def test_two_beats_and_one_killed_run_it_once(night, start, tmp_path):
    held_up(night)
    start(*WORKER)
    first, _ = start(*beat(tmp_path, "one")), start(*beat(tmp_path, "two"))
    until(lambda: is_in_the_middle(night))
    first.kill()
    night.shop.faults.clear()
    until(is_complete)
    done = SweepRun.objects.get()
    assert (done.status, done.slot is None, done.created) == ("complete", False, len(mirrored()))
    assert mirrored() == sellable(night.shop)


def test_a_beat_that_is_killed_before_its_tick_leaves_it_to_the_other(night, start, tmp_path):
    start(*WORKER)
    first, _ = start(*beat(tmp_path, "one")), start(*beat(tmp_path, "two"))
    first.kill()
    until(is_complete)
    assert SweepRun.objects.count() == 1


def test_a_worker_that_is_killed_in_mid_sweep_is_made_up_for_by_the_next(night, start, tmp_path):
    held_up(night)
    worker = start(*WORKER)
    start(*beat(tmp_path, "one"))
    until(lambda: is_in_the_middle(night))
    worker.kill()
    left = SweepRun.objects.get()
    assert (left.status, left.finished_at) == ("running", None)
    night.shop.faults.clear()
    start(*WORKER)
    until(is_complete)
    done = SweepRun.objects.get()
    assert (done.pk, done.started_at) == (left.pk, left.started_at)
    assert mirrored() == sellable(night.shop)
    # Two readings would have asked for half as many again.
    assert done.requests < 60


def test_a_killed_command_is_gone_on_with(night, start):
    held_up(night)
    command = start(*MANAGE, "reconcile")
    until(lambda: is_in_the_middle(night))
    command.kill()
    night.shop.faults.clear()
    assert run("reconcile", resume=True).code == 0
    assert SweepRun.objects.get().status == "complete"
    assert mirrored() == sellable(night.shop)


def test_a_signal_ends_a_command_politely(night, start):
    held_up(night)
    command = start(*MANAGE, "reconcile")
    until(lambda: is_in_the_middle(night))
    command.popen.terminate()
    night.shop.faults.clear()
    assert command.popen.wait(20) == 130
    stopped = SweepRun.objects.get()
    assert (stopped.status, stopped.position is None) == ("stopped", False)
    assert run("reconcile", resume=True).code == 0
    assert mirrored() == sellable(night.shop)
    assert Source.objects.count() == Connection.objects.count() == 1
