"""What the workers do for the mirror by the clock."""

from celery import shared_task
from django.conf import settings

from catalog_mirror import pruning

LONGEST_PRUNING = 3600  # seconds; the rest is for the next day


@shared_task(time_limit=LONGEST_PRUNING)  # type: ignore[untyped-decorator]
def prune_history(**_: object) -> None:
    pruning.prune_history(settings.HISTORY_KEPT)
