"""What one sweep found, counted by variant."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from catalog_mirror.differences import Difference
from catalog_mirror.mirror import Applied
from sync.connectors import Record, ids_of

SHOWN = 20  # differences kept for a person to read


@dataclass(kw_only=True)
class SweepResult:
    """Counts are of variants; `fields` counts differences by facet and field."""

    source: str
    seen: int = 0
    unchanged: int = 0
    created: int = 0
    changed: int = 0
    retired: int = 0
    quarantined: int = 0
    requests: int = 0
    revisions: int = 0
    seconds: float = 0.0
    fields: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)


@dataclass
class Tally:
    seen: set[str] = field(default_factory=set)
    created: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    retired: set[str] = field(default_factory=set)
    # External id of what is quarantined -> why, and the SKU.
    quarantined: dict[str, tuple[str, str]] = field(default_factory=dict)
    fields: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    def add(self, records: Iterable[Record], applied: Applied) -> None:
        ids = {each for record in records for each in ids_of(record)}
        self.seen |= ids
        for each in ids - applied.unread_holders.keys():
            self.quarantined.pop(each, None)
        for refused in applied.quarantined:
            self.quarantined[refused.external_id] = (refused.reason, refused.sku)
        for difference in applied.differences:
            new = difference.field == "created"
            (self.created if new else self.changed).add(difference.external_id)
        self._note(applied.differences)

    def add_retired(self, retirements: list[Difference]) -> None:
        self.retired |= {each.external_id for each in retirements}
        self._note(retirements)

    def _note(self, differences: list[Difference]) -> None:
        self.fields.update(f"{each.facet}.{each.field}" for each in differences)
        self.differences += differences[: SHOWN - len(self.differences)]

    def result(self, source: str) -> SweepResult:
        changed = self.changed - self.created
        told = self.created | changed | self.quarantined.keys()
        return SweepResult(
            source=source,
            seen=len(self.seen),
            unchanged=len(self.seen - told),
            created=len(self.created),
            changed=len(changed),
            retired=len(self.retired),
            quarantined=len(self.quarantined),
            fields=dict(self.fields.most_common()),
            differences=self.differences,
        )
