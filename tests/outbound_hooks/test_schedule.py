"""When a delivery is tried again, and how long an endpoint rests."""

from datetime import UTC, datetime, timedelta

import pytest

from outbound_hooks.schedule import DELAYS, MOST_ATTEMPTS, delay_after, rest_after, wish_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_ten_attempts_take_no_less_than_75_hours_and_35_minutes():
    assert MOST_ATTEMPTS == 10
    for _ in range(50):
        delays = [delay_after(attempts, None) for attempts in range(1, 10)]
        assert sum(delays, timedelta()) >= timedelta(hours=75, minutes=35)
        for delay, least in zip(delays, DELAYS, strict=True):
            assert least <= delay <= least * 1.1
    assert delay_after(10, None) is None
    assert len({delay_after(3, None) for _ in range(20)}) > 1


def test_a_receiver_may_ask_for_longer_but_neither_for_less_nor_for_ever():
    assert delay_after(1, timedelta(hours=1)) == timedelta(hours=1)
    assert delay_after(4, timedelta(seconds=1)) >= timedelta(hours=2)
    assert delay_after(1, timedelta(days=30)) == timedelta(hours=24)
    assert delay_after(10, timedelta(hours=1)) is None


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("120", timedelta(minutes=2)),
        (" 0 ", timedelta(0)),
        ("Sat, 21 Nov 2026 12:05:00 GMT", timedelta(minutes=5)),
        ("Sat, 21 Nov 2026 11:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("Sat, 21 Nov 99999999999999 12:05:00 GMT", None),
        ("Mon, 01 Jan 0001 00:00:00 +2359", timedelta(0)),
        ("-5", None),
        ("1e3", None),
        ("9" * 40, None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(text, wish):
    assert wish_of(text, NOW) == wish


def test_an_endpoint_that_fails_five_times_rests_longer_each_time_up_to_ten_minutes():
    assert [rest_after(failures) for failures in (0, 1, 4)] == [None, None, None]
    rests = [rest_after(failures).total_seconds() for failures in (5, 6, 7, 8, 9, 10, 1000)]
    assert rests == [30, 60, 120, 240, 480, 600, 600]
