"""20,000 variants in two sources and 200 customers with rules, the same in every run."""

import random
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from django.db import connection

from apikeys import keys
from catalog_mirror import mirror, taxonomy
from catalog_mirror.models import Brand, Category, Source, Variant
from catalog_mirror.records import (
    BrandRecord,
    CategoryRecord,
    Content,
    Dimensions,
    Image,
    Price,
    ProductRecord,
    Stock,
    StockAt,
    VariantRecord,
    Weight,
)
from customers import versions
from customers.models import Customer, CustomerTerms, Tier, VisibilityRule
from groundwork.roles import role_name
from pricing.models import PriceRule

VARIANTS = 20_000
CUSTOMERS = 200
_CHUNK = 500
_ACTOR = "benchmark"
_WORDS = "enamel bamboo recycled cotton matte brushed insulated printed engraved woven soft sturdy"


def build(*, variants: int = VARIANTS, customers: int = CUSTOMERS) -> list[str]:
    """Fill an empty database; return one key for each customer."""
    chance = random.Random(20_261_121)  # noqa: S311 - any fixed seed
    for source, products in catalogue(chance, sources(), variants=variants):
        mirror.apply(source, products, observed_at=now(), origin=_ACTOR)
    tiers = [Tier.objects.create(slug=f"tier-{n}", name=f"Tier {n}") for n in range(4)]
    for tier in tiers:
        _tier_rules(tier, chance)
    ids = list(Variant.objects.order_by("pk").values_list("pk", flat=True))
    made = [_customer(number, tiers, ids, chance) for number in range(customers)]
    settle()
    return made


def settle() -> None:
    """Have the database do now what it would do by itself later, amid what is measured."""
    with connection.cursor() as cursor:
        cursor.execute("reset role")
        cursor.execute("vacuum analyze")
        cursor.execute("checkpoint")
        cursor.execute(f'set role "{role_name(connection, "app")}"')


def sources() -> list[Source]:
    return [_source(slug, rank) for rank, slug in enumerate(("north", "south"))]


def catalogue(
    chance: random.Random,
    sources: list[Source],
    *,
    at_once: int = _CHUNK,
    variants: int = VARIANTS,
) -> Iterator[tuple[Source, list[ProductRecord]]]:
    """Yield what the sources' shops say, so many variants at once."""
    for source in sources:
        for products in _chunks(source, chance, at_once, variants // 2):
            yield source, products


def now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def _source(slug: str, rank: int) -> Source:
    source = Source.objects.create(slug=slug, name=slug.title(), currency="USD", rank=rank)
    tree = [
        CategoryRecord(external_id="r", parent_external_id=None, slug=f"{slug}-all", name="All")
    ]
    tree += [
        CategoryRecord(
            external_id=f"c{n}",
            parent_external_id="r" if n < 8 else f"c{n % 8}",
            slug=f"{slug}-{n}",
            name=f"Category {n}",
        )
        for n in range(60)
    ]
    taxonomy.apply_categories(source, tree, origin=_ACTOR)
    return source


def _chunks(
    source: Source, chance: random.Random, at_once: int, variants: int
) -> Iterator[list[ProductRecord]]:
    numbers = range(variants)
    for start in range(0, len(numbers), at_once):
        chunk = numbers[start : start + at_once]
        yield [_product(source, n, chance) for n in chunk[::5]]


def _product(source: Source, number: int, chance: random.Random) -> ProductRecord:
    code = f"{source.slug[:1].upper()}{number:05d}"
    brand = number // 5 % 20
    words = " ".join(chance.choices(_WORDS.split(), k=60))
    return ProductRecord(
        external_id=str(number),
        code=code,
        name=f"Camp mug {code}",
        url=f"https://shop.example/{code}",
        brand=BrandRecord(external_id=str(brand), slug=f"brand-{brand}", name=f"Brand {brand}"),
        category_external_ids=(f"c{8 + number // 5 % 52}",),
        variants=tuple(_variant(code, number + n, words, chance) for n in range(5)),
    )


def _variant(code: str, number: int, words: str, chance: random.Random) -> VariantRecord:
    return VariantRecord(
        external_id=f"v{number}",
        content=Content(
            sku=f"{code}-{number % 5}",
            is_published=True,
            name=f"Camp mug {code}, color {number % 5}",
            options={"Color": f"Color {number % 5}"},
            attributes={"Material": "Enamel", "Print area": "60 x 40 mm"},
            description=words,
            images=(Image(url=f"https://shop.example/{code}.svg", alt=code),),
            weight=Weight(value="0.310", unit="kg"),
            dimensions=Dimensions(length="9", width="9", height="8", unit="cm"),
        ),
        price=Price(list_price=Decimal(chance.randrange(199, 9999)) / 100),
        stock=Stock(status="in_stock", levels=(StockAt(on_hand=chance.randrange(500)),)),
    )


def _tier_rules(tier: Tier, chance: random.Random) -> None:
    versions.add(VisibilityRule, actor=_ACTOR, tier=tier, effect="allow")
    for brand in chance.sample(list(Brand.objects.order_by("pk")), 2):
        versions.add(VisibilityRule, actor=_ACTOR, tier=tier, effect="deny", brand=brand)
    for brand in Brand.objects.order_by("pk")[:20]:
        _discount(tier, chance, brand=brand)
    for category in Category.objects.order_by("pk")[:20]:
        _discount(tier, chance, category=category)


def _discount(tier: Tier, chance: random.Random, **subject: Brand | Category) -> None:
    percent = Decimal(chance.randrange(5, 45))
    versions.add(
        PriceRule,
        actor=_ACTOR,
        tier=tier,
        kind="percent",
        percent=percent,
        currency="USD",
        **subject,
    )


def _customer(number: int, tiers: list[Tier], ids: list[int], chance: random.Random) -> str:
    customer = Customer.objects.create(slug=f"customer-{number}", name=f"Customer {number}")
    tier = tiers[number % len(tiers)]
    versions.add(CustomerTerms, actor=_ACTOR, customer=customer, tier=tier, currency="USD")
    for pk in chance.sample(ids, 5):
        versions.add(
            PriceRule,
            actor=_ACTOR,
            customer=customer,
            variant_id=pk,
            kind="fixed",
            amount=Decimal("4.99"),
            currency="USD",
        )
    return keys.issue(actor=_ACTOR, customer=customer, label="benchmark")[1]
