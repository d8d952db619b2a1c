"""What an edit does to the records, dates included, as WooCommerce was recorded to do it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from demo.catalogue.bench import UNCATEGORIZED, slug_of
from demo.catalogue.records import Product
from demo.storefront.store import Store

TRASHED = "__trashed"


class EditRefusedError(Exception):
    """The shop does not take the edit; its message is for the person at the page."""


def edit_price(store: Store, at: datetime, *, product_id: int, price: str) -> None:
    """Set the regular price; "" for none. A variable product has no price of its own."""
    product = _existing(store, product_id)
    if product.type in {"variable", "grouped"}:
        raise EditRefusedError("This product has no price of its own.")
    if price:
        _number(price)
    product.regular_price, product.stored_price = price, None
    _touch(store, product, at)


def edit_sale_price(store: Store, at: datetime, *, product_id: int, price: str) -> None:
    """Set a sale price that holds at once; "" ends the sale."""
    product = _existing(store, product_id)
    if price and _number(price) >= _number(product.regular_price or "0"):
        raise EditRefusedError("A sale price is below the regular price.")
    product.sale_price, product.stored_price = price, None
    product.sale_from_at = product.sale_to_at = None
    _touch(store, product, at)


def sell(store: Store, at: datetime, *, product_id: int, quantity: int = 1) -> None:
    """Sell units. Stock and date move at who manages the stock: the parent alone, if it does."""
    product = _existing(store, product_id)
    parent = store.catalogue.products.get(product.parent_id)
    holder = parent if product.manages_stock == "parent" and parent else product
    left = (holder.stock_quantity or 0) - quantity
    if holder.manages_stock is True and left < 0 and holder.backorders == "no":
        raise EditRefusedError("Not that many in stock.")
    for record in (product, parent):
        if record:
            record.total_sales += quantity
            store.forget(record)
    if holder.manages_stock is True:
        _put_stock(holder, left)
        _touch(store, holder, at)


def set_stock(store: Store, at: datetime, *, product_id: int, quantity: int) -> None:
    """Manage the record's own stock and set it."""
    product = _existing(store, product_id)
    product.manages_stock = True
    _put_stock(product, quantity)
    _touch(store, product, at)


def rename(store: Store, at: datetime, *, product_id: int, name: str) -> None:
    product = _existing(store, product_id)
    product.name = name or "Product"  # what an empty name reads as (recorded)
    _touch(store, product, at)


def rename_sku(store: Store, at: datetime, *, product_id: int, sku: str) -> None:
    product = _existing(store, product_id)
    taken = (p.sku.casefold() for p in store.catalogue.products.values() if p is not product)
    if sku and sku.casefold() in taken:
        raise EditRefusedError("Invalid or duplicated SKU.")
    product.sku = sku
    _touch(store, product, at)


def set_status(store: Store, at: datetime, *, product_id: int, status: str) -> None:
    product = _existing(store, product_id)
    if product.status == "trash":
        raise EditRefusedError("Take it out of the trash first.")
    product.status = status
    _touch(store, product, at)


def trash(store: Store, at: datetime, *, product_id: int) -> None:
    """Move to the trash, with each variation that is not there yet."""
    product = _existing(store, product_id)
    for record in (product, *store.catalogue.variations_of(product)):
        if record.status != "trash":
            record.status_before_trash, record.status = record.status, "trash"
            record.slug += TRASHED
            record.modified_at = at
    _touch(store, product, at)


def untrash(store: Store, at: datetime, *, product_id: int) -> None:
    """Take out of the trash, with every variation, also one trashed before its parent."""
    product = _existing(store, product_id)
    for record in (product, *store.catalogue.variations_of(product)):
        if record.status == "trash":
            record.status = record.status_before_trash or "publish"
            record.slug = record.slug.removesuffix(TRASHED)
            record.modified_at = at
    _touch(store, product, at)


def delete_forever(store: Store, at: datetime, *, product_id: int) -> None:
    """Delete with all variations; of a variation only its parent's date tells."""
    product = _existing(store, product_id)
    store.forget(product)
    for variation_id in product.variation_ids:
        store.catalogue.products.pop(variation_id, None)
    del store.catalogue.products[product_id]
    parent = store.catalogue.products.get(product.parent_id)
    if parent:
        parent.variation_ids = tuple(i for i in parent.variation_ids if i != product_id)
        _touch(store, parent, at)


def add_simple(
    store: Store, at: datetime, *, name: str, sku: str, price: str, stock: int | None = None
) -> None:
    """Create a published simple product under the next free id."""
    new_id = store.next_id()
    product = Product(id=new_id, name=name, slug=f"{slug_of(name)}-{new_id}", sku=sku)
    product.regular_price, product.created_at, product.modified_at = price, at, at
    product.category_ids = (UNCATEGORIZED,)
    if stock is not None:
        product.manages_stock = True
        _put_stock(product, stock)
    store.catalogue.products[new_id] = product


def rename_category(store: Store, _at: datetime, *, category_id: int, name: str) -> None:
    """Rename a category; no product's date moves (recorded)."""
    if category_id not in store.catalogue.categories:
        raise EditRefusedError("There is no such category.")
    store.catalogue.categories[category_id].name = name.replace("&amp;", "&").replace("&", "&amp;")
    store.forget_all()


def change_silently(
    store: Store, _at: datetime, *, product_id: int, changes: dict[str, Any]
) -> None:
    """Set fields of the record as direct SQL would: no date moves."""
    product = _existing(store, product_id)
    for field, value in changes.items():
        setattr(product, field, value)
    store.forget(product)


def _existing(store: Store, product_id: int) -> Product:
    if product_id not in store.catalogue.products:
        raise EditRefusedError("There is no such product.")
    return store.catalogue.products[product_id]


def _number(price: str) -> Decimal:
    try:
        return Decimal(price)
    except InvalidOperation:
        raise EditRefusedError("A price is a number such as 12.50.") from None


def _put_stock(product: Product, quantity: int) -> None:
    product.stock_quantity = quantity
    if quantity > 0:
        product.stock_status = "instock"
    else:
        product.stock_status = "outofstock" if product.backorders == "no" else "onbackorder"


def _touch(store: Store, product: Product, at: datetime) -> None:
    """Move the modified date; a variation's edit moves its parent's too (recorded)."""
    product.modified_at = at
    parent = store.catalogue.products.get(product.parent_id)
    if parent:
        parent.modified_at = at
        store.forget(parent)
    store.forget(product)


EDITS: Final[Mapping[str, Callable[..., None]]] = {
    "edit_price": edit_price,
    "edit_sale_price": edit_sale_price,
    "sell": sell,
    "set_stock": set_stock,
    "rename": rename,
    "rename_sku": rename_sku,
    "set_status": set_status,
    "trash": trash,
    "untrash": untrash,
    "delete_forever": delete_forever,
    "add_simple": add_simple,
    "rename_category": rename_category,
    "change_silently": change_silently,
}
