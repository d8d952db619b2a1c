"""What is read ahead comes in order, fails where it is used, and ends with who uses it."""

import threading
from contextlib import closing

import pytest

from sync.ahead import AHEAD, reading_ahead


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_everything_comes_in_order():
    assert list(reading_ahead(iter(range(100)))) == list(range(100))


def test_it_is_read_in_another_thread_and_only_so_far_ahead():
    read, room = [], threading.Semaphore(0)

    def items():
        for number in range(50):
            read.append((number, threading.current_thread() is threading.main_thread()))
            room.release()
            yield number

    with closing(reading_ahead(items())) as ahead:
        assert next(ahead) == 0
        for _ in range(AHEAD + 2):
            assert room.acquire(timeout=5)
        assert read == [(number, False) for number in range(AHEAD + 2)]


def test_what_the_reading_raises_is_raised_after_what_was_read_before():
    def items():
        yield 1
        raise ZeroDivisionError

    ahead = reading_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(ZeroDivisionError):
        next(ahead)


def test_who_stops_in_the_middle_ends_the_reading():
    with closing(reading_ahead(iter(range(10**9)))) as ahead:
        assert next(ahead) == 0
