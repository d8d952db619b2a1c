"""Usage by the hour is the log summed up: whatever was ended, repeated or completed late."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections
from hypothesis import given, settings
from hypothesis import strategies as st

from apikeys import admission, completions, keys, usage
from apikeys.models import RequestLog, UsageDue, UsageHour, UsageMark
from groundwork.instants import database_now
from tests.conftest import clean_database
from tests.factories import CustomerFactory, key_of
from tests.promises.processes import wait_for

FIELDS = ("hour", "key_public_id", "route", "status", "customer_id", "requests", "bytes_sent")


def oracle() -> dict:
    """Sum the log up in Python."""
    found: dict = {}
    for row in RequestLog.objects.all():
        hour = row.at.replace(minute=0, second=0, microsecond=0)
        name = (hour, row.key_public_id, row.route, row.status, row.customer_id)
        requests, sent = found.get(name, (0, 0))
        found[name] = (requests + 1, sent + (row.bytes_sent or 0))
    return found


def summed() -> dict:
    return {tuple(row[:5]): tuple(row[5:]) for row in UsageHour.objects.values_list(*FIELDS)}


def asked(key: str, route: str = "/v1/stock") -> admission.Admission:
    return admission.admit(
        keys.parsed(key), method="GET", route=route, correlation_id="c", address="203.0.113.7"
    )


def completed(admitted, status: int = 200) -> None:
    ended = completions.Completion(admitted.log_at, admitted.log_id, status, 2.5, 10)
    completions.write([ended])


@pytest.fixture
def key(database):
    return key_of(CustomerFactory(), requests_a_minute=6000)


def test_requests_are_summed_up_by_hour_key_route_and_status(key, clock):
    other = key_of(CustomerFactory())
    for each, route, status in (
        (key, "/v1/stock", 200), (key, "/v1/stock", 200), (key, "/v1/stock", 404),
        (key, "/v1/products", 200), (other, "/v1/stock", 200),
    ):  # fmt: skip
        completed(asked(each, route), status)
    clock.move(timedelta(hours=1))
    completed(asked(key))
    asked(key)
    assert usage.sum_up() == 2
    assert summed() == oracle()
    assert sorted(row[-2] for row in UsageHour.objects.values_list(*FIELDS)) == [1, 1, 1, 1, 1, 2]
    assert UsageHour.objects.get(requests=2).milliseconds == 5


def test_twice_changes_nothing(key):
    completed(asked(key))
    usage.sum_up()
    before = summed()
    usage.sum_up()
    assert summed() == before == oracle()


def test_a_completion_after_its_hour_and_long_after_it_was_settled_is_counted_right(key, clock):
    early, late, never = asked(key), asked(key), asked(key)
    completed(early)
    clock.move(timedelta(hours=5))
    usage.sum_up()
    assert UsageMark.objects.get().hour > early.log_at
    assert {row[3]: n for row, (n, _) in summed().items()} == {200: 1, None: 2}
    completed(late, 503)
    assert UsageDue.objects.count() == 1
    usage.sum_up()
    assert {row[3]: n for row, (n, _) in summed().items()} == {200: 1, 503: 1, None: 1}
    assert summed() == oracle()
    assert (UsageDue.objects.count(), never.log_id is not None) == (0, True)


def test_a_completion_that_commits_while_its_hour_is_done_again_is_not_lost(key, clock):
    """It makes an hour due that is due already: the run that deletes the mark has to wait for it."""
    first, late = asked(key), asked(key)
    clock.move(timedelta(hours=5))
    usage.sum_up()
    completed(first)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("begin")
            cursor.execute(
                "select apikeys_complete(%s, %s, 200, 2.5, 10)", [late.log_at, late.log_id]
            )
            run = threading.Thread(target=summed_up_elsewhere)
            run.start()
            wait_for(lambda: not run.is_alive() or waiting())
            cursor.execute("commit")
        run.join()
    finally:
        other.close()
    usage.sum_up()
    assert {row[3]: n for row, (n, _) in summed().items()} == {200: 2}
    assert summed() == oracle()


def summed_up_elsewhere() -> None:
    try:
        usage.sum_up()
    finally:
        connections.close_all()


def waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select exists (select from pg_locks where not granted)")
        return bool(cursor.fetchone()[0])


def test_an_hour_that_no_worker_saw_is_made_up_for(key, clock):
    for _ in range(30):
        completed(asked(key))
        clock.move(timedelta(hours=1))
    assert usage.sum_up() == 31
    assert summed() == oracle()
    assert len(summed()) == 30
    assert usage.sum_up() <= 2


def test_a_run_that_was_ended_is_gone_on_with(key, clock, monkeypatch):
    for _ in range(5):
        completed(asked(key))
        clock.move(timedelta(hours=1))
    real, calls = usage._sum_up, []

    def killed(hour, *, settled):
        calls.append(hour)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(hour, settled=settled)

    monkeypatch.setattr(usage, "_sum_up", killed)
    with pytest.raises(KeyboardInterrupt):
        usage.sum_up()
    assert len(summed()) == 2
    usage.sum_up()
    assert calls[2] == calls[3]
    assert summed() == oracle()


def test_a_failure_in_the_middle_of_an_hour_leaves_it_as_it_was(key, monkeypatch):
    completed(asked(key))
    usage.sum_up()
    before = summed()
    completed(asked(key))
    monkeypatch.setattr(usage, "_SUM", "select 1/0 where %(hour)s is not null")
    with pytest.raises(Exception, match="division by zero"):
        usage.sum_up()
    assert summed() == before


def test_of_runs_at_once_each_hour_is_summed_up_once(key):
    for _ in range(40):
        completed(asked(key))

    def run(_: int) -> None:
        try:
            usage.sum_up()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    assert summed() == oracle()


def test_an_hour_is_not_settled_before_its_last_rows_are_in(key, clock):
    usage.sum_up()
    mark = UsageMark.objects.get().hour
    clock.move(mark + timedelta(hours=1, minutes=14) - database_now())
    usage.sum_up()
    assert UsageMark.objects.get().hour == mark
    clock.move(timedelta(minutes=2))
    usage.sum_up()
    assert UsageMark.objects.get().hour == mark + timedelta(hours=1)


def test_any_interleaving_ends_in_the_sum_of_the_log(database, clock):
    steps = st.lists(
        st.sampled_from(["ask", "complete first", "complete last", "minutes", "hours", "sum"]),
        max_size=25,
    )

    @given(steps)
    @settings(max_examples=40, deadline=None)
    def agree(drawn):
        clean_database()
        key, pending = key_of(CustomerFactory(), requests_a_minute=6000), []
        for step in drawn:
            if step == "ask":
                pending.append(asked(key))
            elif step.startswith("complete") and pending:
                completed(pending.pop(0 if step.endswith("first") else -1))
            elif step == "minutes":
                clock.move(timedelta(minutes=17))
            elif step == "hours":
                clock.move(timedelta(hours=3))
            elif step == "sum":
                usage.sum_up()
                assert summed() == oracle()
        usage.sum_up()
        assert summed() == oracle()

    agree()


def test_the_sum_reads_an_hour_by_its_index(key):
    with connection.cursor() as cursor:
        cursor.execute("set enable_seqscan = off")
        cursor.execute("explain " + usage._SUM, {"hour": database_now()})
        plan = "\n".join(line for (line,) in cursor.fetchall())
    connection.close()
    assert "Index" in plan
