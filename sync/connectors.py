"""What every connector offers: a shop's records in the mirror's words, read and never written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

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

    @property
    def together(self) -> int:
        """How many products are best read by one `fetch`: more only where it saves requests."""
        ...

    def categories(self) -> list[CategoryRecord]: ...

    def everything(self, after: Position | None = None) -> Iterator[Batch]:
        """Read every record, or what comes after a position; what was read before may be repeated.

        The first batch raises `EmptyShop` where the shop lists nothing.
        """
        ...

    def fetch(self, names: Sequence[Named], *, families: Sequence[str] = ()) -> Fetched:
        """Read the named variants again, and the products `families` with all variants they have."""
        ...

    def webhook_problems(self, url: str) -> list[str] | None:
        """Return what the shop's webhooks lack to tell `url` of every change; None: it has none."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What a shop sent by itself, as far as it is kept; `headers` are those that a person may want."""

    topic: str
    delivery_id: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hint:
    """What a delivery tells to read again.

    A `family` is a product with all its variants, a `variant` is one of the product `parent_id`; where
    the shop does not say which, it is `either`.
    """

    what: Literal["family", "variant", "either"]
    external_id: str
    parent_id: str = ""


class MakesNoSense(Exception):
    """A delivery that is signed and tells nothing that could be followed; the message says why."""


class Dialect(Protocol):
    """How the shops of one kind speak by themselves; pure."""

    def is_ping(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Tell whether this is the unsigned call by which a shop tries an address."""
        ...

    def is_signed(
        self, headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str]
    ) -> bool: ...

    def has_signature(self, headers: Mapping[str, str]) -> bool: ...

    def delivery(self, headers: Mapping[str, str], body: bytes) -> Delivery: ...

    def hint(self, topic: str, body: bytes) -> Hint | None:
        """Return what to read again, None for nothing of the catalogue; raise `MakesNoSense`."""
        ...


def ids_of(record: Record) -> list[str]:
    """Return the external ids of the variants that a record speaks of."""
    if isinstance(record, Unmirrorable):
        return [record.external_id]
    return [variant.external_id for variant in record.variants]
