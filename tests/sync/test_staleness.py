"""A source that cannot be read shows since when, alarms, and is fine again after a good reading."""

from datetime import timedelta

import pytest

from catalog_mirror.models import Source
from groundwork.instants import database_now
from groundwork.models import Alarm
from sync import connections
from sync.models import Connection
from tests.sync.conftest import run


def stale() -> Alarm:
    return Alarm.objects.get(code="source_stale")


@pytest.fixture
def failing(shop):
    shop.faults.set("down")
    assert run("reconcile").code == 1
    return shop


def test_the_first_failure_dates_it_and_the_alarm_tells_the_latest(failing, clock):
    since = Connection.objects.get().stale_since
    clock.move(timedelta(hours=1))
    failing.faults.set("unauthorized")
    run("reconcile")
    assert Connection.objects.get().stale_since == since
    assert (stale().subject, stale().closed_at) == ("small-1", None)
    assert stale().message.startswith(
        f"Small Shop could not be read since {since:%Y-%m-%d %H:%M} UTC; the mirror stays as it was. "
        "The shop refuses the key (status 401)."
    )


def test_a_complete_sweep_ends_it(failing):
    failing.faults.clear()
    run("reconcile")
    assert Connection.objects.get().stale_since is None
    assert stale().closed_at is not None


def test_any_good_answer_ends_it_and_none_is_needed_twice(failing):
    connections.note_answer(Source.objects.get())
    assert Connection.objects.get().stale_since is None
    closed = stale().closed_at
    connections.note_answer(Source.objects.get())
    assert (stale().closed_at, closed is None) == (closed, False)


def test_a_dry_run_that_fails_changes_nothing(shop):
    shop.faults.set("down")
    assert run("reconcile", dry_run=True).code == 1
    assert (Connection.objects.get().stale_since, Alarm.objects.count()) == (None, 0)


def test_another_source_is_not_stale_with_it(connected):
    one, other = connected(), Source.objects.create(slug="other", name="Other", currency="USD")
    connections.note_stale(other, at=database_now(), reason="It is not there.")
    assert (Connection.objects.get(source=one.source).stale_since, Alarm.objects.count()) == (
        None,
        0,
    )
