"""What the workers do for the contract by the clock."""

from celery import shared_task

from contract.sandbox.making import make_sandbox as make

LONGEST = 60  # seconds


@shared_task(time_limit=LONGEST)  # type: ignore[untyped-decorator]
def make_sandbox(**_: object) -> None:
    make()
