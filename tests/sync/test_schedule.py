"""When a source is swept: once a night, at its own hour, whatever ticks, and again after a kill."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import OperationalError, connection

from catalog_mirror.models import Source
from demo.shops import small_shop
from groundwork.instants import database_now
from groundwork.models import Alarm
from sync import runs, schedule
from sync.models import Connection, SweepRun
from sync.schedule import due_runs, latest_slot
from sync.sweep import SweepFailed, sweep
from sync.tasks import run_sweep
from tests.sync.conftest import run
from tests.sync.test_reconcile import mirrored, sellable

NEW_YORK = "America/New_York"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "day", "begins"),
    [
        ("2026-11-21 07:59:59", "2026-11-20", "2026-11-20 08:00:00"),
        ("2026-11-21 08:00:00", "2026-11-21", "2026-11-21 08:00:00"),
        ("2026-11-22 04:59:00", "2026-11-21", "2026-11-21 08:00:00"),
        ("2026-07-01 07:00:00", "2026-07-01", "2026-07-01 07:00:00"),  # in summer
    ],
)
def test_the_latest_slot_is_the_last_three_oclock_of_the_shop(at, day, begins):
    assert latest_slot(time(3), NEW_YORK, at=utc(at)) == (date.fromisoformat(day), utc(begins))


def slots_between(first: str, last: str, *, at: time) -> list[tuple[date, datetime]]:
    moments = []
    now = utc(first)
    while now <= utc(last):
        slot, begins = latest_slot(at, NEW_YORK, at=now)
        if (slot, begins.astimezone(UTC)) not in moments:
            moments.append((slot, begins.astimezone(UTC)))
        now += timedelta(minutes=5)
    return moments


def test_an_hour_that_daylight_saving_skips_is_one_slot():
    assert slots_between("2026-03-08 05:00", "2026-03-09 06:00", at=time(2, 30)) == [
        (date(2026, 3, 7), utc("2026-03-07 07:30")),
        (date(2026, 3, 8), utc("2026-03-08 07:30")),
    ]


def test_an_hour_that_comes_twice_is_one_slot():
    assert slots_between("2026-11-01 05:00", "2026-11-02 06:00", at=time(1, 30)) == [
        (date(2026, 10, 31), utc("2026-10-31 05:30")),
        (date(2026, 11, 1), utc("2026-11-01 05:30")),
    ]


@pytest.fixture
def source(shop, clock) -> Source:
    """One source, swept, an hour into one of its next nights, whatever time of day it is now."""
    found = Source.objects.get()
    _, begins = latest_slot(time(3), found.time_zone, at=clock.now() + timedelta(hours=49))
    clock.move(begins + timedelta(hours=1) - clock.now())
    return found


def test_a_night_is_made_due_once_and_done_once(shop, source):
    [(run_id, source_id)] = due_runs()
    assert due_runs() == [(run_id, source_id)]
    for _ in range(2):
        run_sweep(run_id=run_id, source_id=source_id)
    done = SweepRun.objects.get(pk=run_id)
    assert (done.status, done.seen, done.slot is None) == ("complete", 248, False)
    assert due_runs() == []
    assert SweepRun.objects.count() == 2


def test_many_ticks_at_once_make_one_run(source):
    start = threading.Barrier(4)

    def tick(_: int) -> list[tuple[int, int]]:
        try:
            start.wait(10)
            return due_runs()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(tick, range(4)))
    [due] = SweepRun.objects.exclude(slot=None)
    assert found == [[(due.pk, source.pk)]] * 4


def test_of_nights_that_passed_while_all_was_down_the_latest_is_made_up_for(source, clock):
    clock.move(timedelta(days=5))
    [(run_id, _)] = due_runs()
    assert SweepRun.objects.exclude(slot=None).count() == 1
    slot, _ = latest_slot(time(3), source.time_zone, at=clock.now())
    assert SweepRun.objects.get(pk=run_id).slot == slot


def test_a_night_before_the_source_was_added_is_not_made_up_for(shop):
    assert due_runs() == []


def test_the_hour_is_the_sources_own(source, clock):
    assert len(due_runs()) == 1
    SweepRun.objects.exclude(slot=None).delete()
    _, begins = latest_slot(time(3), source.time_zone, at=clock.now())
    later = (begins + (clock.now() - begins) + timedelta(hours=1)).astimezone(begins.tzinfo).time()
    Connection.objects.update(sweep_at=later, created_at=clock.now() - timedelta(minutes=1))
    assert due_runs() == []


def test_what_runs_already_is_not_woken_up_again(source):
    other = connection.copy()
    due_runs()
    with other.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s, %s)", [runs._SWEEPS, source.pk])
    assert due_runs() == []
    other.close()
    assert len(due_runs()) == 1


def test_one_that_was_killed_is_gone_on_with(shop, source):
    killed = SweepRun.objects.create(source=source, started_at=database_now(), correlation_id="x")
    Connection.objects.update(created_at=database_now())  # no night is due
    assert due_runs() == [(killed.pk, source.pk)]
    run_sweep(run_id=killed.pk, source_id=source.pk)
    killed.refresh_from_db()
    assert (killed.status, killed.correlation_id) == ("complete", "x")


def test_a_shop_that_is_down_is_tried_again_later_in_the_night(shop, source, clock):
    [(run_id, source_id)] = due_runs()
    shop.faults.set("down")
    waits = []
    for _ in range(runs.TRIES):
        at = clock.now()
        with pytest.raises(SweepFailed):
            sweep(source, run_id=run_id)
        again = SweepRun.objects.get(pk=run_id)
        assert (again.status, again.error[:32]) == ("due", "The shop cannot be reached (the ")
        assert due_runs() == []
        waits.append(round((again.due_at - at).total_seconds() / 60))
        clock.move(again.due_at - clock.now() + timedelta(seconds=1))
        assert due_runs() == [(run_id, source_id)]
    assert waits == [5, 10, 20, 40, 80]
    with pytest.raises(SweepFailed):
        sweep(source, run_id=run_id)
    assert SweepRun.objects.get(pk=run_id).status == "failed"
    assert due_runs() == []


def test_a_shop_that_comes_back_in_its_night_is_swept(shop, source, clock):
    [(run_id, source_id)] = due_runs()
    shop.faults.set("down")
    with pytest.raises(SweepFailed):
        sweep(source, run_id=run_id)
    shop.faults.clear()
    shop.rename(shop.id_of("ODD-130-BLK-10"), "Renamed")
    clock.move(timedelta(minutes=6))
    assert due_runs() == [(run_id, source_id)]
    run_sweep(run_id=run_id, source_id=source_id)
    assert SweepRun.objects.get(pk=run_id).status == "complete"
    assert mirrored() == sellable(shop)


def test_a_mistake_of_ours_is_not_tried_again(source, monkeypatch):
    [(run_id, source_id)] = due_runs()
    monkeypatch.setattr(runs, "save", broken)
    with pytest.raises(ZeroDivisionError):
        run_sweep(run_id=run_id, source_id=source_id)
    failed = SweepRun.objects.get(pk=run_id)
    assert (failed.status, failed.error) == ("failed", "It was interrupted (ZeroDivisionError).")


def broken(*_args, **_named):
    raise ZeroDivisionError


def test_a_sweep_by_hand_does_what_was_due(source):
    due_runs()
    run("reconcile")
    assert due_runs() == []
    passed = SweepRun.objects.exclude(slot=None).get()
    assert (passed.status, passed.error) == (
        "failed", "A later sweep did its work before it began."
    )  # fmt: skip


def test_wanting_a_sweep_twice_makes_one(source):
    for _ in range(2):
        runs.want(source, at=database_now())
    assert SweepRun.objects.filter(status="due", slot=None).count() == 1


def test_one_source_is_swept_at_a_time_so_that_events_find_a_worker(connected, clock):
    for number in (1, 2):
        connected(small_shop(number))
    clock.move(timedelta(hours=25))
    first = due_runs()
    assert len(first) == schedule.AT_ONCE == 1
    run_sweep(run_id=first[0][0], source_id=first[0][1])
    assert [source_id for _, source_id in due_runs()] != [first[0][1]]


def test_a_source_not_swept_for_36_hours_alarms_until_it_is(shop, clock):
    clock.move(timedelta(hours=35))
    due_runs()
    assert not Alarm.objects.filter(code="sweep_overdue").exists()
    clock.move(timedelta(hours=2))
    due_runs()
    alarm = Alarm.objects.get(code="sweep_overdue")
    assert (alarm.subject, alarm.closed_at) == ("small-1", None)
    assert run("reconcile").code == 0
    alarm.refresh_from_db()
    assert alarm.closed_at is not None


def test_a_source_never_swept_alarms_too(connected, clock):
    connected()
    clock.move(timedelta(hours=37))
    due_runs()
    assert "has completed yet" in Alarm.objects.get(code="sweep_overdue").message


def test_a_wanted_sweep_that_fails_leaves_the_work_to_one_that_is_wanted_since(shop):
    source = Source.objects.get()
    runs.want(source, at=database_now())
    [(first, _)] = due_runs()
    began = runs.begin(source, at=database_now(), run=runs.has_work(first))
    runs.want(source, at=database_now())
    runs.fail(began, at=database_now(), error="The shop is away.", may_retry=True)
    ended, waiting = SweepRun.objects.filter(slot=None).exclude(status="complete").order_by("pk")
    assert (ended.pk, ended.status, waiting.status) == (first, "failed", "due")


def test_what_is_wanted_during_a_sweep_is_not_done_by_it(shop):
    source = Source.objects.get()
    runs.want(source, at=database_now())
    began = runs.begin(source, at=database_now())
    runs.want(source, at=database_now())
    runs.complete(began, runs.result_of(began), at=database_now())
    assert SweepRun.objects.filter(slot=None, status="due").count() == 1
    later = runs.begin(source, at=database_now())
    runs.complete(later, runs.result_of(later), at=database_now())
    assert not SweepRun.objects.filter(status="due").exists()


def test_a_wish_brings_a_retry_forward(shop):
    source, at = Source.objects.get(), database_now()
    runs.want(source, at=at + timedelta(minutes=80))
    assert due_runs() == []
    runs.want(source, at=at)
    assert len(due_runs()) == 1


def test_a_database_that_breaks_a_sweep_off_is_one_line_and_another_try(shop, monkeypatch):
    def broken(*_: object) -> None:
        raise OperationalError("deadlock detected")

    source = Source.objects.get()
    runs.want(source, at=database_now())
    [(run_id, _)] = due_runs()
    monkeypatch.setattr("sync.sweep._Sweep._read", broken)
    with pytest.raises(SweepFailed, match="The database broke it off"):
        sweep(source, run_id=run_id)
    run_row = SweepRun.objects.get(pk=run_id)
    assert (run_row.status, run_row.due_at > database_now()) == ("due", True)
    # The shop is not to blame.
    assert Connection.objects.get().stale_since is None
