"""The pictures that the README shows, made from a house with some life in it; `make screenshots` keeps them."""

import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from apikeys import keys
from apikeys.models import UsageHour
from catalog_mirror.models import QuarantinedRecord, Source
from customers import applications
from groundwork.alarms import open_alarm
from portal import tasks
from sync.models import Connection
from tests.factories import a_product, a_variant, mirrored, now
from tests.portal.test_applying import FACTS

FOLDER = os.environ.get("PICTURES")
_GOODS = (
    ("TUM-20", "Ridge tumbler 20 oz", "18.90"),
    ("BTL-24", "Trail bottle 24 oz", "14.50"),
    ("NBK-A5", "Harbor notebook A5", "7.80"),
    ("TOTE-1", "Market tote, natural", "5.40"),
    ("PWR-10", "Pocket power bank 10,000", "24.00"),
    ("UMB-01", "Gale umbrella", "21.75"),
)


def kept(person, name: str) -> None:
    picture = person.page.screenshot()
    assert len(picture) > 10_000
    if FOLDER:
        Path(FOLDER).mkdir(parents=True, exist_ok=True)
        (Path(FOLDER) / f"{name}.png").write_bytes(picture)


@pytest.fixture
def house(people):
    goods = [
        a_product(
            f"g{n}", a_variant(f"5{n}", sku=sku, name=name, list_price=Decimal(price)), name=name
        )
        for n, (sku, name, price) in enumerate(_GOODS)
    ]
    mirrored(people.source, *goods)
    Source.objects.filter(pk=people.source.pk).update(name="Northcup Drinkware")
    at = now()
    says = {"kind": "woocommerce", "base_url": "https://shop.example", "credentials": b""}
    Connection.objects.create(
        source=people.source,
        last_complete_sweep_at=at - timedelta(hours=5),
        webhooks_problem="",
        **says,
    )
    apparel = Source.objects.create(slug="apparel", name="Loomfield Apparel", currency="USD")
    Connection.objects.create(source=apparel, stale_since=at - timedelta(minutes=12), **says)
    open_alarm(
        "source_stale",
        subject="apparel",
        message="Loomfield Apparel cannot be reached. Look at the shop.",
    )
    seen = {
        "first_seen_at": at,
        "last_seen_at": at,
        "product_external_id": "1",
        "sku": "",
        "detail": "",
    }
    QuarantinedRecord.objects.create(source=apparel, external_id="1", reason="no_sku", **seen)
    applications.apply(address=None, **FACTS | {"monthly_volume": 1200})
    _requests(people, at)
    tasks.sum_up_figures()
    return people


def _requests(people, at) -> None:
    for customer, busy in ((people.alice, 40), (people.bob, 15)):
        key = keys.issue(actor="ann", customer=customer, label="shop")[0]
        of_key = {"key_public_id": key.public_id, "customer_id": customer.pk, "bytes_sent": 9000}
        UsageHour.objects.bulk_create(
            UsageHour(
                hour=at.replace(minute=0, second=0, microsecond=0) - timedelta(hours=n),
                route=route,
                status=status,
                requests=1 + (busy * (7 + (n * 5) % 11)) // (10 * share),
                milliseconds=(1 + (busy * (7 + (n * 5) % 11)) // (10 * share)) * cost,
                **of_key,
            )
            for n in range(24 * 30)
            for route, status, share, cost in (
                ("/v1/changes", 200, 1, 3.1),
                ("/v1/products", 200, 3, 9.4),
                ("/v1/pricing", 429, 20, 0.8),
            )
        )


def test_four_pictures_are_made(house, person):
    person.goes_to("/admin/")
    kept(person, "home")
    person.goes_to("/admin/customers/application/")
    person.follows("Cedar Gifts")
    kept(person, "application")
    person.goes_to(f"/admin/customers/customer/{house.alice.pk}/view/")
    kept(person, "view-as")
    person.goes_to(f"/admin/customers/customer/{house.bob.pk}/why/?sku=MUG-11-BLK&quantity=1")
    kept(person, "why")
