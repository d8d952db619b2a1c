"""The only writer of polls: asks shops that tell nothing what was edited, and for their stock."""

from collections.abc import Mapping
from datetime import timedelta
from typing import cast

from django.db import connection as database

from catalog_mirror.models import Source
from groundwork.correlation import correlated
from groundwork.instants import database_now
from groundwork.sealing import SealBroken
from sync import connections
from sync.connections import NotConnected
from sync.connectors import Connector, Polled
from sync.following import Errand, hints_known, refetch
from sync.http import ShopError
from sync.lines import line_to
from sync.locks import POLLING, try_lock
from sync.models import Poll
from sync.writing import POLL, Writing

# Two that ask at once are told of different polls. What was missed while all was down is asked once.
_CLAIM = """
    update sync_poll set due_at = clock_timestamp() + every where due_at <= clock_timestamp()
    returning id
"""


def plan(source: Source, polls: Mapping[str, timedelta]) -> None:
    """Have a source asked again and again, from now on."""
    Poll.objects.bulk_create(
        [Poll(source=source, what=what, every=every) for what, every in polls.items()]
    )


def claim() -> list[int]:
    """Return the polls that are due; each is told to one caller."""
    with database.cursor() as cursor:
        cursor.execute(_CLAIM)
        return [pk for (pk,) in cursor.fetchall()]


def poll(poll_id: int) -> None:
    """Ask a shop once; raise what keeps it from being read. One that is asked already is left alone."""
    row = Poll.objects.select_related("source").get(pk=poll_id)
    with try_lock(POLLING, row) as is_ours:
        if is_ours:
            row.refresh_from_db(fields=["position", "left"])
            _poll(row)


def _poll(row: Poll) -> None:
    at = database_now()
    try:
        with line_to(row.source) as connector, correlated():
            if row.what == Poll.What.STOCK:
                _read_stock(row.source, connector)
            else:
                _follow_changes(row, connector)
    except (ShopError, NotConnected, SealBroken) as error:
        connections.note_stale(row.source, at=at, reason=str(error))
        raise
    connections.note_answer(row.source)


def _read_stock(source: Source, connector: Connector) -> None:
    writing = Writing(source, dry_run=False, origin=POLL)
    for batch in cast("Polled", connector).stock():
        writing.apply(batch.records, observed_at=batch.observed_at)


def _follow_changes(row: Poll, connector: Connector) -> None:
    """Read again what was edited, and first what an earlier poll that was ended had left.

    What is to be read is written down together with the position behind it, so nothing is skipped,
    and a poll after an import of thousands goes on where the last one came to.
    """
    if row.left:
        _read_left(row, connector)
    row.left, row.position = cast("Polled", connector).changed(row.position)
    _save(row)
    _read_left(row, connector)


def _read_left(row: Poll, connector: Connector) -> None:
    while row.left:
        some, row.left = row.left[: connector.together], row.left[connector.together :]
        refetch(row.source, connector, _errands(row.source, some), origin=POLL)
        _save(row)


def _save(row: Poll) -> None:
    Poll.objects.filter(pk=row.pk).update(position=row.position, left=row.left)


def _errands(source: Source, external_ids: list[str]) -> list[Errand]:
    """Return what to read for ids that may be products', variants', or new ones'."""
    known = hints_known(source, external_ids)
    errands: dict[str, Errand] = {}
    for external_id in external_ids:
        hint = known.get(external_id)
        product_id = (hint and hint.parent_id) or external_id
        errand = errands.setdefault(product_id, Errand(product_id))
        if hint and hint.what == "variant" and hint.parent_id != external_id:
            errand.variants[external_id] = None
        else:
            errand.is_family = True
    return list(errands.values())
