"""The two partners of the demo: their terms, what each sees, and at which prices."""

import stat
from decimal import Decimal
from pathlib import Path

from apikeys import keys
from apikeys.models import KeyTerms
from catalog_mirror.models import Brand, Category, Source, Variant
from customers import versions
from customers.models import Customer, CustomerTerms, Tier, VisibilityRule
from outbound_hooks import endpoints
from outbound_hooks.models import Endpoint
from pricing.entry import add_price_rule
from pricing.models import OrderMinimum, OrderRule

_ACTOR = "seed_demo"
# What the test key of a partner is told under.
SANDBOX_KEY = "The sandbox"


def make_partners() -> dict[str, str]:
    """Make both partners over the mirrored demo shops; return a key for each by its name."""
    drinkware, apparel = (Source.objects.get(slug=slug) for slug in ("drinkware", "apparel"))
    gold = _tier("gold", "Gold", off="30", on=drinkware)
    silver = _tier("silver", "Silver", off="15", on=apparel)
    return {
        "Alder Promotions": _alder(gold, drinkware),
        "Birch Agency": _birch(silver, drinkware, apparel),
        SANDBOX_KEY: _key(Customer.objects.get(slug="birch"), mode=KeyTerms.Mode.TEST),
    }


def _tier(slug: str, name: str, *, off: str, on: Source) -> Tier:
    """Return a tier that sees one shop, at a discount."""
    tier = Tier.objects.create(slug=slug, name=name)
    versions.add(VisibilityRule, actor=_ACTOR, tier=tier, effect="allow", source=on)
    _percent(off, tier=tier, source=on)
    return tier


def _alder(gold: Tier, drinkware: Source) -> str:
    """All of drinkware but the outdoor goods; the house brand a little cheaper, one contract price."""
    alder = _customer("alder", "Alder Promotions", gold)
    outdoor = Category.objects.get(source=drinkware, slug="outdoor")
    versions.add(VisibilityRule, actor=_ACTOR, customer=alder, effect="deny", category=outdoor)
    _percent("35", tier=gold, brand=Brand.objects.get(source=drinkware, slug="northcup"))
    variant = Variant.objects.filter(source=drinkware, list_price__gt=5, is_published=True).first()
    add_price_rule(
        actor=_ACTOR,
        customer=alder,
        variant=variant,
        kind="contract",
        amount="4.20",
        currency="USD",
        name="Contract 2026",
        breaks=[{"minimum_quantity": 144, "value": "3.90", "name": "Pallet"}],
    )
    versions.add(
        OrderRule, actor=_ACTOR, customer=alder, variant=variant, minimum_quantity=12, step=12
    )
    return _key(alder)


def _birch(silver: Tier, drinkware: Source, apparel: Source) -> str:
    """All of apparel, and of drinkware one brand at the list price."""
    birch = _customer("birch", "Birch Agency", silver)
    brand = Brand.objects.get(source=drinkware, slug="kestrel-works")
    versions.add(VisibilityRule, actor=_ACTOR, customer=birch, effect="allow", brand=brand)
    bags = Category.objects.get(source=apparel, slug="bags-travel")
    _percent("22.5", customer=birch, category=bags)
    versions.add(
        OrderMinimum,
        actor=_ACTOR,
        customer=birch,
        minimum_value=Decimal(250),
        currency="USD",
    )
    return _key(birch)


def _customer(slug: str, name: str, tier: Tier) -> Customer:
    customer = Customer.objects.create(slug=slug, name=name)
    versions.add(CustomerTerms, actor=_ACTOR, customer=customer, tier=tier, currency="USD")
    return customer


def _percent(percent: str, **who_and_what: Tier | Customer | Source | Brand | Category) -> None:
    add_price_rule(actor=_ACTOR, kind="percent", percent=percent, currency="USD", **who_and_what)


def _key(customer: Customer, **says: str) -> str:
    return keys.issue(actor=_ACTOR, customer=customer, label="demo", **says)[1]


def hear(url: str, secret_file: Path) -> None:
    """Let the first partner's receiver hear of what changes; its secret goes to a file of its own."""
    alder = Customer.objects.filter(slug="alder").first()
    if alder is None:
        return
    endpoint = Endpoint.objects.filter(customer=alder).first()
    if endpoint and secret_file.exists():
        if endpoint.url != url:  # it listens elsewhere this time
            endpoints.change(endpoint, actor=_ACTOR, url=url)
        return
    if endpoint:
        secret = endpoints.rotate(endpoint, actor=_ACTOR)
    else:
        _, secret = endpoints.add(
            alder.pk, url=url, actor=_ACTOR, description="The demo's receiver"
        )
    secret_file.touch(stat.S_IRUSR | stat.S_IWUSR)
    secret_file.write_text(secret)
