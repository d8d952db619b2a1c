"""Web processes work through PgBouncer in transaction mode; whatever needs a session of its own says so."""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection

from apikeys.models import RequestLog
from groundwork.engines.unprivileged import guise_for
from groundwork.roles import refuse_another
from sync.locks import FOLLOWING, try_lock
from sync.runs import only_sweep_of
from tests.factories import SourceFactory, cast, client_with, key_of
from tests.promises.clients import ask_once
from tests.promises.processes import Processes, answers, free_port, wait_for

PGBOUNCER = shutil.which("pgbouncer")

INI = """
[databases]
{name} = host=127.0.0.1 port={port} dbname={name} connect_query='set role "{role}"'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = plain
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = 2
"""


def configured(folder: Path, *, role: str) -> int:
    """Write PgBouncer's configuration over the tests' database; return its port."""
    at, own = connection.get_connection_params(), free_port()
    folder.mkdir(exist_ok=True)
    (folder / "users.txt").write_text(f'"{at["user"]}" "{at["password"]}"\n')
    (folder / "pooler.ini").write_text(
        INI.format(name=at["dbname"], port=at["port"], role=role, own=own, folder=folder)
    )
    return own


@pytest.fixture
def pooled(database, tmp_path, monkeypatch):
    """A web process behind PgBouncer, which has two connections for all of its threads."""
    if PGBOUNCER is None:
        pytest.skip("pgbouncer is not installed: apt-get install pgbouncer")
    folder = tmp_path / "pooler"
    own = configured(folder, role=f"{connection.settings_dict['NAME']}_app")
    guise = guise_for(Path(PGBOUNCER))
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    pooler = subprocess.Popen(  # noqa: S603 - the pooler of this test
        [*guise.prefix, PGBOUNCER, str(folder / "pooler.ini")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for(lambda: answers(own))
    processes = Processes(tmp_path)
    direct = processes._environment()
    port = connection.get_connection_params()["port"]
    through = direct["DATABASE_URL"].replace(f":{port}/", f":{own}/")
    pooled = direct | {"DATABASE_URL": through, "DATABASE_POOLED": "true"}
    monkeypatch.setattr(processes, "_environment", lambda: pooled)
    processes.start("web")
    yield processes
    processes.end()
    pooler.terminate()
    pooler.wait(10)


def test_many_at_once_get_their_own_view_and_nobody_else_s(pooled):
    people = cast()
    wanted, keys = {}, {}
    for customer in (people.alice, people.bob, people.carol):
        keys[customer.slug] = key_of(customer, requests_a_minute=6000)
        answer = client_with(keys[customer.slug]).get("/v1/products")
        wanted[customer.slug] = (answer.status_code, _skus(answer.json()))
    assert len({str(view) for view in wanted.values()}) > 1

    def asked(turn: int) -> tuple[str, tuple[int, list[str]]]:
        slug = sorted(keys)[turn % len(keys)]
        status, said = ask_once(pooled.port, keys[slug], "/v1/products")
        return slug, (status, _skus(said))

    with ThreadPoolExecutor(8) as clients:
        for slug, told in clients.map(asked, range(150)):
            assert told == wanted[slug]
    wait_for(lambda: RequestLog.objects.exclude(status=None).count() == 153)
    assert ask_once(pooled.port, keys["alice"], "/readyz")[1]["faults"].keys() <= {"beat", "redis"}


def _skus(said: dict) -> list[str]:
    return sorted(item["sku"] for item in said.get("data", ()))


def test_a_session_in_another_role_is_refused(database):
    with pytest.raises(ImproperlyConfigured, match="connect_query='set role"):
        refuse_another(connection, "owner")
    refuse_another(connection, "app")


def _follow(source) -> None:
    with try_lock(FOLLOWING, source):
        pass


def _sweep(source) -> None:
    with only_sweep_of(source):
        pass


@pytest.mark.parametrize(
    "work", [_follow, _sweep, lambda _: call_command("migrate", verbosity=0)],
    ids=["follow", "sweep", "migrate"],
)  # fmt: skip
def test_what_keeps_a_session_does_not_begin(database, settings, work):
    source = SourceFactory()
    settings.DATABASE_POOLED = True
    with pytest.raises(ImproperlyConfigured, match="keeps a session of its own"):
        work(source)
