"""The database of the tests: real transactions, a clock that tests move, clean before each test."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import setup_databases, teardown_databases

from apikeys import completions
from catalog_mirror import brake
from contract import admitting, snapshots
from sync import tasks
from tests.document import hold_to_document

# Names resolve to these before Postgres's own, so that the product's SQL reads a clock that a test
# can move. Production has no such schema.
_CLOCK = """
    create schema if not exists clock;
    create table if not exists clock.moved (by interval not null);
    truncate clock.moved;
    insert into clock.moved values ('0');
    create or replace function clock.clock_timestamp() returns timestamptz
        language sql volatile security definer as
        $$ select pg_catalog.clock_timestamp() + (select by from clock.moved) $$;
    create or replace function clock.transaction_timestamp() returns timestamptz
        language sql stable security definer as
        $$ select pg_catalog.transaction_timestamp() + (select by from clock.moved) $$;
    grant usage on schema clock to public;
    grant execute on all functions in schema clock to public;
"""

# Rows that the migrations put there stay.
_KEPT = {
    "django_migrations": "true",
    "django_content_type": "true",
    "auth_permission": "true",
    "auth_group": "true",
    "auth_group_permissions": "true",
    "catalog_mirror_epoch": "number = 1",
    "catalog_mirror_revision": "number = 0",
}


def as_login(sql: str) -> None:
    """Run SQL as the login behind DATABASE_URL, which may do what no role of the product may."""
    with connection.cursor() as cursor:
        cursor.execute("select current_user")
        role = cursor.fetchone()[0]
        cursor.execute("reset role")
        cursor.execute(sql)
        cursor.execute(f'set role "{role}"')


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_modify_db_settings, django_db_blocker):
    """Make the test database whatever tests run: pytest-django's own looks for marked ones first.

    Without one it makes none, and tests would clean the database of the checkout.
    """
    with django_db_blocker.unblock():
        made = setup_databases(
            verbosity=0, interactive=False, aliases={"default"}, serialized_aliases=set()
        )
        as_login(_CLOCK)
        name = connection.settings_dict["NAME"]
        as_login(f'alter database "{name}" set search_path = clock, pg_catalog, public')
        connection.close()
    yield
    _cleaner.close()
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


class _Cleaner:
    """Empties the database on a connection of its own: a new one for each test knows no table yet."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection | None = None
        self._sql = ""

    def clean(self) -> None:
        try:
            self._connected().execute(self._sql)
        except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
            self.close()  # a test ended it, or dropped a table of its own
            self._connected().execute(self._sql)

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _connected(self) -> psycopg.Connection:
        if self._connection is None:
            name = connection.settings_dict["NAME"]
            assert name.startswith("test_"), f"{name} is not a database of the tests"
            self._sql = ";".join(self._statements())
            made = psycopg.connect(**self._login(), autocommit=True)
            made.execute("set session_replication_role = replica; set lock_timeout = '30s'")
            self._connection = made
        return self._connection

    def _login(self) -> dict[str, Any]:
        params = connection.get_connection_params()
        ours = {"cursor_factory", "context", "prepare_threshold", "server_side_binding"}
        return {name: value for name, value in params.items() if name not in ours}

    def _statements(self) -> list[str]:
        tables = sorted(connection.introspection.table_names())
        deletes = [
            f"delete from {table} where not ({_KEPT.get(table, 'false')})"
            for table in tables
            if table != "moved" and not table.startswith("apikeys_requestlog_")
        ]
        return [*deletes, "update clock.moved set by = '0'"]


_cleaner = _Cleaner()


def clean_database() -> None:
    _cleaner.clean()
    snapshots._kept.clear()
    admitting._customer_of.clear()


@pytest.fixture
def database(django_db_setup, django_db_blocker) -> Iterator[None]:
    """A clean database and real transactions: roles and settings outlive savepoints."""
    with django_db_blocker.unblock():
        clean_database()
        yield
        connection.close()


class Clock:
    """The database's clock, as the product reads it."""

    def now(self) -> datetime:
        with connection.cursor() as cursor:
            cursor.execute("select clock_timestamp()")
            return cursor.fetchone()[0]

    def move(self, by: timedelta) -> None:
        as_login(f"update clock.moved set by = by + interval '{by.total_seconds()} s'")


@pytest.fixture
def clock(database) -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def every_answer_is_as_the_document_says(monkeypatch) -> None:
    """Hold each answer of /v1 that a test client gets against `docs/openapi_v1.yaml`."""
    ask = Client.request

    def asked(self: Client, **request: Any) -> Any:
        answer = ask(self, **request)
        if answer.request["PATH_INFO"].startswith("/v1/"):
            hold_to_document(answer.request["REQUEST_METHOD"], answer.request["PATH_INFO"], answer)
        return answer

    monkeypatch.setattr(Client, "request", asked)


@pytest.fixture(autouse=True, scope="session")
def completed_at_once() -> Iterator[None]:
    """In the tests' own processes a request's row is complete with its answer, not a moment later."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(completions, "add", lambda completion: completions.write([completion]))
        yield


@pytest.fixture(autouse=True)
def woken(monkeypatch) -> list[int]:
    """The sources whose worker was called; the broker is not asked."""
    called: list[int] = []
    monkeypatch.setattr(tasks, "wake", called.append)
    return called


@pytest.fixture
def brake_off(monkeypatch) -> None:
    """Let as much leave a shop as likes: what the brake holds has tests of its own."""
    monkeypatch.setattr(brake, "LEAST", 1_000_000)
