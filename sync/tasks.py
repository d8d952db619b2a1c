"""What the workers do for the sources."""

import structlog
from celery import shared_task
from kombu.exceptions import OperationalError

from catalog_mirror.models import Source
from groundwork.correlation import correlated
from sync import events, refusals
from sync.bell import Bell
from sync.following import follow
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


@shared_task(time_limit=LONGEST_SWEEP, throws=(SweepFailed, AlreadyRunning))  # type: ignore[untyped-decorator]
def sweep_source(*, source_id: int, correlation: str = "", **_: object) -> None:
    """Reconcile one source; its run is a row, also where it fails."""
    with correlated(correlation):
        sweep(Source.objects.get(pk=source_id))


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
