"""What the workers do for keys and the log; each finds in the database what there is to do."""

from celery import shared_task

from apikeys import notices, partitions, suspicions, usage
from groundwork.instants import database_now

LONGEST = 10 * 60  # seconds


@shared_task(time_limit=LONGEST)  # type: ignore[untyped-decorator]
def sum_up_usage(**_: object) -> None:
    usage.sum_up()


@shared_task(time_limit=LONGEST)  # type: ignore[untyped-decorator]
def watch_keys(**_: object) -> None:
    at = database_now()
    suspicions.watch(at=at)
    suspicions.forget(at=at)


@shared_task(time_limit=LONGEST)  # type: ignore[untyped-decorator]
def tell_expiries(**_: object) -> None:
    notices.send_due(at=database_now())


@shared_task(time_limit=LONGEST)  # type: ignore[untyped-decorator]
def keep_log_months(**_: object) -> None:
    """Look first, so that a person is told of what the keeping then fails at."""
    partitions.watch()
    partitions.keep(at=database_now())
    partitions.watch()
