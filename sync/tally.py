"""What one sweep found, counted by variant."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from catalog_mirror.brake import Held
from catalog_mirror.differences import Difference
from catalog_mirror.mirror import Applied
from sync.connectors import Record, ids_of

SHOWN = 20  # differences kept for a person to read
# What a run counts, as its row has it.
COUNTS = (
    "seen", "unchanged", "created", "changed", "retired", "quarantined", "held", "requests",
    "revisions",
)  # fmt: skip


def _leaves(difference: Difference) -> bool:
    """Tell whether a variant leaves the published set by it, if it was in it."""
    if difference.field == "retired":
        return bool(difference.source_value)
    return difference.field == "is_published" and not difference.source_value


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
    held: int = 0
    requests: int = 0
    revisions: int = 0
    seconds: float = 0.0
    fields: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    corrections: list["Correction"] = field(default_factory=list)
    causes: dict[str, int] = field(default_factory=dict)
    # The sources whose brake holds something back that this reading wants.
    brakes: list[str] = field(default_factory=list)

    def add(self, other: "SweepResult") -> None:
        """Count in what the same run found before it was ended early."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, kw_only=True)
class Correction:
    """One field that a sweep corrected, and why it had drifted, where that is known."""

    sku: str
    external_id: str
    facet: str
    field: str
    mirror_value: Any
    source_value: Any
    cause: str


@dataclass
class Tally:
    seen: set[str] = field(default_factory=set)
    created: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    retired: set[str] = field(default_factory=set)
    # External id of what is quarantined -> why, and the SKU.
    quarantined: dict[str, tuple[str, str]] = field(default_factory=dict)
    # What the brake holds back, by external id and its source's slug.
    held: dict[tuple[str, str], Held] = field(default_factory=dict)
    # Who is retired or unpublished; of a dry run, which knows no brake.
    leaving: set[str] = field(default_factory=set)
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
        self._hold(ids, applied)
        self._note(applied.differences)

    def add_retired(self, applied: Applied) -> None:
        self.retired |= {each.external_id for each in applied.differences}
        self._hold(self.retired, applied)
        self._note(applied.differences)

    def _hold(self, settled: Iterable[str], applied: Applied) -> None:
        """Forget what was held of records that are settled now, and of holders that are displaced."""
        gone = {*settled, *(each.external_id for each in applied.differences)}
        self.held = {name: each for name, each in self.held.items() if name[1] not in gone}
        self.held |= {(each.source_slug, each.external_id): each for each in applied.held}

    def _note(self, differences: list[Difference]) -> None:
        self.fields.update(f"{each.facet}.{each.field}" for each in differences)
        self.leaving |= {each.external_id for each in differences if _leaves(each)}
        self.differences += differences[: SHOWN - len(self.differences)]

    def result(self, source: str, *, but: Collection[str] = ()) -> SweepResult:
        """Return the counts, without those records that are still to be read again."""
        changed = self.changed - self.created
        refused = self.quarantined.keys() - set(but)
        seen = self.seen.difference(but)
        told = self.created | changed | refused | {i for _, i in self.held}
        return SweepResult(
            source=source,
            seen=len(seen),
            unchanged=len(seen - told),
            created=len(self.created),
            changed=len(changed),
            retired=len(self.retired),
            quarantined=len(refused),
            held=len(self.held),
            brakes=sorted(
                {each.source_slug for each in self.held.values() if each.change != "waiting"}
            ),
            fields=dict(self.fields.most_common()),
            differences=self.differences,
        )
