"""Hands what one sweep or webhook led to read to the mirror, and keeps count of what came of it."""

from collections.abc import Sequence
from datetime import datetime

from catalog_mirror import mirror, taxonomy
from catalog_mirror.conflicts import Claim
from catalog_mirror.differences import retirement
from catalog_mirror.models import Source, Variant
from catalog_mirror.records import CategoryRecord, ProductRecord
from catalog_mirror.taxonomy import Tree
from sync.connectors import Named, Record
from sync.tally import Tally

SWEEP, WEBHOOK = "sweep", "webhook"  # what revisions name as their origin


class Writing:
    """One sweep's writing. `unread` are claims to a SKU whose holder is to be read again."""

    def __init__(self, source: Source, *, dry_run: bool, origin: str = SWEEP) -> None:
        self.source = source
        self.origin = origin
        self.dry_run = dry_run
        self.tally = Tally()
        self.unread: dict[Named, Claim] = {}
        self.retry: dict[str, Named] = {}
        self._foreseen: Tree | None = None

    def apply_categories(self, records: list[CategoryRecord]) -> None:
        if self.dry_run:
            self._foreseen = taxonomy.foreseen(self.source, records)
        else:
            taxonomy.apply_categories(self.source, records, origin=self.origin)

    def apply(self, records: Sequence[Record], *, observed_at: datetime) -> None:
        if not records:
            return
        applied = mirror.apply(
            self.source,
            records,
            observed_at=observed_at,
            origin=self.origin,
            dry_run=self.dry_run,
            foreseen=self._foreseen,
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

    def retire(self, external_ids: Sequence[str], *, observed_at: datetime) -> None:
        if not external_ids:
            return
        if self.dry_run:
            live = Variant.objects.filter(
                source=self.source, retired_at=None, external_id__in=external_ids
            )
            gone = [retirement(*row) for row in live.values_list("sku", "external_id")]
        else:
            gone = mirror.retire(
                self.source, external_ids, observed_at=observed_at, origin=self.origin
            )
        self.tally.add_retired(gone)


def _names(records: Sequence[Record]) -> list[Named]:
    return [
        Named(record.external_id, variant.external_id)
        for record in records
        if isinstance(record, ProductRecord)
        for variant in record.variants
    ]
