"""Hands what one sweep or webhook led to read to the mirror, and keeps count of what came of it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from catalog_mirror import mirror, taxonomy
from catalog_mirror.conflicts import Claim
from catalog_mirror.differences import retirement
from catalog_mirror.models import Source, Variant
from catalog_mirror.records import CategoryRecord, ProductRecord
from catalog_mirror.taxonomy import Tree
from sync.connectors import Fetched, Named, Record, ids_of
from sync.corrections import Corrections
from sync.tally import Tally

# Variants compared and written at once: where all of them differ a sixth of a second, of the 4 s that a
# revision has. Each part costs a commit.
CHUNK = 500
SWEEP, WEBHOOK, POLL = "sweep", "webhook", "poll"  # what revisions name as their origin


class Writing:
    """One sweep's writing. `unread` are claims to a SKU whose holder is to be read again."""

    def __init__(
        self,
        source: Source,
        *,
        dry_run: bool,
        origin: str = SWEEP,
        corrections: Corrections | None = None,
    ) -> None:
        self.source = source
        self.origin = origin
        self.dry_run = dry_run
        self.corrections = corrections
        self.tally = Tally()
        self.unread: dict[Named, Claim] = {}
        self.retry: dict[str, Named] = {}
        # What a run that was ended early had left open: to be read again at the end.
        self.again: list[Named] = []
        self._foreseen: Tree | None = None

    def apply_categories(self, records: list[CategoryRecord]) -> None:
        if self.dry_run:
            self._foreseen = taxonomy.foreseen(self.source, records)
        else:
            taxonomy.apply_categories(self.source, records, origin=self.origin)

    def apply(self, records: Sequence[Record], *, observed_at: datetime) -> None:
        if not records:
            return
        noted = self.corrections and self.corrections.of_records(self.source, records)
        applied = mirror.apply(
            self.source,
            records,
            observed_at=observed_at,
            origin=self.origin,
            dry_run=self.dry_run,
            foreseen=self._foreseen,
            note=noted or mirror.unnoted,
        )
        self.tally.add(records, applied)
        waiting = applied.unread_holders
        if waiting:
            self.unread |= {
                n: waiting[n.external_id] for n in _names(records) if n.external_id in waiting
            }
        for refused in applied.quarantined:
            self.retry[refused.external_id] = Named(
                refused.product_external_id, refused.external_id
            )

    def apply_in_parts(self, records: Sequence[Record], *, observed_at: datetime) -> None:
        """Apply however many; those of one SKU that end up in two parts are left to `settle`."""
        for part in in_parts(records):
            self.apply(part, observed_at=observed_at)

    def retire(
        self, fetched: Fetched, *, observed_at: datetime, replaced: Collection[str] = frozenset()
    ) -> None:
        """Retire what the shop says is gone; SKUs in `replaced` come back with the next records."""
        if not fetched.gone:
            return
        if self.dry_run:
            self.tally.add_retired(self._foreseen_retirements(fetched.gone))
            return
        deleted = set(fetched.deleted)
        noted = self.corrections and self.corrections.of_retirement(self.source, deleted=deleted)
        for start in range(0, len(fetched.gone), CHUNK):
            applied = mirror.retire(
                self.source,
                fetched.gone[start : start + CHUNK],
                observed_at=observed_at,
                origin=self.origin,
                replaced=replaced,
                note=noted or mirror.unnoted,
            )
            self.tally.add_retired(applied)

    def _foreseen_retirements(self, external_ids: Sequence[str]) -> mirror.Applied:
        live = Variant.objects.filter(
            source=self.source, retired_at=None, external_id__in=external_ids
        )
        gone = [retirement(*row) for row in live.values_list("sku", "external_id")]
        return mirror.Applied(differences=gone)

    @property
    def open(self) -> list[Named]:
        """What is to be looked at again at the end of the reading."""
        refused = self.tally.quarantined.items()
        early = [i for i, (reason, _) in refused if reason in {"category_unknown", "duplicate_sku"}]
        return list(
            dict.fromkeys(
                [*self.again, *self.unread, *(self.retry[i] for i in early if i in self.retry)]
            )
        )


def skus_of(source: Source, records: Sequence[Record]) -> set[str]:
    """Return the SKUs under which these records are to be published."""
    return {
        f"{source.sku_prefix}{variant.content.sku}"
        for record in records
        if isinstance(record, ProductRecord)
        for variant in record.variants
        if variant.content and variant.content.is_published
    }


def _names(records: Sequence[Record]) -> list[Named]:
    return [
        Named(record.external_id, variant.external_id)
        for record in records
        if isinstance(record, ProductRecord)
        for variant in record.variants
    ]


def in_parts(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Yield records so many together as hold `CHUNK` variants, or a little more."""
    held: list[Record] = []
    size = 0
    for record in records:
        held.append(record)
        size += len(ids_of(record))
        if size >= CHUNK:
            yield held
            held, size = [], 0
    if held:
        yield held
