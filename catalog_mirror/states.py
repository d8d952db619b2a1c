"""A variant as it stood between two revisions: what decides who sees it, and at what price."""

from decimal import Decimal
from typing import NamedTuple

Subject = tuple[str, int]


class State(NamedTuple):
    """`until_revision` is None for the state of now; `depths` are those of the categories, root 0."""

    variant_id: int
    from_revision: int
    until_revision: int | None
    sku: str
    is_published: bool
    source_id: int
    brand_id: int | None
    product_id: int
    category_ids: tuple[int, ...]
    depths: tuple[int, ...]
    list_price: Decimal | None
    currency: str
    tax_included: bool

    def stands_at(self, revision: int) -> bool:
        return self.from_revision <= revision and (
            self.until_revision is None or revision < self.until_revision
        )

    @property
    def subjects(self) -> list[Subject]:
        """Return what a rule may name to reach this variant."""
        named: list[Subject] = [
            ("all", 0),
            ("source", self.source_id),
            ("product", self.product_id),
            ("variant", self.variant_id),
        ]
        if self.brand_id is not None:
            named.append(("brand", self.brand_id))
        named.extend(("category", each) for each in self.category_ids)
        return named
