"""The first page: what needs a person, how fresh the mirror is, what partners asked for."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apikeys import keys, usage
from apikeys.models import UsageHour
from catalog_mirror.models import HeldChange, QuarantinedRecord
from customers import applications
from groundwork.alarms import open_alarm
from portal import figures, tasks
from portal.charts import Bar, bars
from portal.spans import span
from sync.models import Connection, InboundEvent
from tests.factories import client_of, now, terms_changed
from tests.portal.test_applying import FACTS


def needs(staff) -> dict[str, int]:
    answer = staff.get("/admin/")
    assert answer.status_code == 200
    return {need["words"].split()[0]: need["count"] for need in answer.context["home"]["needs"]}


def test_a_quiet_house_needs_nobody(people, staff):
    answer = staff.get("/admin/")
    assert answer.context["home"]["needs"] == []
    assert "Nothing. What comes up is told here." in answer.content.decode()
    assert "Nothing was summed up yet." in answer.content.decode()
    assert "No shop is mirrored yet." in answer.content.decode()


def test_what_waits_for_a_person_is_counted_and_leads_to_its_list(people, staff):
    at, source = now(), people.source
    applications.apply(address=None, **FACTS | {"monthly_volume": 1})
    of_source = {"source": source, "product_external_id": "1", "sku": "X"}
    seen = {"first_seen_at": at, "last_seen_at": at}
    QuarantinedRecord.objects.create(
        external_id="1", reason="no_sku", detail="", **of_source, **seen
    )
    held = {"first_held_at": at, "last_held_at": at, "read_from": source}
    HeldChange.objects.create(external_id="1", change="retired", **of_source, **held)
    HeldChange.objects.create(external_id="2", change="waiting", **of_source, **held)
    says = {"kind": "woocommerce", "base_url": "https://s.example", "credentials": b""}
    Connection.objects.create(source=source, stale_since=at, **says)
    InboundEvent.objects.create(source=source, body=b"", status="dead", settled_at=at)
    soon = keys.issue(actor="t", customer=people.bob, expires_at=at + timedelta(days=3))[0]
    keys.issue(actor="t", customer=people.bob, expires_at=at + timedelta(days=30))
    rotated = keys.issue(actor="t", customer=people.bob, expires_at=at + timedelta(days=5))[0]
    keys.rotate(rotated.public_id, actor="t")
    terms_changed(people.carol, contract_ends_at=at + timedelta(days=10))
    assert soon
    assert needs(staff) == {
        "Applications": 1,
        "Stale": 1,
        "Changes": 1,
        "Quarantined": 1,
        "Events": 1,
        "Keys": 2,  # one, and the successor of the other, which lasts no longer than that did
        "Contracts": 1,
    }
    for need in staff.get("/admin/").context["home"]["needs"]:
        assert staff.get(need["url"]).status_code == 200, need


def test_open_alarms_and_stale_sources_are_told(people, staff):
    says = {"kind": "woocommerce", "base_url": "https://s.example", "credentials": b""}
    Connection.objects.create(source=people.source, stale_since=now(), **says)
    open_alarm("source_stale", subject="drinkware", message="Look at the shop.")
    page = staff.get("/admin/").content.decode()
    assert "Look at the shop." in page
    assert '<span class="tc-bad">stale</span>' in page


def test_the_workers_sum_up_what_partners_asked_for(people, staff):
    client = client_of(people.alice)
    for path in ("/v1/products", "/v1/products", "/v1/products/NONE"):
        client.get(path)
    usage.sum_up()
    tasks.sum_up_figures()
    summed = figures.summed()
    assert len(summed.hours) == 24
    assert len(summed.days) == 30
    assert (summed.hours[-1].requests, summed.hours[-1].errors) == (3, 1)
    assert (summed.days[-1].requests, summed.days[-1].errors) == (3, 1)
    assert {route: n for route, n, _, _ in summed.routes} == {
        "/v1/products": 2,
        "/v1/products/{sku}": 1,
    }
    assert [row[1:] for row in summed.customers] == [("Alice", 3, 1)]
    page = staff.get("/admin/").content.decode()
    assert "3 requests, 1 errors" in page
    assert f"/admin/customers/customer/{people.alice.pk}/page/" in page


def test_figures_of_an_hour_ago_are_said_to_be_old(people, staff, clock):
    tasks.sum_up_figures()
    assert "the workers have not summed up since" not in staff.get("/admin/").content.decode()
    clock.move(timedelta(hours=1))
    assert "the workers have not summed up since" in staff.get("/admin/").content.decode()


def test_the_home_page_costs_at_most_twenty_queries(people, staff):
    tasks.sum_up_figures()
    staff.get("/admin/")
    with CaptureQueriesContext(connection) as asked:
        staff.get("/admin/")
    assert len(asked) <= 8


def test_a_chart_draws_each_span_and_says_its_sums():
    drawn = str(bars([Bar("a", 10, 5), Bar("<b>", 0, 0)], title="T"))
    assert 'aria-label="T: 10 requests, 5 errors"' in drawn
    assert drawn.count("<rect") == 4
    assert 'y="60.0" width="358.0" height="60.0"' in drawn
    assert "&lt;b&gt;" in drawn
    assert "<script" not in drawn


def test_a_chart_of_nothing_is_drawn_too():
    assert "0 requests, 0 errors" in str(bars([], title="T"))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (90061, "1 d 1 h")],
)
def test_spans_are_said_in_two_units(seconds, words):
    assert span(timedelta(seconds=seconds)) == words


def test_usage_of_another_month_is_left_out(people, staff):
    says = {"key_public_id": "k", "route": "/v1/products", "status": 200}
    counted = {"milliseconds": 1.0, "bytes_sent": 1, "customer_id": people.bob.pk}
    UsageHour.objects.create(hour=now() - timedelta(days=31), requests=9, **says, **counted)
    tasks.sum_up_figures()
    assert figures.summed().customers == []


@pytest.mark.parametrize(("page", "status"), [("1", 200), ("x", 404), ("99", 404)])
def test_the_search_of_the_menu_has_the_pages_that_it_has(staff, page, status):
    assert staff.get("/admin/search/", {"s": "customer", "page": page}).status_code == status
