"""What every connector offers: a shop's records in the mirror's words, read and never written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from catalog_mirror.records import CategoryRecord, ProductRecord, Unmirrorable

Record = ProductRecord | Unmirrorable
Position = dict[str, Any]


class Named(NamedTuple):
    """A variant by the ids of its shop."""

    product_external_id: str
    external_id: str


@dataclass(frozen=True)
class Batch:
    """Records, and the database's clock before the first request that read them.

    `position` is where the reading goes on after them, in JSON that only its connector understands.
    """

    observed_at: datetime
    records: list[Record]
    position: Position


@dataclass
class Fetched:
    """What became of named variants: `gone` are those that the shop itself says it has not.

    Of these `deleted` are gone for good, the others in the trash or the like.
    """

    records: list[Record] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)


class EmptyShop(Exception):
    """A shop that was full lists nothing; it is taken for a fault, not for an empty catalogue."""


class Connector(Protocol):
    """One connection to one shop."""

    @property
    def requests(self) -> int: ...

    def categories(self) -> list[CategoryRecord]: ...

    def everything(self, after: Position | None = None) -> Iterator[Batch]:
        """Read every record, or what comes after a position; what was read before may be repeated.

        The first batch raises `EmptyShop` where the shop lists nothing.
        """
        ...

    def fetch(self, names: Sequence[Named]) -> Fetched:
        """Read the named variants again."""
        ...

    def webhook_problems(self, url: str) -> list[str] | None:
        """Return what the shop's webhooks lack to tell `url` of every change; None: it has none."""
        ...

    def close(self) -> None: ...


def ids_of(record: Record) -> list[str]:
    """Return the external ids of the variants that a record speaks of."""
    if isinstance(record, Unmirrorable):
        return [record.external_id]
    return [variant.external_id for variant in record.variants]
