"""Rules as lines of a CSV file: read, resolved to ids in bulk, every fault told with its line."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from customers.cells import unguarded
from customers.models import SUBJECTS, Rule, VisibilityRule
from customers.names import Names, Refused
from groundwork.instants import InstantRefused, instant

MOST_LINES = 100_000
WHO_WHAT_WHEN = (
    "rule", "customer", "tier", "source", "brand", "category", "product", "sku", "starts_at",
    "ends_at",
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """What is wrong with a line; the first line is 1, the header."""

    line: int
    column: str
    reason: str


@dataclass(frozen=True)
class Sheet:
    """A kind of rule as a file holds it.

    `read` makes columns of the table of a line's own cells. `key` are the columns by which a line
    finds its rule, beside who, what and when; `content` those that it may change.
    """

    model: type[Rule]
    cells: tuple[str, ...]
    read: Callable[[Mapping[str, str]], dict[str, Any]]
    key: tuple[str, ...]
    content: tuple[str, ...]

    @property
    def name(self) -> str:
        """What rules of this kind are called in audit entries and kept files."""
        return str(self.model._meta.model_name)  # noqa: SLF001 - Django's name for it

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a file."""
        return (*WHO_WHAT_WHEN, *self.cells)

    @property
    def stored(self) -> tuple[str, ...]:
        """The columns of the table that a line sets."""
        ids = tuple(f"{name}_id" for name in ("customer", "tier", *SUBJECTS))
        return (*ids, "starts_at", "ends_at", *dict.fromkeys((*self.key, *self.content)))


@dataclass
class Lines:
    """What a file came to: rows for the table, and faults."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def lines_in(text: str) -> Iterable[str]:
    """Return the lines of a file, cut at line ends only: a cell may hold other separators."""
    return io.StringIO(text, newline="")


def lines_of(sheet: Sheet, text: Iterable[str]) -> Lines:
    """Read a file with a header; a file that is no such sheet has one fault in line 1."""
    found = Lines()
    reader = csv.DictReader(text, strict=True)
    try:
        given = [(reader.line_num, cells) for cells in reader]
        fault = _header_fault(sheet, reader.fieldnames or [], len(given))
    except csv.Error as error:
        fault = Fault(reader.line_num + 1, "", f"This is no CSV: {error}.")
    if fault:
        found.faults.append(fault)
        return found
    cells = [(line, _trimmed(each)) for line, each in given]
    rules = [uid for _, each in cells if (uid := _uid_or_none(each))]
    names = Names([each for _, each in cells], rules, sheet.model._meta.db_table)  # noqa: SLF001
    for line, each in cells:
        try:
            found.rows.append({"line": line, **_row(sheet, each, names)})
        except Refused as refused:
            found.faults.append(Fault(line, refused.column, refused.reason))
    found.faults += _repeated(sheet, found.rows)
    return found


def _header_fault(sheet: Sheet, header: Iterable[str], lines: int) -> Fault | None:
    names = list(header)
    if unknown := [name for name in names if name not in sheet.columns]:
        known = ", ".join(sheet.columns)
        return Fault(1, unknown[0], f"There is no column {unknown[0]!r}. Known are {known}.")
    if len(names) != len(set(names)) or not names:
        return Fault(1, "", "The first line names each column once.")
    if lines > MOST_LINES:
        return Fault(1, "", f"A file has at most {MOST_LINES} lines. Split it.")
    return None


def _trimmed(cells: Mapping[Any, Any]) -> dict[str, str]:
    """Return the cells without blanks around them; what stands beyond the header is kept as a fault."""
    extra = cells.get(None)
    given = ((name, value or "") for name, value in cells.items() if name is not None)
    trimmed = {name: unguarded(value.strip()) for name, value in given}
    return trimmed | ({"": ",".join(extra)} if extra else {})


def _row(sheet: Sheet, cells: Mapping[str, str], names: Names) -> dict[str, Any]:
    if cells.get(""):
        raise Refused("", "The line has more cells than the header.")
    for name, value in cells.items():
        if "\0" in value:
            raise Refused(name, "A cell holds no NUL.")
    window = {name: _instant(cells, name) for name in ("starts_at", "ends_at")}
    starts, ends = window["starts_at"], window["ends_at"]
    if starts and ends and ends <= starts:
        raise Refused("ends_at", "The window ends before it starts.")
    rule_uid = _uid(cells)
    who_and_what = names.resolved(cells, rule_uid)
    return {"rule_uid": rule_uid, **who_and_what, **window, **sheet.read(cells)}


def _uid(cells: Mapping[str, str]) -> UUID | None:
    found = _uid_or_none(cells)
    if found is None and cells.get("rule"):
        raise Refused("rule", "This is no rule's id. Leave it empty for a new rule.")
    return found


def _uid_or_none(cells: Mapping[str, str]) -> UUID | None:
    try:
        return UUID(cells["rule"]) if cells.get("rule") else None
    except ValueError:
        return None


def _instant(cells: Mapping[str, str], name: str) -> datetime | None:
    try:
        return instant(cells[name]) if cells.get(name) else None
    except InstantRefused as refused:
        raise Refused(name, str(refused)) from None


def _repeated(sheet: Sheet, rows: list[dict[str, Any]]) -> list[Fault]:
    """Return a fault for each line that says the same as one before it."""
    seen: dict[tuple[Any, ...], int] = {}
    faults = []
    content = set(sheet.content) - set(sheet.key)
    key_columns = [name for name in sheet.stored if name not in content]
    for row in rows:
        for key in (("", *(row[name] for name in key_columns)), ("uid", row["rule_uid"])):
            if key == ("uid", None):
                continue
            first = seen.setdefault(key, row["line"])
            if first != row["line"]:
                faults.append(Fault(row["line"], "", f"Line {first} is the same rule already."))
                break
    return faults


def _effect(cells: Mapping[str, str]) -> dict[str, Any]:
    effect = cells.get("effect", "")
    if effect not in VisibilityRule.Effect.values:
        raise Refused("effect", "Write allow or deny.")
    return {"effect": effect}


VISIBILITY = Sheet(
    model=VisibilityRule, cells=("effect",), read=_effect, key=("effect",), content=()
)
