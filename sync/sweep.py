"""Reads a whole shop and makes the mirror say the same, only where it differs."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from catalog_mirror import quarantine, taxonomy
from catalog_mirror.models import Revision, Source, Variant
from catalog_mirror.revisions import WriteTookTooLong
from groundwork.correlation import correlated, correlation_id
from groundwork.sealing import SealBroken
from sync import connections, runs
from sync.connections import NotConnected, connector_for, database_time
from sync.connectors import Batch, Connector, EmptyShop, Named, Record, ids_of
from sync.http import ShopError
from sync.settling import settle
from sync.tally import SweepResult
from sync.writing import Writing

CHUNK = 400  # variants compared and written at once, far below what a revision has time for

Progress = Callable[[int], None]
# What ends a sweep with one line for a person; anything else is a mistake of ours.
_REASONS = (
    ShopError,
    EmptyShop,
    NotConnected,
    SealBroken,
    WriteTookTooLong,
    taxonomy.CategoriesMakeNoTree,
)


def silent(_seen: int) -> None:
    """Tell nobody how far the reading is."""


class SweepFailed(Exception):
    """A shop could not be read to its end; nothing was retired. `result` is what was done before."""

    def __init__(self, reason: str, result: SweepResult) -> None:
        super().__init__(reason)
        self.result = result


def sweep(source: Source, *, dry_run: bool = False, progress: Progress = silent) -> SweepResult:
    """Compare all of a shop with the mirror and correct the mirror; a dry run only tells.

    Raises `SweepFailed`, and `runs.AlreadyRunning` where another sweep of this source runs.
    """
    with correlated(correlation_id()), runs.only_sweep_of(source):
        began, at = time.monotonic(), database_time()
        before = Revision.objects.latest("number").number
        writing = Writing(source, dry_run=dry_run)

        def result(connector: Connector | None) -> SweepResult:
            found = writing.tally.result(source.slug)
            found.requests = connector.requests if connector else 0
            found.revisions = Revision.objects.filter(
                number__gt=before, correlation_id=correlation_id()
            ).count()
            found.seconds = time.monotonic() - began
            return found

        with _recorded(source, result, at=at, dry_run=dry_run) as use:
            connector = use(connector_for(source))
            _read(connector, writing, since=at, progress=progress)
        return result(connector)


@contextmanager
def _recorded(
    source: Source,
    result: Callable[[Connector | None], SweepResult],
    *,
    at: datetime,
    dry_run: bool,
) -> Iterator[Callable[[Connector], Connector]]:
    """Note start and end of a sweep, and close the connector it used."""
    run = None if dry_run else runs.begin(source, at=at)
    used: list[Connector] = []

    def use(connector: Connector) -> Connector:
        used.append(connector)
        return connector

    def fail(reason: str) -> SweepResult:
        found = result(used[0] if used else None)
        if run:
            runs.end(run, found, at=database_time(), error=reason)
            connections.note_stale(source, at=at)
        return found

    try:
        yield use
    except _REASONS as error:
        raise SweepFailed(str(error), fail(str(error))) from error
    except BaseException as error:
        fail(f"It was interrupted ({type(error).__name__}).")
        raise
    else:
        if run:
            runs.end(run, result(used[0]), at=database_time())
            connections.note_complete(source, at=at)
    finally:
        for connector in used:
            connector.close()


def _read(connector: Connector, writing: Writing, *, since: datetime, progress: Progress) -> None:
    """Read everything, then what the reading left open. Nothing is written before a first page."""
    categories, batches = connector.categories(), connector.everything()
    first = _first(batches, writing.source)
    writing.apply_categories(categories)
    for observed_at, records in _chunks(first, batches):
        writing.apply(records, observed_at=observed_at)
        progress(len(writing.tally.seen))
    _retire_unseen(connector, writing, since=since)
    settle(connector, writing)
    if not writing.dry_run:
        quarantine.forget_unseen(writing.source, since=since)


def _first(batches: Iterator[Batch], source: Source) -> list[Batch]:
    try:
        return [next(batches)]
    except (EmptyShop, StopIteration):
        live = Variant.objects.filter(source=source, retired_at=None).count()
        if live:
            raise EmptyShop(
                f"The shop lists no products at all, while the mirror has {live} variants of it. "
                "Nothing was retired. If it was emptied on purpose, keep one product in it."
            ) from None
        return []


def _chunks(
    first: list[Batch], rest: Iterator[Batch]
) -> Iterator[tuple[datetime, Sequence[Record]]]:
    """Yield records some hundreds at once, dated as the earliest read among them."""
    held: list[Record] = []
    earliest: datetime | None = None
    size = 0
    for batch in _both(first, rest):
        earliest = min(earliest or batch.observed_at, batch.observed_at)
        held += batch.records
        size += sum(len(ids_of(record)) for record in batch.records)
        if size >= CHUNK:
            yield earliest, held
            held, earliest, size = [], None, 0
    if held and earliest:
        yield earliest, held


def _both(first: list[Batch], rest: Iterator[Batch]) -> Iterator[Batch]:
    yield from first
    if first:
        yield from rest


def _retire_unseen(connector: Connector, writing: Writing, *, since: datetime) -> None:
    """Read what the sweep did not meet again by its id; only what the shop says is gone is retired."""
    live = Variant.objects.filter(
        source=writing.source, retired_at=None, observation__content_at__lt=since
    ).order_by("pk")
    names = [
        Named(*row)
        for row in live.values_list("product__external_id", "external_id")
        if row[1] not in writing.tally.seen
    ]
    for start in range(0, len(names), CHUNK):
        at = database_time()
        fetched = connector.fetch(names[start : start + CHUNK])
        writing.apply(fetched.records, observed_at=at)
        writing.retire(fetched.gone, observed_at=at)
