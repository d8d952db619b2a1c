"""How requests ended is written behind them: together, again where it failed, and before the process ends."""

import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError

from apikeys import admission, completions, keys
from apikeys.models import RequestLog
from groundwork.local import CHECKOUT
from tests.factories import CustomerFactory, key_of
from tests.promises.processes import wait_for


@pytest.fixture
def key(database):
    return keys.parsed(key_of(CustomerFactory(), requests_a_minute=6000))


@pytest.fixture
def writer():
    goes_on = threading.Event()
    goes_on.set()
    writer = completions._Writer(goes_on.is_set)
    yield writer
    goes_on.clear()
    if writer.thread:
        writer.thread.join()


def asked(key) -> admission.Admission:
    return admission.admit(
        key, method="GET", route="/v1/stock", correlation_id="c", address="203.0.113.7"
    )


def ended(admitted: admission.Admission, status: int = 200) -> completions.Completion:
    return completions.Completion(admitted.log_at, admitted.log_id, status, 2.5, 10)


def test_many_are_written_by_one_statement(key, writer, monkeypatch):
    written = []
    real = completions.write
    monkeypatch.setattr(completions, "write", lambda many: (real(many), written.append(len(many))))
    for status in (200, 404, 503):
        writer.add(ended(asked(key), status))
    wait_for(lambda: not RequestLog.objects.filter(status=None).exists(), seconds=5)
    rows = RequestLog.objects.order_by("id").values_list("status", "milliseconds", "bytes_sent")
    assert list(rows) == [(200, 2.5, 10), (404, 2.5, 10), (503, 2.5, 10)]
    assert written == [3]


@pytest.mark.parametrize("error", [DatabaseError, RuntimeError])
def test_what_failed_is_tried_again_and_nothing_is_lost(key, writer, monkeypatch, caplog, error):
    real, failures = completions.write, iter([error("gone"), error("gone")])

    def failing(many):
        for failure in failures:
            raise failure
        real(many)

    monkeypatch.setattr(completions, "write", failing)
    monkeypatch.setattr(completions, "_REST", 0.01)
    writer.add(ended(asked(key), 200))
    writer.add(ended(asked(key), 404))
    wait_for(lambda: not RequestLog.objects.filter(status=None).exists(), seconds=5)
    assert set(RequestLog.objects.values_list("status", flat=True)) == {200, 404}
    assert "log_not_completed" in caplog.text


def test_while_it_cannot_be_written_no_more_waits_than_memory_allows(writer, monkeypatch):
    monkeypatch.setattr(completions, "_MOST_WAITING", 3)
    monkeypatch.setattr(completions, "_REST", 0.01)
    kept = []

    def failing(many):
        kept[:] = [each.id for each in many]
        raise DatabaseError("gone")

    monkeypatch.setattr(completions, "write", failing)
    for number in range(6):
        writer.add(completions.Completion(datetime.now(UTC), number, 200, 1, 1))
    wait_for(lambda: kept == [3, 4, 5], seconds=5)
    monkeypatch.setattr(completions, "write", lambda _: None)


def test_a_row_that_the_database_never_takes_holds_up_no_other(key, writer, caplog):
    good = ended(asked(key))
    writer.add(good._replace(status=2**40))
    writer.add(good)
    wait_for(lambda: RequestLog.objects.get().status == 200, seconds=5)
    assert "log_row_not_completed" in caplog.text


def test_a_thread_that_ended_is_begun_anew(key):
    goes_on = threading.Event()
    writer = completions._Writer(goes_on.is_set)  # each of its threads looks once and ends
    for status in (200, 404):
        writer.add(ended(asked(key), status))
        writer.thread.join()
    wait_for(lambda: not RequestLog.objects.filter(status=None).exists(), seconds=5)


ENDS = """
import django; django.setup()
from datetime import datetime
from apikeys import completions
completions.write = lambda many: print("written", len(many))
completions.add(completions.Completion(datetime.now(), 1, 200, 1.0, 1))
"""


def test_a_process_that_ends_writes_what_waits():
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", ENDS], check=False, cwd=CHECKOUT, capture_output=True, text=True, timeout=60,
        env={"DJANGO_SETTINGS_MODULE": "config.settings", "LOCAL": "true"},
    )  # fmt: skip
    assert done.stdout == "written 1\n", done.stderr
