"""What an edit makes a shop tell by webhook, as WooCommerce was recorded to tell it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from demo.catalogue.records import Product
from demo.storefront.store import Store

CREATED, UPDATED, DELETED, RESTORED = (
    f"product.{event}" for event in ("created", "updated", "deleted", "restored")
)


class Announcement(NamedTuple):
    """A topic and the id of a product or variation; the body is made when it is delivered."""

    topic: str
    product_id: int


Told = list[Announcement]


def announced(store: Store, name: str, details: Mapping[str, Any]) -> Told:
    """Return what the edit `name` will tell, from the shop as it is before the edit.

    Deleting for good, renaming a category and direct SQL tell nothing (recorded).
    """
    told = _TOLD.get(name)
    if told is None:
        return []
    if name == "add_simple":
        return told(store, Product(id=store.next_id(), name="", slug=""))
    product = store.catalogue.products.get(details["product_id"])
    return told(store, product) if product else []


def _created(_store: Store, product: Product) -> Told:
    return [Announcement(CREATED, product.id)]


def _updated(_store: Store, product: Product) -> Told:
    """A variation tells of itself, and its product says nothing."""
    return [Announcement(UPDATED, product.id)]


def _sold(store: Store, product: Product) -> Told:
    """Who counts the stock tells: the product alone where it does so for its variations."""
    holder = store.shown.stock_holder(product)
    return [Announcement(UPDATED, holder.id)] if holder.manages_stock is True else []


def _trashed(store: Store, product: Product) -> Told:
    variations = store.catalogue.variations_of(product)
    told = [Announcement(DELETED, v.id) for v in variations if v.status != "trash"]
    return [*told, Announcement(DELETED, product.id)]


def _untrashed(store: Store, product: Product) -> Told:
    variations = store.catalogue.variations_of(product)
    told = [Announcement(RESTORED, v.id) for v in variations if v.status == "trash"]
    return [*told, Announcement(UPDATED, product.id), Announcement(RESTORED, product.id)]


_TOLD: Final[Mapping[str, Callable[[Store, Product], Told]]] = {
    "edit_price": _updated,
    "edit_sale_price": _updated,
    "sell": _sold,
    "set_stock": _updated,
    "rename": _updated,
    "rename_sku": _updated,
    "set_status": _updated,
    "trash": _trashed,
    "untrash": _untrashed,
    "add_simple": _created,
}
