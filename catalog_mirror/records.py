"""What a connector hands to the mirror: a shop's record in the mirror's own words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Literal

# What Postgres or UTF-8 cannot hold: NUL, and the halves of surrogate pairs that JSON may carry.
UNWRITABLE = re.compile("[\0\ud800-\udfff]")

StockStatus = Literal["in_stock", "out_of_stock", "on_backorder"]


@dataclass(frozen=True, kw_only=True)
class BrandRecord:
    external_id: str
    slug: str
    name: str


@dataclass(frozen=True, kw_only=True)
class CategoryRecord:
    external_id: str
    parent_external_id: str | None
    slug: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Image:
    url: str
    alt: str


@dataclass(frozen=True, kw_only=True)
class Weight:
    value: str
    unit: str


@dataclass(frozen=True, kw_only=True)
class Dimensions:
    length: str
    width: str
    height: str
    unit: str


@dataclass(frozen=True, kw_only=True)
class Content:
    """The content facet: what a variant is, and whether its shop shows it."""

    sku: str
    is_published: bool
    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    images: tuple[Image, ...] = ()
    gtin: str | None = None
    weight: Weight | None = None
    dimensions: Dimensions | None = None


@dataclass(frozen=True, kw_only=True)
class Price:
    """The price facet, in the source's currency; None where the shop states none."""

    list_price: Decimal | None
    sale_price: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class StockAt:
    """Units at one location; `on_hand` is None where the shop does not count them."""

    on_hand: int | None
    reserved: int = 0
    incoming: int = 0
    location: str = "default"


@dataclass(frozen=True, kw_only=True)
class Stock:
    """The stock facet, with the status the shop itself gives it.

    `is_shared` says that other variants draw on the same units; it is no part of what is mirrored.
    """

    status: StockStatus
    levels: tuple[StockAt, ...]
    is_shared: bool = False

    @cached_property
    def on_hand(self) -> int | None:
        counted = [level.on_hand for level in self.levels if level.on_hand is not None]
        return sum(counted) if counted else None

    @property
    def available(self) -> int | None:
        """Units that can be sold: on hand less reserved, never below zero."""
        if self.on_hand is None:
            return None
        return max(0, self.on_hand - sum(level.reserved for level in self.levels))


@dataclass(frozen=True, kw_only=True)
class VariantRecord:
    """A sellable unit; a facet that was not read is None and stays as it is."""

    external_id: str
    content: Content | None
    price: Price | None
    stock: Stock | None


@dataclass(frozen=True, kw_only=True)
class ProductRecord:
    """A style and what its variants share; a simple product has one variant."""

    external_id: str
    code: str
    name: str
    url: str
    brand: BrandRecord | None
    category_external_ids: tuple[str, ...]
    variants: tuple[VariantRecord, ...]


@dataclass(frozen=True, kw_only=True)
class Unmirrorable:
    """A record that no variant can be made of, and why: a stable code and a sentence."""

    external_id: str
    product_external_id: str
    sku: str
    reason: str
    detail: str
