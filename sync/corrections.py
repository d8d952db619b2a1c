"""The only writer of drift corrections: what a sweep corrected, field by field, and why it had drifted."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connection
from django.db.models import Count

from catalog_mirror.differences import Difference
from catalog_mirror.mirror import Note
from catalog_mirror.models import Source
from catalog_mirror.records import ProductRecord
from sync.connectors import Record
from sync.models import Connection, DriftCorrection, SweepRun
from sync.tally import Correction

LONGEST_VALUE = 1000  # characters of JSON that are kept of a value; descriptions run to a megabyte
MOST_SHOWN = 1000  # corrections in a run's report; the staff site lists all
AT_ONCE = 10_000  # rows forgotten in one statement
# A source that was not swept for longer was not looked after: a night was missed.
LONGEST_GAP = timedelta(hours=36)

# One statement: it runs while all other writers wait.
_INSERT = """
    insert into sync_driftcorrection (run_id, revision, corrected_at, source, sku, external_id,
        facet, field, mirror_value, source_value, cause)
    select %(run)s, %(revision)s, clock_timestamp(), %(source)s, sku, external_id,
        facet, field, mirror_value, source_value, cause
    from json_to_recordset(%(rows)s) as n (sku text, external_id text, facet text, field text,
        mirror_value jsonb, source_value jsonb, cause text)
"""


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What is known of the time since the last complete sweep.

    `hears`: the shop's webhooks were all active when it was last asked. `was_down`: it could not be
    read, or was not swept for longer than a day and a half.
    """

    is_first: bool
    hears: bool
    was_down: bool


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """The corrections of one run."""

    run: SweepRun
    circumstances: Circumstances

    def of_records(self, source: Source, records: Sequence[Record]) -> Note:
        """Return what notes the corrections that these records make."""
        shared = {
            variant.external_id
            for record in records
            if isinstance(record, ProductRecord)
            for variant in record.variants
            if variant.stock and variant.stock.is_shared
        }

        def note(differences: Sequence[Difference], revision: int) -> None:
            self._write(
                source,
                [(each, self._cause(each, shared)) for each in differences],
                revision=revision,
            )

        return note

    def of_retirement(self, source: Source, *, deleted: Collection[str]) -> Note:
        """Return what notes retirements; `deleted` are gone for good, which no webhook tells."""

        def note(differences: Sequence[Difference], revision: int) -> None:
            causes = [
                "no_event" if d.external_id in deleted else "retired_at_source" for d in differences
            ]
            self._write(source, list(zip(differences, causes, strict=True)), revision=revision)

        return note

    def _cause(self, difference: Difference, shared: Collection[str]) -> str:
        return cause_of(difference, self.circumstances, is_shared=difference.external_id in shared)

    def _write(
        self, source: Source, found: Sequence[tuple[Difference, str]], *, revision: int
    ) -> None:
        rows = [
            {
                "sku": each.sku,
                "external_id": each.external_id,
                "facet": each.facet,
                "field": each.field,
                "mirror_value": bounded(each.mirror_value),
                "source_value": bounded(each.source_value),
                "cause": cause,
            }
            for each, cause in found
            # What a first reading creates had not drifted.
            if not (self.circumstances.is_first and each.field == "created")
        ]
        if not rows:
            return
        params: dict[str, Any] = {
            "run": self.run.pk,
            "revision": revision,
            "source": source.slug,
            "rows": orjson.dumps(rows).decode(),
        }
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, params)


def cause_of(difference: Difference, known: Circumstances, *, is_shared: bool) -> str:
    """Return why the mirror had not followed, or "" where that is not known.

    `no_event`: WooCommerce sends none for this kind of change (recorded): stock that a product manages
    for its variations, and a category's new name. `displaced`: another record took its SKU.
    `edit_while_down` is likely, not certain, where the source was stale. `missed_webhook` stands for
    everything else while webhooks are active; an event that is still on its way looks the same.
    """
    if difference.field == "retired" and difference.source_value:
        return "displaced"
    if (difference.facet == "stock" and is_shared) or _is_rename(difference):
        return "no_event"
    if known.was_down:
        return "edit_while_down"
    return "missed_webhook" if known.hears else ""


def _is_rename(difference: Difference) -> bool:
    """Tell whether the same categories are only called otherwise."""
    before, after = difference.mirror_value, difference.source_value
    if difference.field != "categories" or not before or not after:
        return False
    return [each["slug"] for each in before] == [each["slug"] for each in after]


def bounded(value: Any) -> Any:
    """Return a value as JSON has it; of one that is too long, its beginning as a text."""
    text = orjson.dumps(value, default=str)
    if len(text) <= LONGEST_VALUE:
        return orjson.loads(text)
    plain = value if isinstance(value, str) else text.decode()
    return f"{plain[:LONGEST_VALUE]}…"


def circumstances_of(source: Source, *, since: datetime) -> Circumstances:
    """Return what is known at the start of a sweep of the time before it."""
    row = Connection.objects.filter(source=source).first()
    last = row.last_complete_sweep_at if row else None
    return Circumstances(
        is_first=last is None,
        hears=row is not None and not row.webhooks_problem,
        was_down=row is not None
        and (row.stale_since is not None or (last is not None and since - last > LONGEST_GAP)),
    )


def shown(run: SweepRun) -> list[Correction]:
    """Return the first corrections of a run, for its report."""
    names = [each.name for each in fields(Correction)]
    rows = DriftCorrection.objects.filter(run=run).order_by("pk").values(*names)
    return [Correction(**row) for row in rows[:MOST_SHOWN]]


def causes(run: SweepRun) -> dict[str, int]:
    """Return how many corrections of a run have each cause; "" is not known."""
    rows = DriftCorrection.objects.filter(run=run).values_list("cause").annotate(count=Count("pk"))
    return dict(rows.order_by("-count", "cause"))


def forget_older(than: datetime) -> int:
    """Delete what was corrected before; some thousands at once, so that no one waits for long."""
    forgotten = 0
    while some := list(
        DriftCorrection.objects.filter(corrected_at__lt=than).values_list("pk", flat=True)[:AT_ONCE]
    ):
        forgotten += DriftCorrection.objects.filter(pk__in=some).delete()[0]
    return forgotten
