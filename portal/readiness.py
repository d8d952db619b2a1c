"""Whether this process may serve, and what else is not as it should be."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import redis
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader

from groundwork import heartbeats
from groundwork.roles import refuse_unsafe_api_role
from portal import witness

log = structlog.get_logger(__name__)

# Beat has a worker look every half minute; a deploy takes it away for a while.
LONGEST_SILENCE = timedelta(minutes=5)
_APPLIED = "select app, name from django_migrations"


class NotReady(Exception):
    """What is wrong, in a sentence that says what to do next."""


@dataclass(frozen=True)
class Found:
    """What a look found of one thing; `fault` is empty where it is well."""

    name: str
    fault: str
    is_needed: bool  # without it partners cannot be served


_KEPT = 1.0  # seconds: however often it is asked, a process looks no oftener
_last: tuple[float, list[Found]] = (0.0, [])


def look() -> list[Found]:
    """Return what was found within the last second, or look now."""
    global _last  # noqa: PLW0603 - of this process
    at, found = _last
    if not found or time.monotonic() - at > _KEPT:
        found = _looked()
        _last = time.monotonic(), found
    return found


def _looked() -> list[Found]:
    """Look at everything; what partners do not need may fail without taking this process out."""
    return [
        Found(name, _fault(check), is_needed)
        for name, check, is_needed in (
            ("database", _database, True),
            ("roles", _roles, True),
            ("migrations", _migrations, True),
            ("epoch", _epoch, True),
            ("redis", _redis, False),
            ("beat", _beat, False),
        )
    ]


def _fault(check: Callable[[], None]) -> str:
    try:
        check()
    except NotReady as fault:
        return str(fault)
    except (DatabaseError, InterfaceError):
        log.warning("database_does_not_answer", exc_info=True)
        connection.close()
        return "The database does not answer. See the log of the web process."
    except Exception:
        log.exception("readiness_check_failed")
        return "The look at it failed. See the log of the web process."
    return ""


def _database() -> None:
    try:
        _select_one()
    except (DatabaseError, InterfaceError):  # a connection kept since before a restart
        connection.close()
        _select_one()


def _select_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select 1")


def _roles() -> None:
    try:
        refuse_unsafe_api_role(connection)
    except ImproperlyConfigured as error:
        raise NotReady(str(error)) from error


def _migrations() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_APPLIED)
        missing = sorted(_known_migrations() - set(cursor.fetchall()))
    if missing:
        app, name = missing[0]
        raise NotReady(
            f"{len(missing)} migrations are missing, {app} {name} the first: run `manage.py migrate`."
        )


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """Return those of this program; that the database knows more is an upgrade under way."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return frozenset(loader.disk_migrations or ())


def _epoch() -> None:
    seen = witness.witnessed()
    if seen and witness.is_restored(seen):
        raise NotReady(witness.advice(seen))


def _redis() -> None:
    try:
        witness.ping()
    except redis.RedisError as error:
        raise NotReady(
            "Redis does not answer: events wait for the next tick, beat for it."
        ) from error


def _beat() -> None:
    age = heartbeats.age_of("beat")
    if age is None or age > LONGEST_SILENCE:
        since = f"for {age.total_seconds():.0f} s" if age else "yet"
        raise NotReady(f"Beat had no worker do anything {since}: look at beat and at the worker.")
