"""At most 60 requests in any 60 seconds."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections

from apikeys import admission, keys
from apikeys.models import RequestLog, RequestWindow
from tests.conftest import as_login
from tests.factories import CustomerFactory, cast, client_of, client_with, key_of


def admit(key: str):
    return admission.admit(
        keys.parsed(key), method="GET", route="/v1/products", correlation_id="c", address=None
    )


def outcomes(key: str, times: int) -> list[str]:
    return [admit(key).outcome for _ in range(times)]


_CLOCK_AGAIN = (
    "create or replace function clock.clock_timestamp() returns timestamptz language sql volatile "
    "security definer as "
    "$$ select pg_catalog.clock_timestamp() + (select by from clock.moved) $$"
)


@pytest.fixture
def key(database):
    return key_of(CustomerFactory())


def test_sixty_are_admitted_and_the_next_is_not(key, clock):
    assert outcomes(key, 61) == ["admitted"] * 60 + ["limited"]


def test_a_place_is_free_again_when_its_request_is_60_seconds_old(key, clock):
    outcomes(key, 30)
    clock.move(timedelta(seconds=40))
    outcomes(key, 30)
    clock.move(timedelta(seconds=19))
    assert outcomes(key, 1) == ["limited"]
    clock.move(timedelta(seconds=2))
    assert outcomes(key, 31) == ["admitted"] * 30 + ["limited"]


def test_a_refused_request_takes_no_place(key, clock):
    outcomes(key, 60)
    outcomes(key, 30)
    clock.move(timedelta(seconds=61))
    assert outcomes(key, 61) == ["admitted"] * 60 + ["limited"]


def test_the_places_left_and_the_wait_are_told(key, clock):
    first = admit(key)
    assert (first.quota, first.remaining, first.wait_seconds) == (60, 59, 0)
    outcomes(key, 58)
    clock.move(timedelta(seconds=20))
    last = admit(key)
    assert (last.outcome, last.remaining) == ("admitted", 0)
    assert 38 < last.wait_seconds <= 40
    limited = admit(key)
    assert (limited.outcome, limited.remaining) == ("limited", 0)
    assert 38 < limited.wait_seconds <= 40


def test_each_key_has_a_limit_of_its_own(key, clock):
    other = key_of(CustomerFactory(), requests_a_minute=2)
    assert outcomes(other, 3) == ["admitted", "admitted", "limited"]
    assert outcomes(key, 1) == ["admitted"]


def test_a_limited_answer_says_when_to_come_back_and_is_logged(clock):
    client = client_of(cast().alice, requests_a_minute=2)
    first, second, third = (client.get("/v1/products?limit=1") for _ in range(3))
    assert (first["RateLimit-Policy"], first["RateLimit"]) == ('"key";q=2;w=60', '"key";r=1;t=60')
    assert (second.status_code, second["RateLimit"]) == (200, '"key";r=0;t=60')
    assert (third.status_code, third.json()["code"]) == (429, "rate_limited")
    assert third["RateLimit"] == '"key";r=0;t=60'
    assert third["Retry-After"] == "60"
    clock.move(timedelta(seconds=60))
    assert client.get("/v1/products?limit=1").status_code == 200
    statuses = RequestLog.objects.order_by("id").values_list("status", flat=True)
    assert list(statuses) == [200, 200, 429, 200]


def test_eight_clients_at_once_get_sixty_between_them(key):
    def hammer(_: int) -> list[str]:
        try:
            return outcomes(key, 12)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        told = [outcome for each in pool.map(hammer, range(8)) for outcome in each]
    assert (told.count("admitted"), told.count("limited")) == (60, 36)
    assert RequestLog.objects.count() == 96


def test_eight_clients_at_once_find_a_window_that_has_no_row_yet(key):
    """All of them insert the row; one succeeds, and all count in it."""

    def hammer(_: int) -> str:
        try:
            return admit(key).outcome
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(hammer, range(8))) == ["admitted"] * 8
    assert len(RequestWindow.objects.get().instants) == 8


def test_a_crash_of_the_database_empties_the_window_and_the_shops_turns_and_nothing_else(key):
    """They are unlogged, which is said in the documentation; a turn is worth nothing after a crash."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select relname from pg_class where relpersistence = 'u' and relkind = 'r' order by 1"
        )
        assert cursor.fetchall() == [
            ("apikeys_failurewindow",),
            ("apikeys_requestwindow",),
            ("sync_requestturn",),
        ]


def test_a_clock_that_goes_back_gives_no_place_away(key, clock):
    outcomes(key, 40)
    clock.move(timedelta(seconds=-30))
    assert outcomes(key, 21) == ["admitted"] * 20 + ["limited"]
    clock.move(timedelta(seconds=89))
    assert outcomes(key, 1) == ["limited"]
    clock.move(timedelta(seconds=2))
    assert outcomes(key, 61) == ["admitted"] * 60 + ["limited"]


def test_a_request_of_a_minute_ago_to_the_microsecond_still_counts(key, clock):
    """Of instants t and t + 60 s both ends count: else 61 would fit into them."""
    outcomes(key, 60)
    window = RequestWindow.objects.get()
    first = window.instants[0]
    as_login(
        "create or replace function clock.clock_timestamp() returns timestamptz language sql volatile "
        f"security definer as $$ select timestamptz '{(first + timedelta(seconds=60)).isoformat()}' $$"
    )
    try:
        at_once = outcomes(key, 1)
        as_login(
            "create or replace function clock.clock_timestamp() returns timestamptz language sql "
            "volatile security definer as $$ select timestamptz "
            f"'{(first + timedelta(seconds=60, microseconds=1)).isoformat()}' $$"
        )
        after = outcomes(key, 2)
    finally:
        as_login(_CLOCK_AGAIN)
    assert (at_once, after) == (["limited"], ["admitted", "limited"])


def test_processes_that_run_the_code_from_before_are_admitted_as_they_know_it(key):
    revoked = key_of(CustomerFactory())
    keys.revoke(revoked[8:20], actor="test", reason="leaked")
    keys.change(key[8:20], actor="test", requests_a_minute=2)
    told = []
    for each in (key, key, key, revoked):
        presented = keys.parsed(each)
        with connection.cursor() as cursor:
            cursor.execute(
                "select outcome, customer is null, quota, remaining from apikeys_admit(%s, 'live', "
                "%s::bytea, ''::bytea, 'GET', '/v1/stock', 'c', '203.0.113.7'::inet, 60)",
                [presented.public_id, presented.secret_sha256],
            )
            told += cursor.fetchall()
    assert told == [
        ("admitted", False, 2, 1), ("admitted", False, 2, 0), ("limited", False, 2, 0),
        ("refused", True, None, None),
    ]  # fmt: skip
    assert RequestLog.objects.count() == 4


def test_the_limit_holds_over_http(clock):
    client = client_with(key_of(cast().alice, requests_a_minute=3))
    assert [client.get("/v1/stock").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
