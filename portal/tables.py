"""What a page shows in rows: columns, cells that may lead somewhere, and a sentence where there is none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Cell:
    """A value; `url` is where it leads, `tone` how it stands out: good, warn, bad or nothing."""

    value: Any
    url: str = ""
    tone: str = ""

    @property
    def is_instant(self) -> bool:
        return isinstance(self.value, datetime)


@dataclass(frozen=True)
class Column:
    name: str
    is_number: bool = False


@dataclass(frozen=True)
class Link:
    text: str
    url: str


@dataclass(frozen=True)
class Table:
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    empty: str
    links: Sequence[Link] = field(default=())

    @property
    def lines(self) -> list[list[tuple[Column, Cell]]]:
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]

    @property
    def slug(self) -> str:
        return "".join(c if c.isalnum() else "-" for c in self.title.lower())


def columns(*names: str, numbers: Iterable[str] = ()) -> list[Column]:
    numbers = set(numbers)
    return [Column(name, name in numbers) for name in names]


def cells(*values: Any) -> list[Cell]:
    return [value if isinstance(value, Cell) else Cell(value) for value in values]
