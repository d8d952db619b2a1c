"""The mirror as staff see it: a product with all of it, what happened to a SKU, quarantine, CSV files."""

import csv
import io
import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from catalog_mirror.models import Product, QuarantinedRecord, Variant
from groundwork.models import AuditEntry
from portal.pages import mirror as mirror_pages
from sync.models import DriftCorrection, SweepRun
from tests.factories import a_product, a_variant, mirrored, now, variant
from tests.portal.conftest import of_group, signed_in
from tests.sync.conftest import connected, run, shop  # noqa: F401 - fixtures
from tests.sync.hooks import follow_all, send, told
from tests.sync.test_reconcile import simple


def rows(answer, title: str) -> list[list[object]]:
    [table] = [each for each in answer.context["tables"] if each.title.startswith(title)]
    return [[cell.value for cell in row] for row in table.rows]


def test_a_product_is_shown_with_variants_stock_images_and_its_shop(people, staff):
    pictures = ({"url": "https://cdn.example/a.jpg", "alt": "Front"},)
    mirrored(
        people.source,
        a_product(
            "p9",
            a_variant("91", sku="NEW-1", images=pictures),
            a_variant("92", sku="NEW-2", images=pictures, is_published=False),
            url="https://shop.example/p9",
        ),
    )
    page = f"/admin/catalog_mirror/product/{Product.objects.get(code='P9').pk}/change/"
    answer = staff.get(page)
    assert [row[:2] for row in rows(answer, "Variants")] == [
        ["NEW-1", "published"],
        ["NEW-2", "hidden"],
    ]
    assert rows(answer, "Variants")[0][3] == "10 USD"
    assert rows(answer, "Stock")[0][2] == 5
    said = answer.content.decode()
    assert 'href="https://shop.example/p9"' in said
    assert said.count('href="https://cdn.example/a.jpg"') == 1
    assert "/admin/catalog_mirror/variant/timeline/?of=NEW-1" in said
    assert staff.get("/admin/catalog_mirror/product/999/change/").status_code == 404


def test_a_sku_s_timeline_leads_from_the_webhook_to_what_it_caused(shop):  # noqa: F811
    staff = signed_in(User.objects.create_superuser("ann"))
    record = simple(shop, 0)
    shop.edit_price(record.id, "9.99")
    send("small-1", told(shop))
    follow_all()
    sku = Variant.objects.get(external_id=str(record.id)).sku
    answer = staff.get("/admin/catalog_mirror/variant/timeline/", {"of": sku})
    found = [[cell.value for cell in row] for row in answer.context["table"].rows]
    assert "webhook" in {row[1] for row in found}
    cause = next(cell for row in answer.context["table"].rows for cell in row[3:] if cell.url)
    under = staff.get(cause.url)
    assert under.context["table"].rows
    empty = staff.get("/admin/catalog_mirror/variant/timeline/", {"of": "NOBODY"})
    assert "Nothing is known of it." in empty.content.decode()
    assert "Give a SKU" in staff.get("/admin/catalog_mirror/variant/timeline/").content.decode()


def test_who_may_not_see_causes_sees_no_timeline(people):
    viewer = of_group("Catalogue viewer")
    assert viewer.get("/admin/catalog_mirror/variant/timeline/?of=PEN-01").status_code == 403
    product = Product.objects.first()
    page = viewer.get(f"/admin/catalog_mirror/product/{product.pk}/change/")
    assert page.status_code == 200
    assert "timeline" not in page.content.decode()


def retried(client: Client, *records: QuarantinedRecord):
    chosen = {"action": "retry", "_selected_action": [record.pk for record in records]}
    return client.post("/admin/catalog_mirror/quarantinedrecord/", chosen, follow=True)


def test_what_was_mended_in_the_shop_is_mirrored_at_once(shop):  # noqa: F811
    staff = signed_in(User.objects.create_superuser("ann"))
    record = simple(shop, 0)
    good = Variant.objects.get(external_id=str(record.id)).sku
    shop.rename_sku(record.id, "")
    run("reconcile")
    kept = QuarantinedRecord.objects.get(external_id=str(record.id))
    assert "0 of 1 are mirrored now." in retried(staff, kept).content.decode()
    shop.rename_sku(record.id, good + "-B")
    assert "1 of 1 are mirrored now." in retried(staff, kept).content.decode()
    assert not QuarantinedRecord.objects.filter(pk=kept.pk).exists()
    assert Variant.objects.get(external_id=str(record.id)).sku == good + "-B"
    entry = AuditEntry.objects.filter(action="retry_quarantined").latest("pk")
    assert (entry.actor, entry.subject, entry.after) == (
        "ann",
        "small-1",
        {"records": 1, "left": 0},
    )


def test_a_source_that_is_not_connected_says_so_and_changes_nothing(people, staff):
    at = now()
    says = {"reason": "no_sku", "detail": "", "first_seen_at": at, "last_seen_at": at}
    made = QuarantinedRecord.objects.create(
        source=people.source, external_id="1", product_external_id="1", sku="", **says
    )
    assert "could not be read" in retried(staff, made).content.decode()
    assert QuarantinedRecord.objects.count() == 1


@pytest.mark.parametrize("group", ["Catalogue viewer", "Account manager"])
def test_who_may_not_operate_retries_nothing(people, group):
    at = now()
    says = {"reason": "no_sku", "detail": "", "first_seen_at": at, "last_seen_at": at}
    made = QuarantinedRecord.objects.create(
        source=people.source, external_id="1", product_external_id="1", sku="", **says
    )
    retried(of_group(group), made)
    assert not AuditEntry.objects.filter(action="retry_quarantined").exists()


def test_pictures_are_shown_without_telling_the_shop_where_from(people, staff):
    pictures = ({"url": "https://cdn.example/a.jpg", "alt": 'Front "A"'},)
    mirrored(people.source, a_product("p9", a_variant("91", sku="NEW-1", images=pictures)))
    page = _product_page(staff, "NEW-1")
    picture = '<img src="https://cdn.example/a.jpg" alt="Front &quot;A&quot;"'
    assert picture in page
    assert 'loading="lazy" referrerpolicy="no-referrer"' in page


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", " javascript:alert(1)", "data:text/html,x"]
)
def test_what_a_shop_calls_an_address_is_followed_only_if_it_is_one_of_the_web(
    people, staff, address
):
    pictures = ({"url": address, "alt": ""},)
    sold = a_product("p9", a_variant("91", sku="NEW-1", images=pictures), url=address)
    mirrored(people.source, sold)
    page = _product_page(staff, "NEW-1")
    assert page.count(address.strip()) == 2
    assert not re.search(r"(href|src)=\"\s*(javascript|data):", page)


def _product_page(staff, sku: str) -> str:
    product = variant(sku).product_id
    return staff.get(f"/admin/catalog_mirror/product/{product}/change/").content.decode()


def test_a_file_is_whole_or_not_made_at_all(people, staff, monkeypatch):
    monkeypatch.setattr(mirror_pages, "MOST_LINES", 1)
    for _ in range(2):
        ended = {"started_at": now(), "finished_at": now(), "status": "complete"}
        SweepRun.objects.create(source=people.source, **ended)
    pks = list(SweepRun.objects.values_list("pk", flat=True))
    said = {"action": "as_csv", "_selected_action": pks}
    answer = staff.post("/admin/sync/sweeprun/", said, follow=True)
    assert (
        "A file has at most 1 lines. Narrow the list by its filters first."
        in answer.content.decode()
    )
    one = staff.post("/admin/sync/sweeprun/", said | {"_selected_action": pks[:1]})
    assert one["Content-Type"] == "text/csv"


def test_corrections_are_taken_out_as_a_file_that_no_spreadsheet_computes(people, staff):
    sweep = SweepRun.objects.create(source=people.source, started_at=now(), status="running")
    says = {"revision": 1, "source": "drinkware", "external_id": "1", "facet": "price"}
    for sku in ("=1+1", "PEN-01"):
        DriftCorrection.objects.create(run=sweep, sku=sku, field="list_price", **says)
    chosen = {
        "action": "as_csv",
        "_selected_action": DriftCorrection.objects.values_list("pk", flat=True),
    }
    answer = staff.post("/admin/sync/driftcorrection/", chosen)
    assert answer["Content-Disposition"] == 'attachment; filename="driftcorrection.csv"'
    lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert sorted(line["sku"] for line in lines) == ["'=1+1", "PEN-01"]
    sweeps = {"action": "as_csv", "_selected_action": [sweep.pk]}
    assert "running" in staff.post("/admin/sync/sweeprun/", sweeps).content.decode()
