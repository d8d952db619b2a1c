"""The requests a second of a source are kept by all that ask it together, and shared fairly."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import monotonic, sleep

import pytest
from django.db import connection

from catalog_mirror.models import Source
from sync import budget
from sync.budget import turns_of
from sync.models import RequestTurn
from tests.factories import SourceFactory


@pytest.fixture
def source(database) -> Source:
    return SourceFactory(slug="shop")


def test_turns_come_one_gap_after_the_other(source):
    take = turns_of(source, per_second=2)
    assert [round(take(), 1) for _ in range(4)] == [0.0, 0.5, 1.0, 1.5]


def test_another_process_takes_the_next_turn(source):
    first, second = turns_of(source, per_second=2), turns_of(source, per_second=2)
    assert [round(take(), 1) for take in (first, second, first)] == [0.0, 0.5, 1.0]


def test_each_source_has_its_own(source):
    turns_of(source, per_second=0.1)()
    assert turns_of(SourceFactory(slug="other"), per_second=0.1)() == 0


def test_who_waited_long_enough_waits_no_more(source, clock):
    take = turns_of(source, per_second=2)
    take()
    clock.move(timedelta(seconds=3))
    assert take() == 0
    assert round(take(), 1) == 0.5


def test_a_clock_that_goes_back_stops_nobody_for_long(source, clock):
    take = turns_of(source, per_second=10)
    clock.move(timedelta(days=1))
    take()
    clock.move(timedelta(days=-1))
    assert take() <= budget.FURTHEST / 10


def test_many_that_ask_at_once_keep_the_rate_and_a_refetch_beside_sweeps_is_not_starved(source):
    """Three that ask without end, as sweeps do, and one that asks twelve times."""
    per_second, asked, ended = 60, Counter(), threading.Event()
    waited: list[float] = []

    def ask(name: str, times: int) -> None:
        take = turns_of(source, per_second=per_second)
        try:
            for _ in range(times):
                if name != "refetch" and ended.is_set():
                    return
                wait = take()
                sleep(wait)  # as the wire does before it asks
                asked[name] += 1
                if name == "refetch":
                    waited.append(wait)
        finally:
            ended.set() if name == "refetch" else None
            connection.close()

    began = monotonic()
    with ThreadPoolExecutor(4) as pool:
        for number in range(3):
            pool.submit(ask, f"sweep {number}", 10_000)
        pool.submit(ask, "refetch", 12)
    took = monotonic() - began
    assert asked.total() <= took * per_second + 4  # each may have taken its next turn
    # Never behind more than one request of each of the others.
    assert max(waited) <= 4 / per_second + 0.05
    assert asked["refetch"] == 12
    assert RequestTurn.objects.count() == 1
