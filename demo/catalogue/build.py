"""Builds a shop's whole catalogue: odd records first, then shared, variable and simple ones."""

from functools import lru_cache
from random import Random

from demo.catalogue.bench import UNCATEGORIZED, Bench
from demo.catalogue.families import FAMILIES, SHARED_FAMILIES, VARIATION_SHARE
from demo.catalogue.odd import add_130_variations, add_odd_simples, add_odd_variables
from demo.catalogue.ordinary import Item, make_shared, make_simple, make_variable
from demo.catalogue.records import Catalogue, Product
from demo.catalogue.words import COLORS, SERIES
from demo.shops import Shop

SKU_PREFIX = {"drinkware": "NC", "apparel": "LF"}
ODD_PREFIX = {"drinkware": "ODD", "apparel": "ODX"}
TRASHED_PER_THOUSAND = 2


def build_catalogue(shop: Shop) -> Catalogue:
    """Return the catalogue of `shop`: `shop.sellable` items, the same at every call."""
    bench = Bench(shop.seed, ODD_PREFIX[shop.line])
    families = FAMILIES[shop.line]
    add_odd_simples(bench)
    add_odd_variables(bench, families[0])
    add_130_variations(bench)
    _add_shared(bench, shop)
    _add_variables(bench, shop)
    _add_simples(bench, shop)
    _add_grouped(bench, SKU_PREFIX[shop.line])
    _add_trashed(bench, shop)
    return bench.catalogue


@lru_cache(maxsize=4)
def shared_items(count: int) -> tuple[Item, ...]:
    """Return the articles that every shop of the demo sells."""
    rng = Random("shared")  # noqa: S311 - the same draw in every shop is the point
    items = []
    for number in range(count):
        family = rng.choice(SHARED_FAMILIES)
        noun = f"{rng.choice(SERIES)} {rng.choice(family.nouns)} {number + 100}"
        cents = rng.randrange(*family.cents)
        items.append(Item(family, f"PX-{10_000 + number}", noun, rng.choice(COLORS), cents))
    return tuple(items)


def _add_shared(bench: Bench, shop: Shop) -> None:
    for item in shared_items(shop.shared):
        make_shared(bench, item)


def _add_variables(bench: Bench, shop: Shop) -> None:
    """Add variable products until variations are the line's share of all sellable items."""
    families = FAMILIES[shop.line]
    made = sum(p.is_variation and p.is_sellable for p in bench.catalogue.products.values())
    # In a small shop the odd simple products leave less room than the line's share.
    room = shop.sellable * 9 // 10 - (bench.catalogue.sellable() - made)
    goal = min(int(shop.sellable * VARIATION_SHARE[shop.line]), room)
    number = 0
    while made < goal:
        family = families[number % len(families)]
        sku = f"{SKU_PREFIX[shop.line]}-{family.code}-{10_000 + number}"
        made += len(make_variable(bench, family, sku=sku, at_most=goal - made).variation_ids)
        number += 1


def _add_simples(bench: Bench, shop: Shop) -> None:
    families = FAMILIES[shop.line]
    for number in range(shop.sellable - bench.catalogue.sellable()):
        family = families[number % len(families)]
        make_simple(bench, family, sku=f"{SKU_PREFIX[shop.line]}-{family.code}-{50_000 + number}")


def _add_grouped(bench: Bench, prefix: str) -> None:
    """Add a few kits, each a grouped product of three simple ones."""
    simple = [p.id for p in bench.catalogue.products.values() if p.type == "simple"][-300:]
    for number in range(6):
        new_id = bench.next_id()
        name = f"{bench.rng.choice(SERIES)} Welcome Kit {number + 1}"
        kit = Product(id=new_id, name=name, slug=f"kit-{new_id}", sku=f"{prefix}-KIT-{number + 1}")
        kit.type, kit.grouped_ids = "grouped", tuple(bench.rng.sample(simple, 3))
        kit.category_ids = (UNCATEGORIZED,)
        bench.add(kit)


def _add_trashed(bench: Bench, shop: Shop) -> None:
    """Add simple products that lie in the trash; they are no part of `shop.sellable`."""
    for number in range(3 + shop.sellable * TRASHED_PER_THOUSAND // 1000):
        family = FAMILIES[shop.line][number % len(FAMILIES[shop.line])]
        product = make_simple(bench, family, sku=f"{SKU_PREFIX[shop.line]}-OLD-{number:04d}")
        product.status_before_trash, product.status = "publish", "trash"
        product.slug += "__trashed"
