"""A real streaming standby of the tests' Postgres, whose replay a test may stop and let go on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.db import connection, connections

from groundwork.engines.standby import Standby


class Replica:
    """The standby as the product's second database, and its superuser's way in."""

    def __init__(self, engine: Standby, port: int) -> None:
        self.engine, self.port = engine, port

    def says(self, sql: str):
        with psycopg.connect(**self.address(), autocommit=True) as login:
            return login.execute(sql).fetchone()[0]

    def address(self) -> dict:
        at = connection.get_connection_params()
        names = ("user", "password", "dbname")
        return {name: at[name] for name in names} | {"host": "127.0.0.1", "port": self.port}

    @property
    def url(self) -> str:
        at = self.address()
        return f"postgres://{at['user']}:{at['password']}@127.0.0.1:{self.port}/{at['dbname']}"

    def pause(self) -> None:
        self.says("select pg_wal_replay_pause()::text")
        until(lambda: self.says("select pg_get_wal_replay_pause_state()") == "paused")

    def resume(self) -> None:
        self.says("select pg_wal_replay_resume()::text")

    def catch_up(self) -> None:
        """Go on, and wait until it has what the primary has now."""
        self.resume()
        with connection.cursor() as cursor:
            cursor.execute("select pg_current_wal_insert_lsn()::text")
            (wanted,) = cursor.fetchone()
        until(lambda: self.says(f"select pg_last_wal_replay_lsn() >= '{wanted}'::pg_lsn"))


def until(holds) -> None:
    ends = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < ends, "it did not come to pass"
        time.sleep(0.02)


@contextmanager
def standing_by(folder: Path) -> Iterator[Replica]:
    """Copy the tests' Postgres, and follow it."""
    engine = Standby(folder, primary_port=int(connection.get_connection_params()["port"]))
    running = engine.start(port=0)
    try:
        yield Replica(engine, running.port)
    finally:
        engine.stop()


@contextmanager
def as_replica(replica: Replica) -> Iterator[None]:
    """Let the product of this process know it."""
    at = replica.address()
    connections.settings["replica"] = connections.settings["default"] | {
        "HOST": at["host"], "PORT": at["port"], "USER": at["user"], "PASSWORD": at["password"],
        "NAME": at["dbname"],
    }  # fmt: skip
    try:
        yield
    finally:
        connections["replica"].close()
        del connections["replica"]
        del connections.settings["replica"]
