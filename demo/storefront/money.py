"""What a product costs as WooCommerce works it out, and the HTML it shows for it."""

from collections.abc import Sequence
from decimal import Decimal

from demo.catalogue.records import AS_OF, Product

SYMBOL = "&#36;"  # US dollar, encoded as WooCommerce sends it


def is_on_sale(product: Product) -> bool:
    """Whether the sale price holds at the catalogue's fixed date."""
    if not product.sale_price or not product.regular_price:
        return False
    if product.sale_from_at and product.sale_from_at > AS_OF:
        return False
    if product.sale_to_at and product.sale_to_at < AS_OF:
        return False
    return Decimal(product.sale_price) < Decimal(product.regular_price)


def price_of(product: Product) -> str:
    """Return the price of one record by itself, as a string, "" for none."""
    if product.stored_price is not None:
        return product.stored_price
    return product.sale_price if is_on_sale(product) else product.regular_price


def shown_sale_price(product: Product) -> str:
    """Return the sale price as REST shows it: "0" reads as none (recorded)."""
    return "" if product.sale_price == "0" else product.sale_price


def amount_html(price: str) -> str:
    value = Decimal(price)
    sign = "-" if value < 0 else ""
    symbol = f'<span class="woocommerce-Price-currencySymbol">{SYMBOL}</span>'
    amount = f"<bdi>{sign}{symbol}{abs(value):,.2f}</bdi>"
    return f'<span class="woocommerce-Price-amount amount">{amount}</span>'


def price_html(product: Product) -> str:
    """Return the price of one record as the shop's page would print it."""
    price = price_of(product)
    if not price:
        return ""
    if not is_on_sale(product):
        return amount_html(price)
    was, now = (f"{SYMBOL}{Decimal(p):,.2f}" for p in (product.regular_price, price))
    return (
        f'<del aria-hidden="true">{amount_html(product.regular_price)}</del> '
        f'<span class="screen-reader-text">Original price was: {was}.</span>'
        f'<ins aria-hidden="true">{amount_html(price)}</ins>'
        f'<span class="screen-reader-text">Current price is: {now}.</span>'
    )


def range_html(prices: Sequence[str]) -> str:
    """Return the span of a variable product's prices."""
    ordered = sorted(set(prices), key=Decimal)
    return " &ndash; ".join(amount_html(p) for p in dict.fromkeys((*ordered[:1], *ordered[-1:])))
