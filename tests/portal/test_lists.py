"""The lists of all rooms are written by the portal: safe, linked, and the same as the theme's."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import User

from apikeys import keys
from catalog_mirror.models import Variant
from customers.models import Customer
from groundwork import admin as lists_of_staff
from tests.factories import a_product, a_variant, mirrored

NASTY = '<script>alert("x")</script>'


@pytest.fixture
def variants(people, staff):
    """Return the page of the variants' list."""
    return lambda query="": staff.get(f"/admin/catalog_mirror/variant/{query}").content.decode()


def test_what_a_shop_says_is_text_and_never_a_mark(people, staff, variants):
    mirrored(people.source, a_product("bad", a_variant("bad", sku='"><b>'), name=NASTY))
    page = variants() + staff.get("/admin/catalog_mirror/product/").content.decode()
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;" in page
    assert "&quot;&gt;&lt;b&gt;" in page
    assert NASTY not in page
    assert '"><b>' not in page


def test_a_row_leads_to_its_page_and_keeps_the_filters_to_come_back_to(people, variants):
    mug = Variant.objects.get(sku="MUG-11-BLK")
    page = variants("?q=MUG-11-BLK&stock_status__exact=in_stock")
    kept = "_changelist_filters=q%3DMUG-11-BLK%26stock_status__exact%3Din_stock"
    assert f'<a href="/admin/catalog_mirror/variant/{mug.pk}/change/?{kept}"' in page
    assert page.count('class="data-row') == 1


def test_a_row_is_headed_by_what_it_is_called_by_and_labeled_for_small_screens(people, variants):
    row = _row(variants(), "MUG-11-BLK")
    assert re.search(r"<th [^>]*data-label=\"SKU\">", row, re.IGNORECASE)
    assert re.search(r"<td [^>]*field-is_published[^>]*>\s*<div[^>]*title=\"True\"", row)
    assert re.search(r"<td [^>]*field-brand[^>]*nowrap[^>]*>Northcup</td>", row)


def test_what_is_not_known_is_a_dash(people, variants):
    mirrored(people.source, a_product("plain", a_variant("plain", sku="PLAIN-1"), brand=None))
    assert re.search(r"<td [^>]*field-brand[^>]*>-</td>", _row(variants(), "PLAIN-1"))


def test_a_box_carries_the_row_that_it_chooses(people, staff):
    keys.issue(actor="ann", customer=people.alice)
    pks = list(keys.living().order_by("-pk").values_list("pk", flat=True))
    page = staff.get("/admin/apikeys/apikey/").content.decode()
    assert re.findall(r'name="_selected_action" value="(\d+)"', page) == [str(pk) for pk in pks]
    assert page.count('aria-label="Select record"') == len(pks)


def test_a_list_shows_20_rows_and_the_way_to_the_rest(people, staff):
    Customer.objects.bulk_create(Customer(slug=f"c-{n}", name=f"C {n}") for n in range(30))
    page = staff.get("/admin/customers/customer/").content.decode()
    assert page.count('class="data-row') == 20
    rest = staff.get("/admin/customers/customer/?p=2").content.decode()
    assert rest.count('class="data-row') == Customer.objects.count() - 20


def test_every_list_of_the_site_is_written_so(people, staff):
    pages = [page.opts for page in (admin.site._registry[each] for each in admin.site._registry)]
    for opts in pages:
        answer = staff.get(f"/admin/{opts.app_label}/{opts.model_name}/")
        assert answer.status_code == 200
        assert "portal/list.html" in [each.name for each in answer.templates]
    assert len(pages) > 30


def test_an_unknown_is_told_from_a_no(people, staff):
    User.objects.create_user("cat", is_active=False)
    page = staff.get("/admin/auth/user/").content.decode()
    assert 'title="False"' in _row(page, "cat")


def _row(page: str, text: str) -> str:
    return next(each for each in page.split("<tbody")[1:] if f">{text}<" in each)


def test_a_list_that_is_not_counted_to_its_end_says_so(people, variants, monkeypatch):
    assert "5 results" in variants()
    assert "Show all" not in variants()
    assert re.search(r"1 result .*Show all", variants("?q=MUG-11-BLK"))
    monkeypatch.setattr(lists_of_staff, "_MOST_COUNTED", 30)
    mirrored(
        people.source, *(a_product(f"x{n}", a_variant(f"x{n}", sku=f"X-{n}")) for n in range(40))
    )
    assert "30 results or more" in variants()


def test_a_sku_that_is_given_whole_is_found_alone_and_a_part_of_one_finds_all(people, variants):
    mirrored(people.source, a_product("p90", a_variant("v90", sku="PEN-01-XL")))
    found = [
        set(re.findall(r">(PEN-01[-A-Z]*)<", variants(f"?q={q}"))) for q in ("PEN-01", "EN-01")
    ]
    assert found == [{"PEN-01"}, {"PEN-01", "PEN-01-XL"}]


def test_a_search_in_a_popup_stays_in_it(people, variants):
    assert 'href="?_popup=1">Show all' in variants("?q=nobody-carries-this&_popup=1")
