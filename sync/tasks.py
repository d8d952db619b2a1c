"""What the workers do for the sources; each task is a wake-up, the rows say what there is to do."""

import structlog
from celery import shared_task
from kombu.exceptions import OperationalError

from catalog_mirror.models import Source
from groundwork.sealing import SealBroken
from sync import events, listening, polling, refusals, schedule
from sync.bell import Bell
from sync.connections import NotConnected
from sync.following import follow
from sync.http import ShopError
from sync.runs import AlreadyRunning
from sync.sweep import SweepFailed, sweep

log = structlog.get_logger(__name__)

# Seconds; the largest shop recorded took 127 for a full read, per parent.
LONGEST_SWEEP = 2 * 60 * 60
# Far beyond the minute after which following ends by itself: one exchange with a dripping shop, with
# every try and every pause that the shop asks for, comes to eight minutes.
LONGEST_FOLLOWING = 10 * 60
LONGEST_WAIT = 60  # seconds a wake-up is worth anything; the tick finds what was missed
LONGEST_PURGE = 10 * 60
LONGEST_CHECK = LONGEST_TICK = 5 * 60
LONGEST_POLL = 30 * 60  # all stock of a large shop
# Seconds after which a wake-up that waited is let go: the next tick sends another.
STALE_WAKE_UP = 60

_FAILS = (SweepFailed, AlreadyRunning, ShopError, NotConnected, SealBroken)


@shared_task(time_limit=LONGEST_TICK)  # type: ignore[untyped-decorator]
def tick(**_: object) -> None:
    """Wake up what is due; twice at once wakes nothing up twice in effect."""
    for run_id, source_id in schedule.due_runs():
        wake_up = {"run_id": run_id, "source_id": source_id}
        run_sweep.apply_async(kwargs=wake_up, expires=STALE_WAKE_UP)
    for poll_id in schedule.due_polls():
        poll_shop.apply_async(kwargs={"poll_id": poll_id}, expires=STALE_WAKE_UP)
    for source_id in schedule.due_checks():
        check_webhooks.apply_async(kwargs={"source_id": source_id})


@shared_task(time_limit=LONGEST_SWEEP, throws=_FAILS)  # type: ignore[untyped-decorator]
def run_sweep(*, run_id: int, source_id: int, **_: object) -> None:
    """Do a sweep that is due, or go on with one that was ended early."""
    sweep(Source.objects.get(pk=source_id), run_id=run_id)


@shared_task(time_limit=LONGEST_POLL, throws=_FAILS)  # type: ignore[untyped-decorator]
def poll_shop(*, poll_id: int, **_: object) -> None:
    """Ask a shop that tells nothing by itself what changed, or for its stock."""
    polling.poll(poll_id)


@shared_task(time_limit=LONGEST_CHECK, throws=_FAILS)  # type: ignore[untyped-decorator]
def check_webhooks(*, source_id: int, **_: object) -> None:
    listening.check(Source.objects.get(pk=source_id))


@shared_task(time_limit=LONGEST_TICK)  # type: ignore[untyped-decorator]
def forget_old_corrections(**_: object) -> None:
    schedule.forget_old_corrections()


@shared_task(time_limit=LONGEST_FOLLOWING)  # type: ignore[untyped-decorator]
def follow_events(*, source_id: int, **_: object) -> None:
    """Follow the due events of one source; what is left after a while is for the next in line."""
    if follow(Source.objects.get(pk=source_id)):
        _send(source_id)


@shared_task(time_limit=LONGEST_WAIT)  # type: ignore[untyped-decorator]
def wake_sources(**_: object) -> None:
    """Follow whatever is due and was not followed: a wake-up was lost, or a wait is over."""
    for source_id in events.due_sources():
        _send(source_id)


@shared_task(time_limit=LONGEST_PURGE)  # type: ignore[untyped-decorator]
def purge_events(**_: object) -> None:
    events.purge()
    refusals.purge()


def wake(source_id: int) -> None:
    """Have the events of a source followed soon; return at once, whatever the broker does."""
    _bell.ring(source_id)


def _send(source_id: int) -> None:
    try:
        follow_events.apply_async(
            kwargs={"source_id": source_id}, retry=False, expires=LONGEST_WAIT
        )
    except (OperationalError, OSError) as error:
        log.warning("wake_up_not_sent", source_id=source_id, error=str(error)[:200])


_bell = Bell(_send)
