"""One at a time, per source or poll: locks that Postgres frees when their session ends, however it ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from catalog_mirror.models import Source
from groundwork.roles import refuse_pooled
from sync.models import Poll

# The first half of a two-part advisory lock; any constant that nothing else uses.
FOLLOWING, POLLING = 0x666F, 0x706F


@contextmanager
def try_lock(kind: int, row: Source | Poll) -> Iterator[bool]:
    """Hold the lock of a source or a poll for a block; yield False where another session holds it."""
    refuse_pooled("Following a shop")
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(%s, %s)", [kind, row.pk])
        is_ours = bool(cursor.fetchone()[0])
    try:
        yield is_ours
    finally:
        if is_ours and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock(%s, %s)", [kind, row.pk])
