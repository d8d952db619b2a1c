"""No page of the staff site asks the database more than twenty times, however much there is to show."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apikeys import keys
from catalog_mirror.models import Product
from catalog_mirror.records import BrandRecord
from customers import applications
from customers.models import Application
from tests.factories import a_product, a_variant, fixed_price, mirrored, variant
from tests.portal.test_applying import FACTS
from tests.portal.test_roles import MAY

MOST = 20


@pytest.fixture
def busy(people):
    many = [a_product(f"q{n}", *_variants(n), brand=_brand(n)) for n in range(40)]
    mirrored(people.source, *many)
    for n in range(5):
        keys.issue(actor="ann", customer=people.alice, label=str(n))
        fixed_price(str(n + 1), customer=people.alice, variant=variant("MUG-11-BLK"), priority=n)
    applications.apply(address=None, **FACTS | {"monthly_volume": 1})
    return people


def test_every_list_of_the_site_is_within_its_budget(busy, staff):
    found = {label: asked(staff, f"/admin/{label.replace('.', '/')}/") for label in MAY}
    assert {label: count for label, count in found.items() if count > MOST} == {}


def test_every_page_that_crosses_rooms_is_within_its_budget(busy, staff):
    customer = f"/admin/customers/customer/{busy.alice.pk}"
    pages = [
        "/admin/",
        f"{customer}/page/",
        f"{customer}/access/",
        f"{customer}/history/",
        f"{customer}/view/",
        f"{customer}/view/?q=Q",
        f"{customer}/why/?sku=MUG-11-BLK&quantity=1",
        f"{customer}/compare/?other={busy.bob.pk}",
        f"/admin/customers/application/{Application.objects.get().pk}/change/",
        f"/admin/catalog_mirror/product/{Product.objects.get(code='MUG-11').pk}/change/",
        "/admin/catalog_mirror/variant/timeline/?of=MUG-11-BLK",
        "/apply",
    ]
    found = {page: asked(staff, page) for page in pages}
    assert {page: count for page, count in found.items() if count > MOST} == {}


def _brand(n: int) -> BrandRecord:
    return BrandRecord(external_id=f"x{n}", slug=f"x{n}", name=f"X {n}")


def _variants(n: int):
    return (a_variant(f"{n}{m}", sku=f"Q-{n}-{m}") for m in range(10, 13))


def asked(staff, page: str) -> int:
    staff.get(page)  # what is read once a process is read
    with CaptureQueriesContext(connection) as queries:
        assert staff.get(page).status_code == 200
    return len(queries)
