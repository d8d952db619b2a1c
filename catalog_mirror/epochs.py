"""The only writer of epochs: a restored database begins a new life, and every older cursor ends."""

from django.db import connection, transaction

from catalog_mirror.models import Epoch
from groundwork import audit

# The versions of changes are text of fixed width, led by four digits of the epoch.
LAST = 9999

_START = """
    insert into catalog_mirror_epoch (number, started_at)
    select greatest(max(number), %s) + 1, clock_timestamp() from catalog_mirror_epoch
    having greatest(max(number), %s) < %s
    returning number
"""


class NoMoreEpochs(Exception):
    """The number of the next epoch would not fit into a version."""


def start_epoch(*, actor: str, above: int = 0) -> int:
    """Begin the next epoch, beyond `above` and all that this database knows; return its number."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_START, [above, above, LAST])
        row = cursor.fetchone()
        if row is None:
            raise NoMoreEpochs(f"Epochs are numbered up to {LAST}.")
        audit.record(
            actor,
            action="start_epoch",
            subject=f"epoch {row[0]}",
            before={"epoch": newest_before(row[0])},
            after={"epoch": row[0]},
        )
    return int(row[0])


def newest_before(number: int) -> int | None:
    return (
        Epoch.objects.filter(number__lt=number)
        .order_by("-number")
        .values_list("number", flat=True)
        .first()
    )
