"""Revisions: the one order in which changes of the mirror and of the rules become visible."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
from django.db import DatabaseError, connection, transaction

from groundwork.correlation import correlation_id

# How long after its stamp a revision may still be on its way to becoming readable (DELTA.md's
# EPSILON). The delta looks back that far, so what follows the stamp is bounded to less: the work, a
# pause before the commit, and the commit itself.
EPSILON = timedelta(seconds=10)
LONGEST_WRITE = timedelta(seconds=4)
LONGEST_PAUSE = timedelta(seconds=2)
LONGEST_STATEMENT = timedelta(seconds=3)

# The key of the advisory lock that orders all writers; any constant that nothing else uses.
_LOCK = 0x7261_6465

_BEGIN = """
    select set_config('lock_timeout', '30s', true), set_config('statement_timeout', '30s', true);
    select pg_advisory_xact_lock(%s);
"""
_BOUND = """
    select set_config('statement_timeout', %s, true),
           set_config('idle_in_transaction_session_timeout', %s, true)
"""
# A statement of its own, so that its snapshot is taken after the lock is held.
_TAKE = """
    insert into catalog_mirror_revision
        (number, nonce, recorded_at, origin, correlation_id, touches_rules)
    select max(number) + 1, gen_random_uuid(), greatest(clock_timestamp(), max(recorded_at)),
           %s, %s, %s
    from (select number, recorded_at from catalog_mirror_revision order by number desc limit 1) r
    returning number, nonce, recorded_at
"""
_LASTED = "select clock_timestamp() - %s"


_NEWEST = "select max(number) from catalog_mirror_revision"


# What Postgres ends a statement, a pause or a wait for a lock with.
_OUT_OF_TIME = (
    psycopg.errors.QueryCanceled,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.LockNotAvailable,
)


class WriteTookTooLong(Exception):
    """A writing transaction outlasted what the delta allows for; it was rolled back."""


class NothingToWrite(Exception):
    """Raised inside `writing` when a second look finds no difference; no revision is taken."""


@dataclass(frozen=True)
class TakenRevision:
    number: int
    nonce: UUID
    recorded_at: datetime


@contextmanager
def writing(origin: str, *, touches_rules: bool = False) -> Iterator[TakenRevision]:
    """Run a block as the one writer, under a new revision, visible to all when it commits.

    Read again, compare and write inside. `NothingToWrite` gives the number back; `WriteTookTooLong`
    says to write less at once (the bound is `LONGEST_WRITE`).
    """
    try:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute(_BEGIN, [_LOCK])
            cursor.execute(_BOUND, [_milliseconds(LONGEST_STATEMENT), _milliseconds(LONGEST_PAUSE)])
            cursor.execute(_TAKE, [origin, correlation_id(), touches_rules])
            taken = TakenRevision(*cursor.fetchone())
            yield taken
            cursor.execute(_LASTED, [taken.recorded_at])
            if cursor.fetchone()[0] > LONGEST_WRITE:
                raise WriteTookTooLong(
                    f"Revision {taken.number} was not written: it took too long."
                )
    except NothingToWrite:
        return
    except DatabaseError as error:
        if not isinstance(error.__cause__, _OUT_OF_TIME):
            raise
        connection.close_if_unusable_or_obsolete()
        raise WriteTookTooLong(
            "A revision was not written: the database ran out of time."
        ) from error


def _milliseconds(duration: timedelta) -> str:
    return f"{duration // timedelta(milliseconds=1)}ms"


def newest() -> int:
    """Return the number of the newest revision."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST)
        return int(cursor.fetchone()[0])
