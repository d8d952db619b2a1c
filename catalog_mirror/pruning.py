"""Retention: the past of variants is deleted once no cursor may ask for it; the only writer of prunings."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction

from catalog_mirror.models import Pruning

# The brake counts what left within a day by the history.
LEAST_KEPT = timedelta(days=2)
# Rows deleted in one transaction: some tenths of a second.
_AT_ONCE = 5_000

# The last revision recorded before: a cursor of it is good, and needs nothing that ended with it.
_FLOOR = """
    select number from catalog_mirror_revision
    where recorded_at < clock_timestamp() - make_interval(secs => %s)
    order by recorded_at desc, number desc limit 1
"""
_STATES = "select count(*) from catalog_mirror_varianthistory where until_revision <= %s"
_DELETE = """
    delete from catalog_mirror_varianthistory where id = any(array(
        select id from catalog_mirror_varianthistory where until_revision <= %s limit %s
    ))
"""


class KeptTooShort(Exception):
    """A retention that would take history away from under what counts on it."""


@dataclass(frozen=True)
class Pruned:
    """How many states go, and the revision that the oldest good cursor names."""

    floor: int
    states: int


def foreseen(kept: timedelta) -> Pruned:
    """Return what pruning would delete; raise `KeptTooShort`."""
    if kept < LEAST_KEPT:
        raise KeptTooShort(
            f"History is kept for at least {LEAST_KEPT.days} days: the brake counts by it. Raise "
            "HISTORY_KEPT_DAYS."
        )
    with connection.cursor() as cursor:
        cursor.execute(_FLOOR, [kept.total_seconds()])
        row = cursor.fetchone()
        floor = int(row[0]) if row else 0
        cursor.execute(_STATES, [floor])
        return Pruned(floor, int(cursor.fetchone()[0]))


def prune_history(kept: timedelta) -> Pruned:
    """Delete what ended longer ago than `kept`; raise `KeptTooShort`.

    Where it ends is kept first: from then on no older cursor is answered, whatever the setting says
    later, so a pruning that is cut off leaves nothing wrong. Running it again goes on.
    """
    pruned = foreseen(kept)
    if pruned.states:
        Pruning.objects.create(until_revision=pruned.floor, variant_states=pruned.states)
        while _deleted(pruned.floor):
            pass
    return pruned


def _deleted(floor: int) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_DELETE, [floor, _AT_ONCE])
        return int(cursor.rowcount)
