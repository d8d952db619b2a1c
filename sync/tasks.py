"""What the workers do for the sources; each task is a wake-up, the rows say what there is to do."""

from celery import shared_task

from catalog_mirror.models import Source
from groundwork.sealing import SealBroken
from sync import listening, schedule
from sync.connections import NotConnected
from sync.http import ShopError
from sync.runs import AlreadyRunning
from sync.sweep import SweepFailed, sweep

# Seconds; the largest shop recorded took 127 for a full read, per parent.
LONGEST_SWEEP = 2 * 60 * 60
LONGEST_CHECK = LONGEST_TICK = 5 * 60
# Seconds after which a wake-up that waited is let go: the next tick sends another.
STALE_WAKE_UP = 60

_FAILS = (SweepFailed, AlreadyRunning, ShopError, NotConnected, SealBroken)


@shared_task(time_limit=LONGEST_TICK)  # type: ignore[untyped-decorator]
def tick(**_: object) -> None:
    """Wake up what is due; twice at once wakes nothing up twice in effect."""
    for run_id, source_id in schedule.due_runs():
        wake_up = {"run_id": run_id, "source_id": source_id}
        run_sweep.apply_async(kwargs=wake_up, expires=STALE_WAKE_UP)
    for source_id in schedule.due_checks():
        check_webhooks.apply_async(kwargs={"source_id": source_id})


@shared_task(time_limit=LONGEST_SWEEP, throws=_FAILS)  # type: ignore[untyped-decorator]
def run_sweep(*, run_id: int, source_id: int, **_: object) -> None:
    """Do a sweep that is due, or go on with one that was ended early."""
    sweep(Source.objects.get(pk=source_id), run_id=run_id)


@shared_task(time_limit=LONGEST_CHECK, throws=_FAILS)  # type: ignore[untyped-decorator]
def check_webhooks(*, source_id: int, **_: object) -> None:
    listening.check(Source.objects.get(pk=source_id))


@shared_task(time_limit=LONGEST_TICK)  # type: ignore[untyped-decorator]
def forget_old_corrections(**_: object) -> None:
    schedule.forget_old_corrections()
