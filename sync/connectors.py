"""What every connector offers: a shop's records in the mirror's words, read and never written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, Protocol

from catalog_mirror.records import CategoryRecord, ProductRecord, Unmirrorable
from sync.http import Turns

Record = ProductRecord | Unmirrorable
Position = dict[str, Any]
Clock = Callable[[], datetime]  # the database's, which dates what is read


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


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a shop is reached: its address, what opens it, and what its kind wants to know besides."""

    base_url: str
    key: Mapping[str, str]
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A shop as it was found before it is kept; `remarks` are sentences for a person."""

    name: str
    currency: str
    time_zone: str
    prices_include_tax: bool
    what: str  # such as "WooCommerce 9.9.5, 12 products in 3 categories"
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One part of a shop's key, as a person knows it; it comes by its flag, or SOURCE_<FLAG>."""

    name: str
    prompt: str
    flag: Literal["key", "secret", "token", "token_secret"]
    is_secret: bool = False
    is_optional: bool = False


@dataclass(frozen=True)
class Explained:
    """How a shop is understood, line by line, and what is wrong with that, each a sentence."""

    lines: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class WrongSettings(Exception):
    """What a person said of a shop is of no use to its kind; the message says what is."""


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
    the shop does not say which, it is `either`. `all` wants the whole shop swept before long.
    """

    what: Literal["family", "variant", "either", "all"]
    external_id: str = ""
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


class Polled(Protocol):
    """What a connector offers besides where its shops tell nothing by themselves."""

    def changed(self, after: Position | None) -> tuple[list[str], Position]:
        """Return the ids of what was edited since a position, and the next position; None starts."""
        ...

    def stock(self) -> Iterator[Batch]:
        """Read the stock of everything, and nothing else of it."""
        ...


class Kind(Protocol):
    """One kind of shop: how it is added, read and heard. A kind is one of these and the suite."""

    @property
    def asks(self) -> Sequence[Asked]: ...

    @property
    def signing(self) -> Literal["ours", "theirs", "none"]:
        """Whose secret signs webhooks: one that is made here, the shop's own, or nobody's."""
        ...

    @property
    def can_check(self) -> bool:
        """Whether the shop can be asked for its webhooks."""
        ...

    @property
    def polls(self) -> Mapping[str, timedelta]:
        """How often a `Polled` connector is asked for what."""
        ...

    def address(self, text: str) -> str:
        """Return the address as it is kept; raise `WrongSettings`."""
        ...

    def settings(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is kept of what a person said; raise `WrongSettings`."""
        ...

    def connector(self, way: Way, *, turns: Turns, clock: Clock) -> Connector: ...

    def look_at(self, way: Way, *, turns: Turns) -> Found:
        """Read what a source needs to know of its shop; raise `ShopError`."""
        ...

    def explain(self, way: Way, *, turns: Turns) -> Explained:
        """Show how the shop is understood, where that is a person's say; raise `ShopError`."""
        ...

    def dialect(self, settings: Mapping[str, Any]) -> Dialect: ...

    def lines_to_paste(self, url: str, *, secret: str, settings: Mapping[str, Any]) -> list[str]:
        """Return what the shop's owner does so that it tells `url` of changes; we never write there."""
        ...


def ids_of(record: Record) -> list[str]:
    """Return the external ids of the variants that a record speaks of."""
    if isinstance(record, Unmirrorable):
        return [record.external_id]
    return [variant.external_id for variant in record.variants]
