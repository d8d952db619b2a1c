"""When a source is swept, and what is due now."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from groundwork.alarms import open_alarm
from groundwork.instants import database_now
from sync import connections, corrections, polling, runs
from sync.models import Connection

# Between two looks at a shop's webhooks.
CHECKED = timedelta(hours=24)
# Sweeps that run side by side: each keeps one of the workers' processes, and events want some too.
AT_ONCE = 1


def latest_slot(sweep_at: time, zone: str, *, at: datetime) -> tuple[date, datetime]:
    """Return the newest night whose hour has come: its local date and the moment; pure.

    Where daylight saving makes the hour come twice the first counts; where it skips it, the moment
    after the gap that lies as far from midnight. So each local date has exactly one moment.
    """
    local = ZoneInfo(zone)
    day = at.astimezone(local).date()
    begins = datetime.combine(day, sweep_at, tzinfo=local)
    if begins.timestamp() > at.timestamp():
        day -= timedelta(days=1)
        begins = datetime.combine(day, sweep_at, tzinfo=local)
    return day, begins


def due_runs() -> list[tuple[int, int]]:
    """Make due what the hour has come for; return the runs to start now, each with its source's id.

    Of nights that passed while nothing ran only the latest is made up for. A run that was killed is
    started again where nothing newer of its source is due.
    """
    at = database_now()
    for each in Connection.objects.select_related("source").order_by("pk"):
        slot, begins = latest_slot(each.sweep_at, each.source.time_zone, at=at)
        if begins > each.created_at:
            runs.plan(each.source, slot=slot, at=begins)
        _alarm_if_overdue(each, at)
    free = AT_ONCE - len(runs.sweeping())
    return list(runs.to_run(at=at).values_list("pk", "source_id")[: max(0, free)])


def _alarm_if_overdue(row: Connection, at: datetime) -> None:
    last = row.last_complete_sweep_at
    if at - (last or row.created_at) <= settings.LEVEL_SWEEP_OVERDUE:
        return
    since = f"since {last:%Y-%m-%d %H:%M} UTC" if last else "yet"
    open_alarm(
        "sweep_overdue",
        subject=row.source.slug,
        message=f"No sweep of {row.source.name} has completed {since}, so what its webhooks missed stays "
        "wrong. Look at its last sweep runs, mend what they say, and run "
        f"`manage.py reconcile --source {row.source.slug}`.",
    )


def due_checks() -> list[int]:
    """Return the sources whose webhooks are to be looked at now; each is told once a day."""
    return connections.claim_checks(before=database_now() - CHECKED)


def due_polls() -> list[int]:
    """Return the polls to do now; each is told once."""
    return polling.claim()


def forget_old_corrections() -> int:
    """Delete the corrections that are past their keeping."""
    kept = timedelta(days=settings.DRIFT_KEPT_DAYS)
    return corrections.forget_older(than=database_now() - kept)
