"""What a worker looks at so that nobody has to: service levels, a restored backup, untold alarms."""

import redis
import structlog
from celery import shared_task

from groundwork import heartbeats
from portal import witness
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
