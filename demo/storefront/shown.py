"""What a record shows that depends on others: its parent, its variations, its parts."""

from demo.catalogue.bench import slug_of
from demo.catalogue.records import Catalogue, Product
from demo.storefront.money import is_on_sale, price_of, range_html
from demo.storefront.money import price_html as html_of

# Stands for scheme and host in what is rendered; the asking request's own take its place.
HOME = "https://storefront.invalid"
VISIBLE = {"publish", "private"}  # what a variable product counts among its variations


class Shown:
    """Derives what the records of one catalogue show."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def sku(self, product: Product) -> str:
        """Return the SKU as shown: a variation without one shows its parent's."""
        parent = self.parent(product)
        return product.sku or (parent.sku if parent else "")

    def price(self, product: Product) -> str:
        """Return the price as shown: of a variable or grouped product, its cheapest part's."""
        if product.type not in {"variable", "grouped"}:
            return price_of(product)
        prices = self._part_prices(product)
        return min(prices, key=float) if prices else ""

    def stock_status(self, product: Product) -> str:
        """Return the stock status as shown; a variable product's follows its variations."""
        holder = self.stock_holder(product)
        if holder.manages_stock is True and holder.stock_quantity is not None:
            if holder.stock_quantity > 0:
                return "instock"
            return "outofstock" if holder.backorders == "no" else "onbackorder"
        if product.type == "variable":
            states = {v.stock_status for v in self.variations(product)}
            return next((s for s in ("instock", "onbackorder") if s in states), "outofstock")
        return holder.stock_status

    def quantity(self, product: Product) -> int | None:
        holder = self.stock_holder(product)
        return holder.stock_quantity if holder.manages_stock is True else None

    def parent(self, product: Product) -> Product | None:
        return self._catalogue.products.get(product.parent_id)

    def stock_holder(self, product: Product) -> Product:
        parent = self.parent(product) if product.manages_stock == "parent" else None
        return parent or product

    def variations(self, product: Product) -> list[Product]:
        return [v for v in self._catalogue.variations_of(product) if v.status in VISIBLE]

    def _part_prices(self, product: Product) -> list[str]:
        if product.type == "variable":
            parts = [v for v in self._catalogue.variations_of(product) if v.status == "publish"]
        else:
            products = self._catalogue.products
            parts = [products[i] for i in product.grouped_ids if i in products]
        return [price for part in parts if (price := price_of(part))]

    def price_html(self, product: Product) -> str:
        if product.type in {"variable", "grouped"}:
            return range_html(self._part_prices(product))
        return html_of(product)

    def permalink(self, product: Product) -> str:
        parent = self.parent(product)
        if not product.is_variation or parent is None:
            return f"{HOME}/product/{product.slug}/"
        chosen = (f"attribute_{a.slug}={slug_of(o) if a.id else o}" for a, o in product.options)
        query = "&".join(chosen)
        return f"{HOME}/product/{parent.slug}/" + (f"?{query}" if query else "")

    def name(self, product: Product) -> str:
        parent = self.parent(product)
        if not product.is_variation or parent is None:
            return product.name
        return f"{parent.name} - {product.name}" if product.name else parent.name

    def is_on_sale(self, product: Product) -> bool:
        if product.type == "variable":
            return any(is_on_sale(v) for v in self.variations(product))
        return is_on_sale(product)

    def is_purchasable(self, product: Product, price: str) -> bool:
        if not price or product.type in {"external", "grouped"}:
            return False
        if product.is_variation:
            return self.parent(product) is not None and product.status == "publish"
        return True
