"""The workbench that makers share: hands out ids, terms, images, dates and codes of one shop."""

from datetime import UTC, datetime, timedelta
from random import Random

from demo.catalogue.families import Family
from demo.catalogue.records import AS_OF, Attribute, Catalogue, Image, Product, Term
from demo.catalogue.words import BRANDS

OPENED_AT = datetime(2021, 3, 1, 14, tzinfo=UTC)
UNCATEGORIZED = 15  # the id of the category that WooCommerce comes with
# Global attributes carry an id; `pa_` marks their taxonomy.
COLOR, SIZE, MATERIAL, IMPRINT = ((1, "Color"), (2, "Size"), (3, "Material"), (4, "Imprint method"))


def slug_of(text: str) -> str:
    """Return `text` as a slug of ASCII letters, digits and hyphens."""
    kept = "".join(c if c.isascii() and c.isalnum() else " " for c in text.lower())
    return "-".join(kept.split())


def attribute(kind: tuple[int, str], *options: str, varies: bool = False) -> Attribute:
    slug = f"pa_{slug_of(kind[1])}"
    return Attribute(kind[0], kind[1], slug, options, makes_variations=varies)


def gtin_13(number: int) -> str:
    """Return `number` as a GTIN-13 with its check digit (GS1 General Specifications, 7.9)."""
    digits = f"{number:012d}"
    weighted = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits))
    return f"{digits}{-weighted % 10}"


class Bench:
    """Owns the catalogue in the making and its only source of chance."""

    def __init__(self, seed: int, odd_prefix: str = "ODD") -> None:
        self.odd_prefix = odd_prefix  # three letters in place of ODD in odd SKUs
        self.rng = Random(seed)  # noqa: S311 - the same draw every time is the point
        self.catalogue = Catalogue()
        self._id = 100
        self._terms: dict[tuple[str, ...], int] = {}
        self._images: dict[str, int] = {}
        term = Term(UNCATEGORIZED, "Uncategorized", "uncategorized")
        self.catalogue.categories[term.id] = term
        self.brand_ids = [self._brand(name) for name in BRANDS]

    def next_id(self) -> int:
        """Return an id; ids have gaps, since orders and revisions take from the same row."""
        self._id += self.rng.randrange(1, 4)
        return self._id

    def _brand(self, name: str) -> int:
        term = Term(self.next_id(), name, slug_of(name.replace("&amp;", "")))
        self.catalogue.brands[term.id] = term
        return term.id

    def categories(self, path: tuple[str, ...]) -> tuple[int, ...]:
        """Return the id of the leaf, making the tree above it on first use."""
        if path not in self._terms:
            parent_id = self.categories(path[:-1])[0] if len(path) > 1 else 0
            term = Term(self.next_id(), path[-1], slug_of(path[-1].replace("&amp;", "")), parent_id)
            self._terms[path] = term.id
            self.catalogue.categories[term.id] = term
        return (self._terms[path],)

    def image(self, shape: str, ink: str, name: str) -> int:
        """Return the id of the drawing of `shape` in the color `ink`."""
        file = f"{shape}-{ink}.svg"
        if file not in self._images:
            image = Image(self.next_id(), file, name, OPENED_AT)
            self._images[file] = image.id
            self.catalogue.images[image.id] = image
        return self._images[file]

    def moments(self) -> tuple[datetime, datetime]:
        """Return when a record was created and when it was last modified."""
        span = int((AS_OF - OPENED_AT).total_seconds())
        created = self.rng.randrange(span)
        modified = self.rng.randrange(created, span)
        return OPENED_AT + timedelta(seconds=created), OPENED_AT + timedelta(seconds=modified)

    def chance(self, part: float) -> bool:
        """Return True in that part of all cases."""
        return self.rng.random() < part

    def price(self, family: Family) -> str:
        """Return a regular price, usually ending in 9, now and then with three or four decimals."""
        cents = self.rng.randrange(*family.cents)
        if self.chance(0.03):
            return f"{cents / 100:.2f}{self.rng.choice(('5', '25', '75'))}"
        return f"{cents // 10 / 10:.1f}9"

    def add(self, product: Product) -> Product:
        self.catalogue.products[product.id] = product
        return product
