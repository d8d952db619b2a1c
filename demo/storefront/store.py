"""One shop's records in memory with their rendered bodies, each rendered once until it changes."""

from collections import Counter
from zoneinfo import ZoneInfo

from demo.catalogue.records import Catalogue, Product
from demo.storefront.bodies import Bodies, encoded

MAX_CREATED = 10**9  # where the ids begin of what is created in a shop that holds nothing


class Store:
    def __init__(self, catalogue: Catalogue, time_zone: str) -> None:
        self.catalogue = catalogue
        self.zone = ZoneInfo(time_zone)
        self.bodies = Bodies(catalogue, self.zone)
        self.shown = self.bodies.shown
        self._products: dict[int, bytes] = {}
        self._variations: dict[int, bytes] = {}

    def next_id(self) -> int:
        return max(self.catalogue.products, default=MAX_CREATED) + 1

    def product_body(self, product: Product) -> bytes:
        """Return the rendered body of `/products/<id>`."""
        if product.id not in self._products:
            self._products[product.id] = encoded(self.bodies.product(product))
        return self._products[product.id]

    def variation_body(self, product: Product) -> bytes:
        """Return the rendered body of `/products/<id>/variations/<id>`."""
        if product.id not in self._variations:
            self._variations[product.id] = encoded(self.bodies.variation(product))
        return self._variations[product.id]

    def forget(self, product: Product) -> None:
        """Drop what was rendered of a record and of those that show a part of it."""
        family = {product.id, product.parent_id, *product.variation_ids}
        kits = {p.id for p in self.catalogue.products.values() if product.id in p.grouped_ids}
        for product_id in family | kits:
            self._products.pop(product_id, None)
            self._variations.pop(product_id, None)

    def forget_all(self) -> None:
        self._products.clear()
        self._variations.clear()

    def term_counts(self) -> Counter[int]:
        """Return how many published products each category and brand has."""
        shown = (p for p in self.catalogue.products.values() if p.status == "publish")
        return Counter(i for p in shown for i in (*p.category_ids, *p.brand_ids))
