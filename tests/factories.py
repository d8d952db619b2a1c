"""The cast of the tests, and builders of what a shop says."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import factory
from django.db import connection
from django.test import Client
from factory.django import DjangoModelFactory

from apikeys import keys
from catalog_mirror import mirror, taxonomy
from catalog_mirror.mirror import Applied
from catalog_mirror.models import Brand, Category, Product, Source, Variant
from catalog_mirror.records import (
    BrandRecord,
    CategoryRecord,
    Content,
    Price,
    ProductRecord,
    Stock,
    StockAt,
    VariantRecord,
)
from contract.snapshots import snapshot_for
from customers import versions
from customers.models import Customer, CustomerTerms, Tier, VisibilityRule
from pricing.models import PriceRule

NORTHCUP = BrandRecord(external_id="b1", slug="northcup", name="Northcup")
INKWELL = BrandRecord(external_id="b2", slug="inkwell", name="Inkwell")


class SourceFactory(DjangoModelFactory):
    class Meta:
        model = Source

    slug = factory.Sequence(lambda n: f"shop-{n}")
    name = factory.LazyAttribute(lambda source: source.slug.title())
    currency = "USD"


class TierFactory(DjangoModelFactory):
    class Meta:
        model = Tier

    slug = factory.Sequence(lambda n: f"tier-{n}")
    name = factory.LazyAttribute(lambda tier: tier.slug.title())


class CustomerFactory(DjangoModelFactory):
    """A customer without terms: nobody yet."""

    class Meta:
        model = Customer

    slug = factory.Sequence(lambda n: f"customer-{n}")
    name = factory.LazyAttribute(lambda customer: customer.slug.title())


# -- what a shop says --------------------------------------------------------------------------


def a_variant(external_id: str = "1", **says: Any) -> VariantRecord:
    """Return a variant's record; a facet given as None was not read."""
    facets = {name: says.pop(name) for name in ("content", "price", "stock") if name in says}
    return VariantRecord(
        external_id=external_id,
        **{
            "content": a_content(external_id, says),
            "price": Price(
                list_price=says.pop("list_price", Decimal("10.00")),
                sale_price=says.pop("sale_price", None),
            ),
            "stock": a_stock(says.pop("on_hand", 5)),
        }
        | facets,
    )


def a_content(external_id: str, says: dict[str, Any]) -> Content:
    prices_and_stock = ("list_price", "sale_price", "on_hand")
    content = {name: value for name, value in says.items() if name not in prices_and_stock}
    return Content(
        **{"sku": f"SKU-{external_id}", "is_published": True, "name": f"Thing {external_id}"}
        | content
    )


def a_stock(on_hand: int | None) -> Stock:
    return Stock(
        status="in_stock" if on_hand is None or on_hand > 0 else "out_of_stock",
        levels=(StockAt(on_hand=on_hand),),
    )


def a_product(external_id: str = "p1", *variants: VariantRecord, **says: Any) -> ProductRecord:
    return ProductRecord(
        external_id=external_id,
        variants=variants or (a_variant(external_id.removeprefix("p")),),
        **{
            "code": external_id.upper(),
            "name": f"Product {external_id}",
            "url": "",
            "brand": None,
            "category_external_ids": (),
        }
        | says,
    )


def a_category(external_id: str, parent: str | None = None, **says: str) -> CategoryRecord:
    return CategoryRecord(
        external_id=external_id,
        parent_external_id=parent,
        slug=says.get("slug", external_id),
        name=says.get("name", external_id.title()),
    )


def now() -> datetime:
    """Return the database's clock, as the product reads it."""
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        return cursor.fetchone()[0]


def mirrored(source: Source, *products: Any, at: datetime | None = None) -> Applied:
    """Put what the shop says into the mirror, read just now or at `at`."""
    return mirror.apply(source, products, observed_at=at or now(), origin="test")


def categorized(source: Source, *records: CategoryRecord) -> int:
    return taxonomy.apply_categories(source, list(records), origin="test")


def newest_revision() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select max(number) from catalog_mirror_revision")
        return cursor.fetchone()[0]


def variant(sku: str) -> Variant:
    """Return the live variant that carries `sku`."""
    return Variant.objects.get(sku=sku, retired_at=None)


# -- what staff say ----------------------------------------------------------------------------


def with_terms(customer: Customer, **says: Any) -> Customer:
    versions.add(CustomerTerms, actor="test", customer=customer, **{"currency": "USD"} | says)
    return customer


def terms_changed(customer: Customer, **says: Any) -> None:
    uid = versions.terms_of(customer.pk).rule_uid
    versions.change(CustomerTerms, uid, actor="test", **says)


def allow(**says: Any) -> VisibilityRule:
    return versions.add(VisibilityRule, actor="test", effect="allow", **says)


def deny(**says: Any) -> VisibilityRule:
    return versions.add(VisibilityRule, actor="test", effect="deny", **says)


def percent_off(percent: str, **says: Any) -> PriceRule:
    says = {"currency": "USD"} | says
    return versions.add(PriceRule, actor="test", kind="percent", percent=Decimal(percent), **says)


def fixed_price(amount: str, **says: Any) -> PriceRule:
    says = {"currency": "USD"} | says
    return versions.add(PriceRule, actor="test", kind="fixed", amount=Decimal(amount), **says)


def withdrawn(rule: Any) -> None:
    versions.withdraw(type(rule), rule.rule_uid, actor="test")


# -- the cast ----------------------------------------------------------------------------------

SKUS = ("MUG-11-BLK", "MUG-11-WHT", "PEN-01", "CAP-01")
UNPUBLISHED = "MUG-99"


@dataclass(frozen=True)
class Cast:
    """Alice sees everything at 30 % off, Bob Northcup with one fixed price, Carol nothing.

    Dave may see everything, but his contract has ended.
    """

    source: Source
    gold: Tier
    alice: Customer
    bob: Customer
    carol: Customer
    dave: Customer

    @property
    def northcup(self) -> Brand:
        return Brand.objects.get(slug="northcup")

    @property
    def inkwell(self) -> Brand:
        return Brand.objects.get(slug="inkwell")

    @property
    def mugs(self) -> Category:
        return Category.objects.get(slug="mugs")

    @property
    def mug(self) -> Product:
        return Product.objects.get(code="MUG-11")


def cast() -> Cast:
    source = SourceFactory(slug="drinkware")
    gold = TierFactory(slug="gold")
    people = [CustomerFactory(slug=slug) for slug in ("alice", "bob", "carol", "dave")]
    made = Cast(source, gold, *people)
    _a_catalogue(source)
    with_terms(made.alice, tier=gold)
    with_terms(made.bob)
    with_terms(made.carol)
    with_terms(made.dave, contract_ends_at=now() - timedelta(days=1))
    allow(tier=gold)
    percent_off("30", tier=gold)
    allow(customer=made.bob, brand=made.northcup)
    fixed_price("9.99", customer=made.bob, product=made.mug)
    allow(customer=made.dave)
    return made


def _a_catalogue(source: Source) -> None:
    categorized(
        source,
        a_category("drinkware"),
        a_category("mugs", "drinkware"),
        a_category("writing"),
    )
    mirrored(
        source,
        a_product(
            "p1",
            a_variant("1", sku="MUG-11-BLK", name="Camp mug, black", options={"Color": "Black"}),
            a_variant("2", sku="MUG-11-WHT", name="Camp mug, white", on_hand=0),
            code="MUG-11",
            brand=NORTHCUP,
            category_external_ids=("mugs",),
        ),
        a_product(
            "p2",
            a_variant("3", sku="PEN-01", list_price=Decimal("2.50")),
            code="PEN",
            brand=INKWELL,
            category_external_ids=("writing",),
        ),
        a_product("p3", a_variant("4", sku="CAP-01", on_hand=None)),
        a_product("p4", a_variant("5", sku=UNPUBLISHED, is_published=False), brand=NORTHCUP),
    )  # fmt: skip


def key_of(customer: Customer, **says: Any) -> str:
    """Issue a key and return it."""
    return keys.issue(actor="test", customer=customer, **says)[1]


def client_with(key: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {key}"})


def client_of(customer: Customer, **says: Any) -> Client:
    """Return a client that calls as the customer, with a key of its own that is seldom limited."""
    return client_with(key_of(customer, **{"requests_a_minute": 6000} | says))


def snapshot_of(customer: Customer) -> Any:
    """Read as the customer."""
    return snapshot_for(customer.pk)


def seen_by(customer: Customer) -> dict[str, str]:
    """Return the unit price of everything the customer is shown, by SKU."""
    data = client_of(customer).get("/v1/products?limit=500").json()["data"]
    return {item["sku"]: item["price"]["unit"] for item in data}
