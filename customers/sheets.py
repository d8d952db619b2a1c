"""Rules as lines of a CSV file: read, resolved to ids in bulk, every fault told with its line."""

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from customers.models import SUBJECTS, Rule, VisibilityRule
from groundwork.instants import InstantRefused, instant

MOST_LINES = 100_000
WHO_WHAT_WHEN = (
    "rule", "customer", "tier", "source", "brand", "category", "product", "sku", "starts_at",
    "ends_at",
)  # fmt: skip

# What names mean, each asked for once a file. A source narrows what a name means in two shops.
_CUSTOMERS = "select slug, id from customers_customer where slug = any(%s)"
_TIERS = "select slug, id from customers_tier where slug = any(%s)"
_SOURCES = "select slug, id from catalog_mirror_source where slug = any(%s)"
_NAMED = {
    "brand": "select slug, source_id, id from catalog_mirror_brand where slug = any(%s)",
    "category": "select slug, source_id, id from catalog_mirror_category where slug = any(%s)",
    "product": "select code, source_id, id from catalog_mirror_product where code = any(%s)",
    "sku": """
        select sku, source_id, id from catalog_mirror_variant
        where sku = any(%s) and retired_at is null
    """,
}
_FIELDS = {"sku": "variant"}  # the column's name where the rule's field is called otherwise


@dataclass(frozen=True)
class Fault:
    """What is wrong with a line; the first line is 1, the header."""

    line: int
    column: str
    reason: str


class Refused(ValueError):
    """A value cannot be meant; `column` says where."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


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
    names = _Names([each for _, each in cells])
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
    trimmed = {name: (value or "").strip() for name, value in cells.items() if name is not None}
    return trimmed | ({"": ",".join(extra)} if extra else {})


def _row(sheet: Sheet, cells: Mapping[str, str], names: "_Names") -> dict[str, Any]:
    if cells.get(""):
        raise Refused("", "The line has more cells than the header.")
    for name, value in cells.items():
        if "\0" in value:
            raise Refused(name, "A cell holds no NUL.")
    window = {name: _instant(cells, name) for name in ("starts_at", "ends_at")}
    starts, ends = window["starts_at"], window["ends_at"]
    if starts and ends and ends <= starts:
        raise Refused("ends_at", "The window ends before it starts.")
    who_and_what = names.resolved(cells)
    return {"rule_uid": _uid(cells), **who_and_what, **window, **sheet.read(cells)}


def _uid(cells: Mapping[str, str]) -> UUID | None:
    try:
        return UUID(cells["rule"]) if cells.get("rule") else None
    except ValueError:
        raise Refused("rule", "This is no rule's id. Leave it empty for a new rule.") from None


def _instant(cells: Mapping[str, str], name: str) -> datetime | None:
    try:
        return instant(cells[name]) if cells.get(name) else None
    except InstantRefused as refused:
        raise Refused(name, str(refused)) from None


class _Names:
    """The ids of everything that a file names."""

    def __init__(self, cells: list[dict[str, str]]) -> None:
        self._customers = _pairs(_CUSTOMERS, _values(cells, "customer"))
        self._tiers = _pairs(_TIERS, _values(cells, "tier"))
        self._sources = _pairs(_SOURCES, _values(cells, "source"))
        self._named: dict[str, dict[str, list[tuple[int, int]]]] = {}
        for kind, sql in _NAMED.items():
            found: dict[str, list[tuple[int, int]]] = {}
            for name, source, pk in _fetched(sql, _values(cells, kind)):
                found.setdefault(name, []).append((source, pk))
            self._named[kind] = found

    def resolved(self, cells: Mapping[str, str]) -> dict[str, int | None]:
        """Return the ids of who and what a line names; raise `Refused`."""
        ids: dict[str, int | None] = {f"{n}_id": None for n in ("customer", "tier", *SUBJECTS)}
        for who, known in (("customer", self._customers), ("tier", self._tiers)):
            if cells.get(who):
                ids[f"{who}_id"] = _known(known, cells[who], who)
        if ids["customer_id"] and ids["tier_id"]:
            raise Refused("tier", "Name a customer or a tier, not both; neither means everyone.")
        source = _known(self._sources, cells["source"], "source") if cells.get("source") else None
        named = [kind for kind in _NAMED if cells.get(kind)]
        if len(named) > 1:
            raise Refused(named[1], f"Name one thing; {named[0]} is named already.")
        if named:
            kind = named[0]
            ids[f"{_FIELDS.get(kind, kind)}_id"] = self._only(kind, cells[kind], source)
        else:
            ids["source_id"] = source
        return ids

    def _only(self, kind: str, name: str, source: int | None) -> int:
        found = self._named[kind].get(name, [])
        if not found:
            raise Refused(kind, f"There is no {kind} {name!r}.")
        here = [pk for of, pk in found if source in (None, of)]
        if not here:
            raise Refused(kind, f"{name!r} is of another source than the one named.")
        if len(here) > 1:
            raise Refused(kind, f"{name!r} means {len(here)} things. Name its source too.")
        return here[0]


def _known(known: Mapping[str, int], name: str, column: str) -> int:
    if name not in known:
        raise Refused(column, f"There is no {column} {name!r}.")
    return known[name]


def _values(cells: list[dict[str, str]], name: str) -> list[str]:
    return sorted({each[name] for each in cells if each.get(name) and "\0" not in each[name]})


def _fetched(sql: str, values: list[str]) -> list[tuple[Any, ...]]:
    if not values:
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql, [values])
        return list(cursor.fetchall())


def _pairs(sql: str, values: list[str]) -> dict[str, int]:
    return dict(_fetched(sql, values))


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
