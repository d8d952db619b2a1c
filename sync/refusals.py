"""The only writer of refused deliveries: counted by the hour and reason, and otherwise forgotten."""

from django.conf import settings
from django.db import connection

# One upsert, whoever sends how much: a stranger adds to a number and to no table's length.
_COUNT = """
    insert into sync_refuseddelivery (hour, source_id, reason, count)
    values (date_trunc('hour', clock_timestamp(), 'UTC'), %(source)s, %(reason)s, 1)
    on conflict (hour, source_id, reason)
    do update set count = sync_refuseddelivery.count + 1
"""
_PURGE = (
    "delete from sync_refuseddelivery where hour < clock_timestamp() - make_interval(secs => %s)"
)


def count(reason: str, *, source_id: int | None) -> None:
    """Count one refusal; a source that is not known is never named."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"source": source_id, "reason": reason})


def purge() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_PURGE, [settings.HOOK_REFUSALS_KEPT.total_seconds()])
