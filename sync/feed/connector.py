"""The feed connector: a whole feed, or named records of it."""

import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO, Any, Self

import orjson

from catalog_mirror.records import CategoryRecord, Unmirrorable
from sync.connectors import Batch, Clock, EmptyShop, Fetched, Named, Position, Record
from sync.feed.mapping import FieldFails, Read, Says, categories_of, places_of, read
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
            reads = islice(self._reads(spool.records()), done, None)
            while some := list(islice(reads, PER_BATCH)):
                done += len(some)
                records = [each.record for each in some if each.record is not None]
                yield Batch(spool.observed_at, records, {"read": done})
            if done == 0:
                raise EmptyShop

    def _reads(self, records: Iterator[Any]) -> Iterator[Read]:
        for number, place in enumerate(places_of_all(records, self._map), 1):
            yield read(place, self._map, number=number)

    def fetch(self, names: Sequence[Named], *, families: Sequence[str] = ()) -> Fetched:
        """Read the named again: by their ids where the feed can be asked so, else all of it.

        Gone is what the feed marks as deleted, and, where it is a snapshot, what it does not name.
        """
        if not (names or families):
            return Fetched()
        wanted = {name.external_id for name in names}
        found, told_deleted = self._found(wanted, set(families))
        fetched = Fetched(records=list(found.values()))
        missing = [name.external_id for name in names if name.external_id not in found]
        fetched.gone = [i for i in missing if self._map.is_snapshot or i in told_deleted]
        fetched.deleted = list(fetched.gone)
        return fetched

    def _found(self, ids: set[str], families: set[str]) -> tuple[dict[str, Record], set[str]]:
        """Return what the feed has of these, and which it says are deleted."""
        found: dict[str, Record] = {}
        deleted: set[str] = set()
        for _ in range(LOOKS if self._is_paged else 1):
            for each in self._asked(ids, families):
                if each.record is None:
                    deleted.add(each.external_id)
                else:
                    found[each.external_id] = each.record
                    deleted.discard(each.external_id)
            if ids <= found.keys() | deleted and families <= self._products(found):
                break
        return found, deleted

    def _asked(self, ids: set[str], families: set[str]) -> Iterator[Read]:
        if self._map.by_id:
            asked = sorted({*ids, *families})
            for start in range(0, len(asked), IDS_AT_ONCE):
                records = self._reader.by_id(asked[start : start + IDS_AT_ONCE])
                yield from self._wanted(self._reads(iter(records)), ids, families)
            return
        with _Spool(self._reader, self._clock) as spool:
            is_empty = True
            for each in self._reads(spool.records()):
                is_empty = False
                yield from self._wanted(iter([each]), ids, families)
        if is_empty:
            raise ShopAnswersNonsense(
                "The feed lists nothing at all, so nothing of it is taken for deleted. Look at its maker."
            )

    @staticmethod
    def _wanted(reads: Iterator[Read], ids: set[str], families: set[str]) -> Iterator[Read]:
        return (e for e in reads if e.external_id in ids or e.product_external_id in families)

    @staticmethod
    def _products(found: dict[str, Record]) -> set[str]:
        return {
            each.product_external_id if isinstance(each, Unmirrorable) else each.external_id
            for each in found.values()
        }

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
