"""Embedded Postgres and Valkey: whoever needs an engine first starts both, once for all."""

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from groundwork.engines.engine import Engine, Running
from groundwork.engines.errors import DataFolderRefused, EngineUnavailable
from groundwork.engines.postgres import MAJOR, USER, Postgres
from groundwork.engines.processes import LOOPBACK
from groundwork.engines.state import State
from groundwork.engines.valkey import Valkey
from groundwork.local import DataFolderUnusable, data_folder

__all__ = ["DataFolderRefused", "EngineUnavailable", "Engines", "ensure", "reset", "status", "stop"]

LOCK = "lock"


@dataclass(frozen=True)
class Engines:
    """Where the running engines are, and how to enter."""

    database: dict[str, str | int] = field(repr=False)  # host, port, user, password
    redis_url: str = field(repr=False)


def ensure() -> Engines:
    """Return the running engines, starting what does not run; cheap when both do."""
    with _explained():
        home = _home()
        return _entrance(_running(home) or _start(home))


def status() -> dict[str, Running | None]:
    """Return where each engine runs, by its name, or None where it does not."""
    with _explained():
        home = _home()
        state = State.read(home)
        return {
            "Postgres": state.postgres
            if state and _postgres(home).is_running(state.postgres)
            else None,
            "Valkey": state.valkey if state and _valkey(home).is_running(state.valkey) else None,
        }


def stop() -> None:
    """End the engines; their data stays."""
    with _explained(), _locked(_home()) as home:
        _stop(home)


def reset() -> None:
    """End the engines and delete their data."""
    with _explained(), _locked(_home()) as home:
        _stop(home)
        for path in home.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK:  # others may be waiting for it
                path.unlink()


def _running(home: Path) -> State | None:
    state = State.read(home)
    if (
        state
        and _postgres(home).is_running(state.postgres)
        and _valkey(home).is_running(state.valkey)
    ):
        return state
    return None


def _start(home: Path) -> State:
    with _locked(home):
        return _running(home) or _start_missing(home)


def _start_missing(home: Path) -> State:
    before = State.read(home)
    postgres, valkey = _postgres(home), _valkey(home)
    state = State(
        postgres=_started(postgres, before.postgres if before else None),
        valkey=_started(valkey, before.valkey if before else None),
        postgres_password=postgres.password,
        valkey_password=valkey.password,
        postgres_major=MAJOR,
    )
    postgres.create_database(state.postgres)
    state.write(home)
    return state


def _started(engine: Engine, before: Running | None) -> Running:
    """Start an engine where it was before, so that clients find it again, unless it runs."""
    if before and engine.is_running(before):
        return before
    return engine.start(port=before.port if before else 0)


def _stop(home: Path) -> None:
    for engine in (_postgres(home), _valkey(home)):
        engine.stop()


def _entrance(state: State) -> Engines:
    database: dict[str, str | int] = {
        "host": LOOPBACK,
        "port": state.postgres.port,
        "user": USER,
        "password": state.postgres_password,
    }
    password = quote(state.valkey_password, safe="")
    return Engines(database, f"redis://:{password}@{LOOPBACK}:{state.valkey.port}/0")


def _postgres(home: Path) -> Postgres:
    return Postgres(home, is_fast=_is_fast())


def _valkey(home: Path) -> Valkey:
    return Valkey(home, is_fast=_is_fast())


def _is_fast() -> bool:
    return os.environ.get("TRADECOUNTER_FAST", "") not in ("", "0")


def _home() -> Path:
    return data_folder() / "engines"


@contextmanager
def _locked(home: Path) -> Iterator[Path]:
    """Hold the engines' folder alone; refuse one that something else filled."""
    home.mkdir(mode=0o700, exist_ok=True)
    # In this order: whoever fills the folder makes the lock first.
    if any(home.iterdir()) and not (home / LOCK).exists():
        raise DataFolderRefused(
            f"{home} was not made by Tradecounter: set TRADECOUNTER_DATA to another folder."
        )
    with (home / LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield home


@contextmanager
def _explained() -> Iterator[None]:
    """Say in one line what a refusal of the machine means."""
    if not sys.platform.startswith("linux"):
        raise EngineUnavailable(
            "The embedded engines need Linux: set DATABASE_URL and REDIS_URL to use your own."
        )
    try:
        yield
    except OSError as error:
        raise EngineUnavailable(str(DataFolderUnusable(error))) from error
    except DataFolderUnusable as error:
        raise EngineUnavailable(str(error)) from error
