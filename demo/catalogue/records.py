"""The records of a shop, as its database would hold them; bodies are derived elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

# No wall clock in the catalogue: sale windows are judged as of this moment, also by the storefront.
AS_OF = datetime(2026, 7, 1, 12, tzinfo=UTC)

StockManager = bool | Literal["parent"]


@dataclass(slots=True)
class Term:
    """A category or a brand; `name` as stored, so with `&` as an entity."""

    id: int
    name: str
    slug: str
    parent_id: int = 0


@dataclass(frozen=True, slots=True)
class Image:
    id: int
    file: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a product; id 0 when it belongs to that product alone."""

    id: int
    name: str
    slug: str
    options: tuple[str, ...]
    makes_variations: bool = False


@dataclass(frozen=True, slots=True)
class Meta:
    id: int
    key: str
    value: str


@dataclass(slots=True)
class Product:
    """A product or, with type `variation`, one variation of `parent_id`."""

    id: int
    name: str
    slug: str
    sku: str = ""
    created_at: datetime | None = AS_OF
    modified_at: datetime | None = AS_OF
    type: str = "simple"
    status: str = "publish"
    status_before_trash: str = ""
    parent_id: int = 0
    regular_price: str = ""
    sale_price: str = ""
    stored_price: str | None = None  # what `price` says where it disagrees with the other two
    sale_from_at: datetime | None = None
    sale_to_at: datetime | None = None
    manages_stock: StockManager = False
    stock_quantity: int | None = None
    stock_status: str = "instock"
    backorders: str = "no"
    description: str = ""
    short_description: str = ""
    visibility: str = "visible"
    password: str = ""
    gtin: str = ""
    weight: str = ""
    dimensions: tuple[str, str, str] = ("", "", "")
    tax_status: str = "taxable"
    tax_class: str = ""
    total_sales: int = 0
    menu_order: int = 0
    external_url: str = ""
    button_text: str = ""
    is_featured: bool = False
    category_ids: tuple[int, ...] = ()
    brand_ids: tuple[int, ...] = ()
    image_ids: tuple[int, ...] = ()
    related_ids: tuple[int, ...] = ()
    grouped_ids: tuple[int, ...] = ()
    variation_ids: tuple[int, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    options: tuple[tuple[Attribute, str], ...] = ()  # of a variation; "any" has no entry
    meta: tuple[Meta, ...] = ()

    @property
    def is_variation(self) -> bool:
        return self.type == "variation"

    @property
    def is_sellable(self) -> bool:
        """Whether it counts as one of the shop's SKUs: orderable by itself, outside the trash."""
        return self.type in {"simple", "variation"} and self.status != "trash"


@dataclass(slots=True)
class Catalogue:
    """Everything a shop holds; `odd` names the record made for each kind of oddity."""

    products: dict[int, Product] = field(default_factory=dict)
    categories: dict[int, Term] = field(default_factory=dict)
    brands: dict[int, Term] = field(default_factory=dict)
    images: dict[int, Image] = field(default_factory=dict)
    odd: dict[str, int] = field(default_factory=dict)

    def variations_of(self, product: Product) -> Iterator[Product]:
        """Yield the variations that still exist, trashed ones too."""
        return (self.products[i] for i in product.variation_ids if i in self.products)

    def sellable(self) -> int:
        return sum(product.is_sellable for product in self.products.values())
