"""The only writer of sweep runs, and the lock that lets one sweep of a source run at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection

from catalog_mirror.models import Source
from groundwork.correlation import correlation_id
from sync.models import SweepRun
from sync.tally import SweepResult

# The first half of a two-part advisory lock; any constant that nothing else uses. The second is the
# source. Postgres frees the lock when the session ends, however it ends.
_SWEEPS = 0x7377


class AlreadyRunning(Exception):
    """A sweep of this source runs elsewhere."""


@contextmanager
def only_sweep_of(source: Source) -> Iterator[None]:
    """Hold the source's lock for a block; raise `AlreadyRunning` where another holds it."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(%s, %s)", [_SWEEPS, source.pk])
        if not cursor.fetchone()[0]:
            raise AlreadyRunning(
                f"A reconciliation of {source.slug} is running already. Wait until it ends."
            )
    try:
        yield
    finally:
        if connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock(%s, %s)", [_SWEEPS, source.pk])


def begin(source: Source, *, at: datetime) -> SweepRun:
    """Note the start of a sweep, under its lock: one still said to run was killed."""
    SweepRun.objects.filter(source=source, status=SweepRun.Status.RUNNING).update(
        status=SweepRun.Status.FAILED, finished_at=at, error="It was ended before it could finish."
    )
    return SweepRun.objects.create(source=source, started_at=at, correlation_id=correlation_id())


def end(run: SweepRun, result: SweepResult, *, at: datetime, error: str = "") -> None:
    """Note how a sweep ended, with what it did until then."""
    status = SweepRun.Status.FAILED if error else SweepRun.Status.COMPLETE
    SweepRun.objects.filter(pk=run.pk).update(
        status=status,
        finished_at=at,
        error=error[:500],
        seen=result.seen,
        unchanged=result.unchanged,
        created=result.created,
        changed=result.changed,
        retired=result.retired,
        quarantined=result.quarantined,
        requests=result.requests,
        revisions=result.revisions,
    )
