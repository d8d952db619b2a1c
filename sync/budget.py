"""The rate at which a source's shop is asked, kept across all processes that ask it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection

from catalog_mirror.models import Source

# A turn is taken one request ahead and no further, so that whoever asks takes turns with the others: a
# refetch beside a sweep waits for one request of it. Turns further off than this are a clock gone back.
FURTHEST = 50  # turns

_TAKE = """
    insert into sync_requestturn as t (source_id, free_at)
    values (%(source)s, clock_timestamp() + %(gap)s)
    on conflict (source_id) do update set free_at = %(gap)s + greatest(clock_timestamp(),
        least(t.free_at, clock_timestamp() + %(furthest)s))
    returning extract(epoch from free_at - %(gap)s - clock_timestamp())
"""


def turns_of(source: Source, *, per_second: float) -> Callable[[], float]:
    """Return what takes the next turn and tells how many seconds off it is."""
    gap = timedelta(seconds=1 / per_second)
    params: dict[str, Any] = {"source": source.pk, "gap": gap, "furthest": FURTHEST * gap}

    def take() -> float:
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, params)
            return max(0.0, float(cursor.fetchone()[0]))

    return take
