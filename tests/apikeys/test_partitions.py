"""The months of the log: there before they are needed, gone when they are old, archived on request."""

import io
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections

from apikeys import partitions, tasks
from apikeys.models import RequestLog
from groundwork.instants import database_now
from groundwork.models import Alarm, AuditEntry
from groundwork.roles import owner
from tests.apikeys.test_limit import outcomes
from tests.factories import cast, client_of, key_of
from tests.promises.processes import wait_for


@pytest.fixture
def months(database):
    """The log as the migrations leave it, before and after."""
    before = attached()
    yield
    RequestLog.objects.all().delete()
    after = {each.name for each in partitions.partitions()}
    with owner(connection), connection.cursor() as cursor:
        for name in (after - before) | (before - attached()):
            cursor.execute(f"drop table if exists {name}")
        for name in before - attached():
            first = datetime.strptime(name[-7:], "%Y_%m").replace(tzinfo=UTC)
            cursor.execute(
                f"create table public.{name} partition of apikeys_requestlog "
                f"for values from ('{first}') to ('{first + timedelta(days=31):%Y-%m-01} 00:00+00')"
            )


def attached() -> set[str]:
    return {each.name for each in partitions.partitions() if each.attached}


def logged_at(at: datetime, **says) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into apikeys_requestlog (at, key_public_id, method, route, status, correlation_id, "
            "address) values (%s, 'abcdefghijkl', 'GET', '/v1/stock', 200, 'c', '203.0.113.7') "
            "returning tableoid::regclass::text",
            [at],
        )
        return cursor.fetchone()[0]


def name_of(at: datetime) -> str:
    return f"apikeys_requestlog_{at:%Y_%m}"


LATER = datetime(2031, 3, 5, tzinfo=UTC)


def test_six_months_are_made_ahead_and_twice_makes_them_once(months):
    made, _ = partitions.keep(at=LATER)
    assert made == [f"apikeys_requestlog_2031_{month:02}" for month in range(3, 10)]
    assert partitions.keep(at=LATER)[0] == []
    assert logged_at(LATER + timedelta(days=100)) == "apikeys_requestlog_2031_06"


def test_a_month_is_made_with_the_log_s_indexes_and_may_be_written_by_the_application(months):
    partitions.keep(at=LATER)
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_index where indrelid = 'apikeys_requestlog_2031_03'::regclass"
        )
        assert cursor.fetchone() == (4,)
    logged_at(LATER)
    assert RequestLog.objects.filter(at=LATER).count() == 1


def test_a_missing_month_refuses_no_request_and_its_rows_are_moved_when_it_is_made(months, clock):
    client = client_of(cast().alice)
    by = LATER - database_now()
    clock.move(by)
    assert client.get("/v1/stock").status_code == 200
    assert RequestLog.objects.get().status == 200
    partitions.watch()
    alarm = Alarm.objects.get(code="log_partitions", closed_at=None)
    assert "0 months ahead and rows without a month" in alarm.message
    partitions.keep(at=database_now())
    partitions.watch()
    with connection.cursor() as cursor:
        cursor.execute("select tableoid::regclass::text, status from apikeys_requestlog")
        assert cursor.fetchall() == [("apikeys_requestlog_2031_03", 200)]
    alarm.refresh_from_db()
    assert alarm.closed_at is not None


def test_a_log_that_cannot_be_locked_stays_as_it_is_and_is_served(months):
    """A long read of the log, as an export, holds the months up and nothing else."""
    other = connection.copy()
    try:
        with other.cursor() as holding:
            holding.execute("begin; select count(*) from apikeys_requestlog_other")
            with pytest.raises(DatabaseError, match="lock timeout"):
                partitions.keep(at=LATER)
            assert logged_at(LATER) == "apikeys_requestlog_other"
            holding.execute("rollback")
    finally:
        other.close()
    assert not [name for name in attached() if "2031" in name]
    partitions.keep(at=LATER)
    assert RequestLog.objects.filter(at=LATER).count() == 1


@pytest.fixture
def read(months, settings, monkeypatch):
    """The log with a month past keeping, while something else reads it."""
    monkeypatch.setattr(partitions, "_PAUSE", 0.05)
    settings.REQUEST_LOG_KEPT_MONTHS = 100
    for at in (LATER, LATER + timedelta(days=92)):
        partitions.keep(at=at)
    settings.REQUEST_LOG_KEPT_MONTHS = 2
    other = connection.copy()
    with other.cursor() as reading:
        reading.execute("begin; select count(*) from apikeys_requestlog")
        yield reading
    other.close()


def keep_elsewhere(told: list[list[str]]) -> None:
    try:
        told.append(partitions.keep(at=LATER + timedelta(days=92))[1])
    finally:
        connections.close_all()


def waits_to_detach() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "select exists (select from pg_locks where not granted and mode = 'AccessExclusiveLock' "
            "and relation = 'apikeys_requestlog'::regclass)"
        )
        return bool(cursor.fetchone()[0])


def test_requests_go_on_while_a_month_waits_to_be_detached_and_then_it_is(read):
    key, told = key_of(cast().alice), []
    keeping = threading.Thread(target=keep_elsewhere, args=(told,))
    keeping.start()
    wait_for(waits_to_detach)
    with connection.cursor() as cursor:
        # Far above the tenth of a second that the log may be waited for, and far below two.
        cursor.execute("set lock_timeout = '900ms'")
    assert outcomes(key, 1) == ["admitted"]
    assert keeping.is_alive()
    read.execute("rollback")
    keeping.join()
    connection.close()
    assert "apikeys_requestlog_2031_03" in told[0]


def test_a_month_that_cannot_be_detached_is_told_of_in_the_end(read, monkeypatch):
    monkeypatch.setattr(partitions, "_TRIES", 2)
    with pytest.raises(DatabaseError, match="lock timeout"):
        partitions.keep(at=LATER + timedelta(days=92))
    assert "apikeys_requestlog_2031_03" in attached()


def test_months_past_keeping_are_detached_and_those_within_are_not(months, settings):
    settings.REQUEST_LOG_KEPT_MONTHS = 2
    partitions.keep(at=LATER)
    logged_at(LATER)
    _, detached = partitions.keep(
        at=LATER + timedelta(days=92)
    )  # 5 June: April is the second before
    assert [name for name in detached if "2031" in name] == ["apikeys_requestlog_2031_03"]
    assert RequestLog.objects.filter(at__gte=LATER).count() == 0
    _, again = partitions.keep(at=LATER + timedelta(days=92))
    assert again == []


def ran(*command: str) -> dict:
    out = io.StringIO()
    call_command("log_partitions", "--json", *command, stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture
def old(months, settings, clock):
    """A month with two rows that is past keeping."""
    settings.REQUEST_LOG_KEPT_MONTHS = 1
    clock.move(LATER - database_now())
    partitions.keep(at=LATER)
    for n in range(2):
        logged_at(LATER + timedelta(seconds=n))
    clock.move(timedelta(days=92))
    return name_of(LATER)


def test_an_old_month_is_archived_as_ndjson_and_dropped_on_request_alone(old, tmp_path):
    assert old in ran()["detached"]
    told = ran(f"--archive={tmp_path}")
    path = tmp_path / "requestlog-2031-03.ndjson"
    assert str(path) in told["archived"]
    assert path.stat().st_mode & 0o777 == 0o600
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["at"][:19] for row in rows] == ["2031-03-05T00:00:00", "2031-03-05T00:00:01"]
    assert rows[0] | {"at": "", "id": 0} == {
        "at": "", "id": 0, "key_public_id": "abcdefghijkl", "customer_id": None, "method": "GET",
        "route": "/v1/stock", "status": 200, "milliseconds": None, "bytes_sent": None,
        "correlation_id": "c", "address": "203.0.113.7",
    }  # fmt: skip
    assert old in {each["name"] for each in told["partitions"]}
    told = ran("--drop")
    assert old in told["dropped"]
    assert old not in {each["name"] for each in told["partitions"]}
    actions = AuditEntry.objects.filter(subject=old).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["log.archived", "log.dropped"]


def test_an_archive_is_never_written_over_and_then_nothing_is_dropped(old, tmp_path):
    (tmp_path / "requestlog-2031-03.ndjson").write_text("kept")
    with pytest.raises(CommandError, match="is there already"):
        ran(f"--archive={tmp_path}", "--drop")
    assert (tmp_path / "requestlog-2031-03.ndjson").read_text() == "kept"
    assert old in {each.name for each in partitions.partitions()}


def test_an_archive_that_breaks_off_leaves_no_file_that_looks_whole(old, tmp_path, monkeypatch):
    ran()

    def broken(partition):
        yield "{}"
        raise OSError("no space left")

    monkeypatch.setattr(partitions, "_lines", broken)
    with pytest.raises(CommandError, match="no space left"):
        ran(f"--archive={tmp_path}", "--drop")
    assert not list(tmp_path.glob("*.ndjson"))
    assert old in {each.name for each in partitions.partitions()}


@pytest.mark.parametrize(
    "name",
    ["apikeys_requestlog_other", "apikeys_apikey", "apikeys_requestlog_2026_12; drop table x"],
)
def test_the_database_drops_detached_months_alone(months, name):
    with connection.cursor() as cursor, pytest.raises(DatabaseError, match="no detached month"):
        cursor.execute("select apikeys_drop_month(%s)", [name])
    with connection.cursor() as cursor, pytest.raises(DatabaseError, match="no detached month"):
        cursor.execute("select apikeys_drop_month(%s)", [min(attached())])


def test_the_task_keeps_the_months(months):
    tasks.keep_log_months()
    assert len(attached()) >= 7
    assert not Alarm.objects.filter(closed_at=None).exists()


def test_a_folder_that_is_none_is_wrong_usage(months, tmp_path):
    with pytest.raises(CommandError, match="is no folder"):
        ran(f"--archive={tmp_path / 'nowhere'}")
