"""What the workers do for the sources."""

from celery import shared_task

from catalog_mirror.models import Source
from groundwork.correlation import correlated
from sync.runs import AlreadyRunning
from sync.sweep import SweepFailed, sweep

# Seconds; the largest shop recorded took 127 for a full read, per parent.
LONGEST_SWEEP = 2 * 60 * 60


@shared_task(time_limit=LONGEST_SWEEP, throws=(SweepFailed, AlreadyRunning))  # type: ignore[untyped-decorator]
def sweep_source(*, source_id: int, correlation: str = "", **_: object) -> None:
    """Reconcile one source; its run is a row, also where it fails."""
    with correlated(correlation):
        sweep(Source.objects.get(pk=source_id))
