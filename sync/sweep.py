"""Reads a whole shop and makes the mirror say the same, only where it differs."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from django.db import OperationalError
from django.db import connection as database

from catalog_mirror import brake, quarantine, taxonomy
from catalog_mirror.models import Revision, Source, Variant
from catalog_mirror.revisions import WriteTookTooLong
from groundwork.correlation import correlated, correlation_id
from groundwork.instants import database_now
from groundwork.sealing import SealBroken
from sync import connections, corrections, runs
from sync.ahead import reading_ahead
from sync.connections import NotConnected, connector_for
from sync.connectors import Batch, Connector, EmptyShop, Named, Position, Record, ids_of
from sync.corrections import Corrections, circumstances_of
from sync.http import ShopError
from sync.models import SweepRun
from sync.settling import settle
from sync.tally import SweepResult
from sync.writing import CHUNK, Writing

# What ends a sweep with one line for a person; anything else is a mistake of ours.
_OF_THE_SHOP = (ShopError, EmptyShop, NotConnected, SealBroken, taxonomy.CategoriesMakeNoTree)
_REASONS = (*_OF_THE_SHOP, WriteTookTooLong)


def silent(_seen: int) -> None:
    """Tell nobody how far the reading is."""


def nobody(_held: int) -> bool:
    """Ask nobody whether what is held back may pass: it may not."""
    return False


def never() -> bool:
    """Stop for nobody."""
    return False


class SweepFailed(Exception):
    """A shop could not be read to its end; nothing was retired. `result` is what was done before."""

    def __init__(self, reason: str, result: SweepResult) -> None:
        super().__init__(reason)
        self.result = result


class SweepStopped(Exception):
    """A person stopped the sweep between two chunks; it can go on from there."""


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a sweep goes about it: who hears of its progress, who says what may pass, who stops it."""

    dry_run: bool = False
    actor: str = ""  # who lets pass what the brake holds
    progress: Callable[[int], None] = silent
    may_pass: Callable[[int], bool] = nobody
    is_to_stop: Callable[[], bool] = never


def sweep(
    source: Source, *, manner: Manner | None = None, resume: bool = False, run_id: int | None = None
) -> SweepResult | None:
    """Compare all of a shop with the mirror and correct the mirror; a dry run only tells.

    `resume` goes on where an earlier run was ended, if there is one. With `run_id` it is that run of the
    schedule, and None is returned where it has been done meanwhile. Raises `SweepFailed`,
    `SweepStopped`, and `runs.AlreadyRunning` where another sweep of this source runs.
    """
    manner = manner or Manner()
    with correlated(correlation_id()), runs.only_sweep_of(source):
        at = database_now()
        if manner.dry_run:
            return _Sweep(source, manner, None, since=at).whole()
        run = runs.has_work(run_id) if run_id else None
        if run_id and run is None:
            return None
        if resume:
            run = runs.resumable(source)
        run = runs.begin(source, at=at, run=run)
        with correlated(run.correlation_id):
            return _Sweep(source, manner, run, since=run.started_at or at).recorded()


class _Sweep:
    """One sweep in this process; of a dry run there is no row."""

    def __init__(
        self, source: Source, manner: Manner, run: SweepRun | None, *, since: datetime
    ) -> None:
        self._source, self._manner, self._run, self._since = source, manner, run, since
        self._began = time.monotonic()
        self._last_revision = Revision.objects.latest("number").number
        self._earlier = runs.result_of(run) if run else SweepResult(source=source.slug)
        known = circumstances_of(source, since=since)
        noting = Corrections(run=run, circumstances=known) if run else None
        self._writing = Writing(source, dry_run=manner.dry_run, corrections=noting)
        self._connector: Connector | None = None

    def recorded(self) -> SweepResult:
        """Sweep, and note how it ended. What kills the process leaves the row as it is, to go on."""
        assert self._run  # noqa: S101 - for the type checker: a dry run is not recorded
        try:
            result = self.whole()
        except SweepFailed as error:
            at = database_now()
            if isinstance(error.__cause__, _OF_THE_SHOP):
                connections.note_stale(self._source, at=self._since, reason=str(error))
            runs.fail(self._run, at=at, error=str(error), may_retry=True)
            raise
        except SweepStopped:
            runs.stop(self._run)
            raise
        except Exception as error:
            reason = f"It was interrupted ({type(error).__name__})."
            at = database_now()
            runs.fail(self._run, at=at, error=reason, may_retry=False)
            raise
        runs.complete(self._run, result, at=database_now())
        connections.note_complete(self._source, at=self._since)
        return result

    def whole(self) -> SweepResult:
        """Read everything; raise `SweepFailed` with what was done until then."""
        try:
            with closing(connector_for(self._source)) as self._connector:
                self._read(self._connector)
                return self.result()
        except _REASONS as error:
            raise SweepFailed(str(error), self.result()) from error
        except OperationalError as error:
            database.close_if_unusable_or_obsolete()
            told = f"The database broke it off ({type(error.__cause__).__name__}). Try again."
            raise SweepFailed(told, self.result()) from error

    def result(self) -> SweepResult:
        found = self._writing.tally.result(self._source.slug)
        found.requests = self._connector.requests if self._connector else 0
        found.revisions = Revision.objects.filter(
            number__gt=self._last_revision, correlation_id=correlation_id()
        ).count()
        found.add(self._earlier)
        found.seconds = time.monotonic() - self._began
        if self._manner.dry_run:
            found.held = self._would_be_held()
        if self._run:
            found.corrections = corrections.shown(self._run)
            found.causes = corrections.causes(self._run)
        return found

    def _would_be_held(self) -> int:
        """Return how many of those that a dry run saw leave the brake would hold."""
        leaving = Variant.objects.filter(
            source=self._source, is_published=True, external_id__in=self._writing.tally.leaving
        )
        return max(0, leaving.count() - brake.allowance(self._source.pk))

    def _read(self, connector: Connector) -> None:
        """Read everything, then what the reading left open. Nothing is written before a first page."""
        writing, after = self._writing, self._position()
        categories = connector.categories()
        with closing(reading_ahead(connector.everything(after))) as batches:
            first = [] if after else _first(batches, self._source)
            writing.apply_categories(categories)
            for chunk in _chunks(first, batches):
                writing.apply(chunk.records, observed_at=chunk.observed_at)
                self._save(chunk.position)
        self._retire_unseen(connector)
        settle(connector, writing)
        if not writing.dry_run:
            self._let_pass(connector)
            quarantine.forget_unseen(self._source, since=self._since)
            brake.forget_unmet(self._source, since=self._since)

    def _position(self) -> Position | None:
        """Return where the run was ended, and take up what it had left open."""
        if self._run is None or self._run.position is None:
            return None
        self._writing.again = [Named(*each) for each in self._run.position["open"]]
        position: Position = self._run.position["at"]
        return position

    def _save(self, position: Position) -> None:
        self._manner.progress(self._earlier.seen + len(self._writing.tally.seen))
        if self._run:
            still = self._writing.open
            runs.save(self._run, self._counts(still), position={"at": position, "open": still})
        self._stop_if_wanted()

    def _stop_if_wanted(self) -> None:
        if self._manner.is_to_stop():
            raise SweepStopped

    def _counts(self, still_open: list[Named]) -> SweepResult:
        """Return the counts so far, without what takes a query to tell, and what is read once more."""
        again = {each.external_id for each in still_open}
        found = self._writing.tally.result(self._source.slug, but=again)
        found.requests = self._connector.requests if self._connector else 0
        found.add(self._earlier)
        return found

    def _retire_unseen(self, connector: Connector) -> None:
        """Read what was not met again by its id; only what the shop says is gone is retired.

        A run that goes on does not remember whom it met: who was written or found equal since it
        started was read since, and the few others are read once more.
        """
        live = Variant.objects.filter(
            source=self._source, retired_at=None, observation__content_at__lt=self._since
        ).order_by("pk")
        seen = self._writing.tally.seen
        rows = live.values_list("product__external_id", "external_id")
        self._read_again(connector, [Named(*row) for row in rows if row[1] not in seen])

    def _read_again(self, connector: Connector, names: Sequence[Named]) -> None:
        step = max(CHUNK, connector.together)
        for start in range(0, len(names), step):
            at = database_now()
            fetched = connector.fetch(names[start : start + step])
            self._writing.apply_in_parts(fetched.records, observed_at=at)
            self._writing.retire(fetched, observed_at=at)
            self._stop_if_wanted()

    def _let_pass(self, connector: Connector) -> None:
        """Ask whether what the brake held back may pass, and read it again if so."""
        count = len(self._writing.tally.held)
        if not count or not self._manner.may_pass(count):
            return
        for slug in self._writing.tally.result(self._source.slug).brakes:
            with suppress(brake.NothingToRelease):  # someone else has let it pass
                brake.release(Source.objects.get(slug=slug), actor=self._manner.actor)
        own = brake.held_from(self._source).filter(source=self._source).order_by("pk")
        names = own.values_list("product_external_id", "external_id")
        self._read_again(connector, [Named(*each) for each in names])
        settle(connector, self._writing)


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


def _chunks(first: list[Batch], rest: Iterator[Batch]) -> Iterator[Batch]:
    """Yield records some hundreds at once, dated as the earliest read among them."""
    held: list[Record] = []
    earliest: datetime | None = None
    size = 0
    batch = None
    for batch in chain(first, rest):
        earliest = min(earliest or batch.observed_at, batch.observed_at)
        held += batch.records
        size += sum(len(ids_of(record)) for record in batch.records)
        if size >= CHUNK:
            yield Batch(earliest, held, batch.position)
            held, earliest, size = [], None, 0
    if batch and held and earliest:
        yield Batch(earliest, held, batch.position)
