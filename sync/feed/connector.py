"""The feed connector: a whole feed, or named records of it."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any, Self

import orjson

from catalog_mirror.records import CategoryRecord
from sync.connectors import Batch, Clock, EmptyShop, Fetched, Named, Position, Record
from sync.feed.mapping import FieldFails, Read, Says, categories_of, places_of, read, repeated_ids
from sync.feed.maps import FieldMap
from sync.feed.reading import Reader
from sync.feed.rules import Unreadable
from sync.http import ShopAnswersNonsense

PER_BATCH = 200  # records handed on together
IDS_AT_ONCE = 50  # asked for in one address
# Pages that shift while they are read hide a record; not twice in a row.
LOOKS = 2


class Feed:
    """One feed. It is read once for its categories and its records, and kept on disk between."""

    together = 1_000_000  # one reading serves however many

    def __init__(self, reader: Reader, field_map: FieldMap, clock: Clock) -> None:
        self._reader, self._map, self._clock = reader, field_map, clock
        self._spool: _Spool | None = None

    @property
    def requests(self) -> int:
        return self._reader.wire.requests if self._reader.wire else 0

    def close(self) -> None:
        self._drop()
        if self._reader.wire:
            self._reader.wire.close()

    def categories(self) -> list[CategoryRecord]:
        """Read the feed, keep it for `everything`, and return the categories that its records name."""
        self._drop()
        if "categories" not in self._map.fields:
            return []
        self._spool = _Spool(self._reader, self._clock)
        found: dict[str, CategoryRecord] = {}
        for place in places_of_all(self._spool.records(), self._map):
            found |= {each.external_id: each for each in _categories(place, self._map)}
        return list(found.values())

    def everything(self, after: Position | None = None) -> Iterator[Batch]:
        """Read all of it; a position counts records, which are read again and passed over."""
        done = after["read"] if after else 0
        spool = self._spool or _Spool(self._reader, self._clock)
        self._spool = None
        with spool:
            reads = islice(self._reads(spool.records), done, None)
            while some := list(islice(reads, PER_BATCH)):
                done += len(some)
                records = [each.record for each in some if each.record is not None]
                yield Batch(spool.observed_at, records, {"read": done})
            if done == 0:
                raise EmptyShop

    def _reads(self, records: Callable[[], Iterator[Any]]) -> Iterator[Read]:
        unclear = repeated_ids(records(), self._map)
        for number, place in enumerate(places_of_all(records(), self._map), 1):
            each = read(place, self._map, number=number)
            yield each.refused_as_repeated() if each.external_id in unclear else each

    def fetch(self, names: Sequence[Named], *, families: Sequence[str] = ()) -> Fetched:
        """Read the named again: by their ids where the feed can be asked so, else all of it.

        Gone is what the feed marks as deleted, and, where it is a snapshot, what it does not name.
        """
        if not (names or families):
            return Fetched()
        wanted = _Wanted({name.external_id for name in names}, set(families))
        for _ in range(LOOKS if self._is_paged else 1):
            for each in self._asked(wanted):
                wanted.note(each)
            if wanted.is_complete:
                break
        return wanted.fetched(names, is_snapshot=self._map.is_snapshot)

    def _asked(self, wanted: "_Wanted") -> Iterator[Read]:
        """Read what may hold the wanted: their own records, or all of them."""
        if self._map.by_id:
            asked = sorted({*wanted.ids, *wanted.families})
            for start in range(0, len(asked), IDS_AT_ONCE):
                yield from self._of_ids(asked[start : start + IDS_AT_ONCE])
            # Alone too, before one is taken for gone: an answer may hold less than it was asked for.
            for missing in sorted(wanted.missing):
                yield from self._of_ids([missing])
            return
        with _Spool(self._reader, self._clock) as spool:
            is_empty = True
            for each in self._reads(spool.records):
                is_empty = False
                yield each
        if is_empty:
            raise ShopAnswersNonsense(
                "The feed lists nothing at all, so nothing of it is taken for deleted. Look at its maker."
            )

    def _of_ids(self, ids: list[str]) -> Iterator[Read]:
        answer = self._reader.by_id(ids)
        for each in self._reads(lambda: iter(answer)):
            if not {each.external_id, each.product_external_id} & set(ids):
                raise ShopAnswersNonsense(
                    f"The feed was asked for some ids and answers with others ({each.external_id[:60]}). "
                    "Look at the map's `by_id`."
                )
            yield each

    @property
    def _is_paged(self) -> bool:
        return self._map.paging.kind != "none" and not self._map.by_id

    def webhook_problems(self, url: str) -> None:
        """Return None: whether a feed's maker pushes cannot be asked."""
        del url

    def _drop(self) -> None:
        if self._spool:
            self._spool.__exit__()
            self._spool = None


@dataclass
class _Wanted:
    """What is looked for by id or by product, and what was found of it."""

    ids: set[str]
    families: set[str]
    found: dict[str, Record] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    products: set[str] = field(default_factory=set)
    is_sure: bool = True

    def note(self, read: Read) -> None:
        # A record without an id may be any of them: then none is known to be gone.
        self.is_sure = self.is_sure and read.is_named
        if read.external_id not in self.ids and read.product_external_id not in self.families:
            return
        self.products.add(read.product_external_id)
        if read.record is None:
            self.deleted.add(read.external_id)
        else:
            self.found[read.external_id] = read.record

    @property
    def missing(self) -> set[str]:
        return self.ids - self.found.keys() - self.deleted

    @property
    def is_complete(self) -> bool:
        return not self.missing and self.families <= self.products

    def fetched(self, names: Sequence[Named], *, is_snapshot: bool) -> Fetched:
        gone = self.deleted - self.found.keys()
        if is_snapshot and self.is_sure:
            gone |= self.missing
        told = [name.external_id for name in names if name.external_id in gone]
        return Fetched(records=list(self.found.values()), gone=told, deleted=list(told))


class _Spool:
    """One reading of a feed, kept in a file as JSON Lines and dated before its first request."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self.observed_at = clock()
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by who holds us
        try:
            for record in reader.records():
                self._file.write(orjson.dumps(record) + b"\n")
        except BaseException:
            self._file.close()
            raise

    def records(self) -> Iterator[Any]:
        self._file.seek(0)
        return map(orjson.loads, self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def places_of_all(records: Iterator[Any], field_map: FieldMap) -> Iterator[Any]:
    for record in records:
        yield from places_of([record], field_map)


def _categories(place: Any, field_map: FieldMap) -> Iterator[CategoryRecord]:
    if place is not None:
        try:
            for line in categories_of(Says(place, field_map)):
                yield from line
        except (FieldFails, Unreadable):  # told when the record itself is read
            return
