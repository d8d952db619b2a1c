"""What the workers do for the portal; each finds in the database what there is to do."""

from celery import shared_task

from groundwork.instants import database_now
from portal import figures, first_calls, telling

LONGEST = 5 * 60  # seconds


@shared_task(time_limit=LONGEST)  # type: ignore[untyped-decorator]
def tell_applicants(**_: object) -> None:
    telling.tell_due(at=database_now())


@shared_task(time_limit=LONGEST)  # type: ignore[untyped-decorator]
def note_first_calls(**_: object) -> None:
    first_calls.note_first_calls()


@shared_task(time_limit=LONGEST)  # type: ignore[untyped-decorator]
def sum_up_figures(**_: object) -> None:
    figures.sum_up()
