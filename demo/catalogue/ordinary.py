"""Ordinary merchandise: simple products, and variable ones with their colors and sizes."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from demo.catalogue.bench import COLOR, IMPRINT, MATERIAL, SIZE, Bench, attribute, gtin_13, slug_of
from demo.catalogue.families import Family
from demo.catalogue.records import AS_OF, Attribute, Meta, Product
from demo.catalogue.words import COLORS, DETAILS, IMPRINTS, OPENINGS, SERIES

Color = tuple[str, str, str]
STATUSES = ("publish",) * 92 + ("draft",) * 4 + ("pending", "private", "private", "publish")
TAX_CLASSES = ("",) * 18 + ("reduced-rate", "zero-rate")


@dataclass(frozen=True)
class Item:
    """What is fixed of an article that several shops sell."""

    family: Family
    sku: str
    noun: str
    color: Color
    cents: int


def make_simple(bench: Bench, family: Family, *, sku: str) -> Product:
    """Add a simple product of `family`; its price, stock and dates are drawn."""
    color = bench.rng.choice(COLORS)
    return _simple(
        bench,
        family,
        sku=sku,
        name=f"{_title(bench, family)}, {color[0]}",
        color=color,
        price=bench.price(family),
    )


def make_shared(bench: Bench, item: Item) -> Product:
    """Add an article that every shop sells, at this shop's own price near the common one."""
    cents = item.cents * bench.rng.randrange(92, 109) // 100
    name = f"{item.noun}, {item.color[0]}"
    price = f"{cents / 100:.2f}"
    product = _simple(bench, item.family, sku=item.sku, name=name, color=item.color, price=price)
    product.gtin = gtin_13(870_000_000_000 + int(item.sku.removeprefix("PX-")))
    return product


def _simple(
    bench: Bench, family: Family, *, sku: str, name: str, color: Color, price: str
) -> Product:
    product = _started(bench, family, name=name, color=color)
    product.sku = sku
    product.attributes = _facts(bench, family, color)
    _set_price(bench, product, price)
    _set_stock(bench, product)
    return bench.add(product)


def make_variable(bench: Bench, family: Family, *, sku: str, at_most: int) -> Product:
    """Add a variable product and up to `at_most` variations of it."""
    colors = bench.rng.sample(COLORS, bench.rng.randrange(2, 7))
    product = _started(bench, family, name=_title(bench, family), color=colors[0])
    product.type, product.sku = "variable", sku
    axes = [attribute(COLOR, *(c[0] for c in colors), varies=True)]
    if family.sizes:
        axes.append(attribute(SIZE, *family.sizes, varies=True))
    product.attributes = (*axes, attribute(MATERIAL, bench.rng.choice(family.materials)))
    bench.add(product)
    parent_manages = bench.chance(0.12)
    if parent_manages:
        product.manages_stock, product.stock_quantity = True, bench.rng.randrange(20, 2000)
    pairs = [(c, s) for c in colors for s in family.sizes or ("",)][:at_most]
    price = bench.price(family)
    for order, (color, size) in enumerate(pairs):
        variation = make_variation(bench, product, family, color=color, size=size, order=order)
        _set_price(bench, variation, price)
        if parent_manages:
            variation.manages_stock = "parent"
        else:
            _set_stock(bench, variation)
    return product


def make_variation(
    bench: Bench, parent: Product, family: Family, *, color: Color, size: str, order: int
) -> Product:
    """Add the variation of `parent` in that color and size, without a price yet."""
    axes = [a for a in parent.attributes if a.makes_variations]
    chosen = tuple((a, o) for a, o in zip(axes, (color[0], size), strict=False) if o)
    code = "-".join(part for part in (parent.sku, color[1], slug_of(size).upper()) if part)
    variation = Product(
        id=bench.next_id(),
        name=", ".join(option for _, option in chosen),
        slug=f"{parent.slug}-{slug_of(' '.join(option for _, option in chosen))}",
        sku=code if parent.sku else "",
        type="variation",
        parent_id=parent.id,
        created_at=parent.created_at,
        modified_at=parent.created_at,
        status="private" if bench.chance(0.01) else "publish",
        options=chosen,
        menu_order=order,
        weight=parent.weight,
        dimensions=parent.dimensions,
        tax_class=parent.tax_class,
        image_ids=(bench.image(family.shape, color[2], f"{color[0]} {family.shape}"),),
    )
    variation.gtin = gtin_13(860_000_000_000 + variation.id)
    parent.variation_ids = (*parent.variation_ids, variation.id)
    return bench.add(variation)


def _title(bench: Bench, family: Family) -> str:
    volume = "" if family.sizes or family.shape not in {"mug", "bottle", "glass"} else " 14 oz"
    number = bench.rng.randrange(100, 1000)
    return f"{bench.rng.choice(SERIES)} {bench.rng.choice(family.nouns)} {number}{volume}"


def _started(bench: Bench, family: Family, *, name: str, color: Color) -> Product:
    rng, new_id = bench.rng, bench.next_id()
    created_at, modified_at = bench.moments()
    return Product(
        id=new_id,
        name=name,
        slug=f"{slug_of(name)}-{new_id}",
        created_at=created_at,
        modified_at=modified_at,
        status=rng.choice(STATUSES),
        description=f"<p>{rng.choice(OPENINGS)} {rng.choice(DETAILS)}</p>\n",
        short_description=f"<p>{rng.choice(family.materials)}, imprint included.</p>\n",
        is_featured=bench.chance(0.02),
        gtin=gtin_13(850_000_000_000 + new_id) if bench.chance(0.8) else "",
        weight=f"{family.grams * rng.randrange(80, 130) / 100_000:.3f}",
        dimensions=(
            str(rng.randrange(4, 40)),
            str(rng.randrange(4, 40)),
            str(rng.randrange(2, 30)),
        ),
        tax_class=rng.choice(TAX_CLASSES),
        total_sales=rng.randrange(4000),
        category_ids=bench.categories(family.path),
        brand_ids=(rng.choice(bench.brand_ids),),
        image_ids=(bench.image(family.shape, color[2], f"{color[0]} {family.shape}"),),
        related_ids=_neighbors(bench),
        meta=(Meta(new_id * 7, "_supplier_code", f"{family.code}{rng.randrange(10_000):04d}"),),
    )


def _neighbors(bench: Bench) -> tuple[int, ...]:
    """Return up to five of the records made just before."""
    last = list(islice(reversed(bench.catalogue.products), 40))
    return tuple(sorted(bench.rng.sample(last, min(5, len(last)))))


def _facts(bench: Bench, family: Family, color: Color) -> tuple[Attribute, ...]:
    return (
        attribute(COLOR, color[0]),
        attribute(MATERIAL, bench.rng.choice(family.materials)),
        attribute(IMPRINT, *bench.rng.sample(IMPRINTS, 2)),
    )


def _set_price(bench: Bench, product: Product, price: str) -> None:
    """Set the price and, for one in eight, a sale: open, past, ahead or within its window."""
    product.regular_price = price
    if not bench.chance(0.12):
        return
    product.sale_price = f"{float(price) * bench.rng.randrange(70, 95) / 100:.2f}"
    start, days = bench.rng.choice(((None, None), (-90, -60), (1800, 1830), (-30, 3600)))
    if start is not None and days is not None:
        product.sale_from_at = AS_OF + timedelta(days=start)
        product.sale_to_at = AS_OF + timedelta(days=days)


def _set_stock(bench: Bench, product: Product) -> None:
    """Manage the stock of five in six; the rest is simply there or not."""
    if bench.chance(0.17):
        product.stock_status = "outofstock" if bench.chance(0.1) else "instock"
        return
    product.manages_stock = True
    product.backorders = bench.rng.choice(("no",) * 5 + ("yes", "notify"))
    product.stock_quantity = bench.rng.choice(
        (0, 3, 12, 48, 144, 500, 2500, bench.rng.randrange(9999))
    )
    if product.stock_quantity == 0:
        product.stock_status = "outofstock" if product.backorders == "no" else "onbackorder"
