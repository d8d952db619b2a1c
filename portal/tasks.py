"""What a worker does so that nobody has to: applicants told, figures summed up, and all of us watched."""

import redis
import structlog
from celery import shared_task

from groundwork import heartbeats
from groundwork.instants import database_now
from portal import figures, first_calls, telling, witness
from portal.alarm_notices import tell_alarms
from portal.levels import hold_to_levels

log = structlog.get_logger(__name__)

LONGEST = 5 * 60  # seconds


@shared_task(time_limit=LONGEST)  # type: ignore[untyped-decorator]
def watch(**_: object) -> None:
    """Note that beat and worker are at work, then look."""
    heartbeats.beat("beat")
    hold_to_levels()
    try:
        witness.attend()
    except redis.RedisError as error:
        log.warning("no_witness", error=str(error)[:200])
    tell_alarms()


@shared_task(time_limit=LONGEST)  # type: ignore[untyped-decorator]
def tell_applicants(**_: object) -> None:
    telling.tell_due(at=database_now())


@shared_task(time_limit=LONGEST)  # type: ignore[untyped-decorator]
def note_first_calls(**_: object) -> None:
    first_calls.note_first_calls()


@shared_task(time_limit=LONGEST)  # type: ignore[untyped-decorator]
def sum_up_figures(**_: object) -> None:
    figures.sum_up()
