"""The only writer of sweep runs, and the lock that lets one sweep of a source run at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from django.db import connection
from django.db.models import Q, QuerySet

from catalog_mirror.models import Source
from groundwork.correlation import correlation_id, new_correlation_id
from groundwork.roles import refuse_pooled
from sync.models import SweepRun
from sync.tally import COUNTS, SweepResult

# The first half of a two-part advisory lock; any constant that nothing else uses. The second is the
# source. Postgres frees the lock when the session ends, however it ends.
_SWEEPS = 0x7377
_LOCKED = """
    select l.objid from pg_locks l join pg_database d on d.oid = l.database
    where l.locktype = 'advisory' and l.classid = %s and l.objsubid = 2 and l.granted
      and d.datname = current_database()
"""

# How often a scheduled sweep whose shop cannot be read is tried again in its night, and when: after 5,
# 10, 20, 40 and 80 minutes.
TRIES, BACKOFF = 5, timedelta(minutes=5)
# A shop's owner who moves goods between collections does so more than once.
SOON = timedelta(minutes=2)
# What was read longer ago than this is read again rather than resumed.
RESUMABLE = timedelta(hours=24)

Status = SweepRun.Status
UNFINISHED = (Status.RUNNING, Status.STOPPED)


class AlreadyRunning(Exception):
    """A sweep of this source runs elsewhere."""


@contextmanager
def only_sweep_of(source: Source) -> Iterator[None]:
    """Hold the source's lock for a block; raise `AlreadyRunning` where another holds it."""
    refuse_pooled("A sweep")
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


def sweeping() -> set[int]:
    """Return the ids of the sources that are being swept now, by any process."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCKED, [_SWEEPS])
        return {pk for (pk,) in cursor.fetchall()}


def plan(source: Source, *, slot: date, at: datetime) -> None:
    """Make a slot's sweep due, once, however many ask."""
    SweepRun.objects.bulk_create([_due(source, slot, at)], ignore_conflicts=True)


def want(source: Source, *, at: datetime) -> None:
    """Make a sweep due now, outside the schedule; one that waits already is brought forward.

    What is due from now on is not done by a sweep that began before.
    """
    waiting = SweepRun.objects.filter(source=source, status=Status.DUE, slot=None)
    if not waiting.update(due_at=at):
        SweepRun.objects.bulk_create([_due(source, None, at)], ignore_conflicts=True)


def want_before_long(source: Source, *, at: datetime) -> None:
    """Make a sweep due after a while, in which more that want one may come; they do not put it off."""
    waiting = SweepRun.objects.filter(source=source, status=Status.DUE, slot=None)
    # One that is overdue would count as done by a sweep that runs already.
    waiting.filter(due_at__lt=at).update(due_at=at)
    SweepRun.objects.bulk_create([_due(source, None, at + SOON)], ignore_conflicts=True)


def _due(source: Source, slot: date | None, at: datetime) -> SweepRun:
    return SweepRun(
        source=source,
        slot=slot,
        due_at=at,
        status=Status.DUE,
        tries_left=TRIES,
        correlation_id=new_correlation_id(),
    )


def to_run(*, at: datetime) -> QuerySet[SweepRun]:
    """Return what is to be started: what is due, oldest first, then what was ended early."""
    due = Q(status=Status.DUE, due_at__lte=at) | Q(status=Status.RUNNING)
    return (
        SweepRun.objects.filter(due)
        .exclude(source__in=sweeping())
        .order_by("status", "due_at", "pk")
    )


def has_work(run_id: int) -> SweepRun | None:
    """Return the run where it is still to be done; asked under its source's lock."""
    return SweepRun.objects.filter(pk=run_id, status__in=(Status.DUE, Status.RUNNING)).first()


def resumable(source: Source) -> SweepRun | None:
    """Return the newest run that ended early, by whatever cause, if it can go on."""
    newest = SweepRun.objects.filter(source=source).exclude(started_at=None).order_by("pk").last()
    if newest is None or newest.status == Status.COMPLETE or newest.position is None:
        return None
    return newest


def result_of(run: SweepRun) -> SweepResult:
    """Return the counts that a run has so far."""
    return SweepResult(source=run.source.slug, **{name: getattr(run, name) for name in COUNTS})


def begin(source: Source, *, at: datetime, run: SweepRun | None = None) -> SweepRun:
    """Note the start of a sweep, or of its going on, under its lock; another left open was killed.

    A run goes on as of when it started, unless that is too long ago to skip what it read.
    """
    open_runs = SweepRun.objects.filter(source=source, status__in=UNFINISHED)
    open_runs.exclude(pk=run.pk if run else 0).update(
        status=Status.FAILED, finished_at=at, error="It was ended before it could finish."
    )
    if run is None:
        return SweepRun.objects.create(
            source=source, started_at=at, correlation_id=correlation_id()
        )
    run.status, run.finished_at, run.error = Status.RUNNING, None, ""
    if run.position is None or not run.started_at or at - run.started_at > RESUMABLE:
        run.started_at, run.position = at, None
        for name in COUNTS:
            setattr(run, name, 0)
    run.save()
    return run


def save(run: SweepRun, result: SweepResult, *, position: object) -> None:
    """Note how far a run was written, after it was written: what a kill loses is only read again."""
    SweepRun.objects.filter(pk=run.pk).update(position=position, **_counts(result))


def complete(run: SweepRun, result: SweepResult, *, at: datetime) -> None:
    SweepRun.objects.filter(pk=run.pk).update(
        status=Status.COMPLETE, finished_at=at, position=None, **_counts(result)
    )
    before = SweepRun.objects.filter(source=run.source_id, status=Status.DUE)
    before.filter(due_at__lt=run.started_at).update(
        status=Status.FAILED, finished_at=at, error="A later sweep did its work before it began."
    )


def stop(run: SweepRun) -> None:
    """Note that a person stopped a run; it goes on when a person says so."""
    SweepRun.objects.filter(pk=run.pk).update(status=Status.STOPPED)


def fail(run: SweepRun, *, at: datetime, error: str, may_retry: bool) -> None:
    """Note that a run failed; one of the schedule is due again later, and goes on where it was.

    Its counts stay those of its position.
    """
    if may_retry and run.tries_left and not _another_is_wanted(run):
        tried = TRIES - run.tries_left
        ended = {
            "status": Status.DUE,
            "due_at": at + BACKOFF * 2**tried,
            "tries_left": run.tries_left - 1,
        }
    else:
        ended = {"status": Status.FAILED, "finished_at": at}
    SweepRun.objects.filter(pk=run.pk).update(error=error[:500], **ended)


def _another_is_wanted(run: SweepRun) -> bool:
    """Tell whether a sweep was wanted while this one, which was wanted too, ran: it does its work."""
    wanted = SweepRun.objects.filter(source=run.source_id, status=Status.DUE, slot=None)
    return run.slot is None and wanted.exclude(pk=run.pk).exists()


def _counts(result: SweepResult) -> dict[str, int]:
    return {name: getattr(result, name) for name in COUNTS}
