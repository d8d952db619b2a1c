"""Times are told in the viewer's zone, with UTC for who points at them."""

import pytest

from apikeys import keys
from groundwork.models import AuditEntry
from tests.factories import client_of


def test_a_list_tells_times_in_the_viewer_s_zone_and_utc_on_hover(people, staff):
    keys.issue(actor="ann", customer=people.bob)
    entry = AuditEntry.objects.latest("pk")
    staff.cookies["zone"] = "Asia/Tokyo"
    page = staff.get("/admin/groundwork/auditentry/").content.decode()
    utc, hour = f"{entry.at:%Y-%m-%d %H:%M:%S} UTC", (entry.at.hour + 9) % 24
    assert f'title="{utc}"' in page
    assert f" {hour:02}:{entry.at:%M}</time>" in page


@pytest.mark.parametrize("model", ["groundwork/auditentry", "apikeys/apikey"])
def test_so_does_a_page_that_is_only_looked_at_or_changed_in_part(people, staff, model):
    key, _ = keys.issue(actor="ann", customer=people.bob)
    at, pk = key.created_at, key.pk
    if model == "groundwork/auditentry":
        entry = AuditEntry.objects.latest("pk")
        at, pk = entry.at, entry.pk
    staff.cookies["zone"] = "Asia/Tokyo"
    page = staff.get(f"/admin/{model}/{pk}/change/").content.decode()
    assert f'title="{at:%Y-%m-%d %H:%M:%S} UTC"' in page
    assert f" {(at.hour + 9) % 24:02}:{at:%M}</time>" in page


@pytest.mark.parametrize("zone", ["Nowhere/At_all", "../../etc/passwd", "x" * 3000, "\x01", ""])
def test_a_zone_that_is_none_is_utc(people, staff, zone):
    keys.issue(actor="ann", customer=people.bob)
    entry = AuditEntry.objects.latest("pk")
    staff.cookies["zone"] = zone
    page = staff.get("/admin/groundwork/auditentry/").content.decode()
    assert f"{entry.at:%Y-%m-%d %H:%M}</time>" in page


def test_what_is_typed_is_meant_in_the_viewer_s_zone(people, staff):
    staff.cookies["zone"] = "Asia/Tokyo"
    terms = people.carol.customerterms_set.get()
    says = {"status": "active", "currency": "USD", "unpriced": "list_price"}
    times = {"contract_starts_at_0": "2026-03-03", "contract_starts_at_1": "09:00"}
    ends = {"contract_ends_at_0": "", "contract_ends_at_1": ""}
    page = f"/admin/customers/customerterms/{terms.pk}/change/"
    assert staff.post(page, says | times | ends).status_code == 302
    begins = people.carol.customerterms_set.latest("pk").contract_starts_at
    assert f"{begins:%Y-%m-%d %H:%M}" == "2026-03-03 00:00"


def test_partners_are_told_times_in_utc_whatever_their_cookies(people):
    client = client_of(people.alice)
    client.cookies["zone"] = "Asia/Tokyo"
    assert client.get("/v1/products").json()["as_of"].endswith("Z")
