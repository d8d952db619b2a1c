"""What a customer's view loses, gains and changes is told to its endpoints, and nothing else is."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contract import delta
from outbound_hooks import dispatch, endpoints
from outbound_hooks.delivering import deliver_once, dispatch_all
from outbound_hooks.models import Delivery, Endpoint
from tests.factories import (
    INKWELL,
    a_product,
    a_variant,
    allow,
    client_of,
    deny,
    fixed_price,
    mirrored,
    now,
    percent_off,
    terms_changed,
    variant,
    withdrawn,
)
from tests.outbound_hooks.conftest import registered


def told(receiver) -> list[tuple[str, list[tuple[str, str]]]]:
    """Dispatch and deliver all there is; return what arrived: the type, and each change."""
    start = len(receiver.received)
    while dispatch_all():
        pass
    while deliver_once():
        pass
    return [
        (each.said["type"], [(c["op"], c["sku"]) for c in each.said["data"]["changes"]])
        for each in receiver.received[start:]
    ]


def test_a_stock_change_is_told_as_the_changes_would(people, receiver, endpoint):
    client = client_of(people.alice)
    cursor = client.get("/v1/changes", {"since": "latest"}).json()["delta_cursor"]
    pen = a_variant("3", sku="PEN-01", list_price=Decimal("2.50"), on_hand=7)
    mirrored(
        people.source,
        a_product("p2", pen, code="PEN", brand=INKWELL, category_external_ids=("writing",)),
    )
    assert told(receiver) == [("stock.changed", [("upsert", "PEN-01")])]
    page = client.get("/v1/changes", {"since": cursor}).json()
    (change,) = receiver.received[0].said["data"]["changes"]
    version = change.pop("version")
    (entry,) = page["data"]
    assert version.split(".")[:2] == entry.pop("version").split(".")[:2]
    assert change == entry


def test_nothing_to_tell_is_one_query_for_all_endpoints(people, receiver):
    for number in range(5):
        registered(people.alice, f"{receiver.url}/{number}")
    dispatch_all()
    with CaptureQueriesContext(connection) as queries:
        assert dispatch_all() == 0
    assert len(queries) == 1
    with CaptureQueriesContext(connection) as queries:
        assert deliver_once() == 0
    assert len(queries) == 1


def test_each_kind_of_change_has_its_type(people, receiver, endpoint):
    fixed_price("7", customer=people.alice, variant=variant("PEN-01"))
    assert told(receiver) == [("price.changed", [("upsert", "PEN-01")])]
    rule = deny(customer=people.alice, brand=people.inkwell)
    assert told(receiver) == [("product.removed", [("remove", "PEN-01")])]
    withdrawn(rule)
    assert told(receiver) == [("product.updated", [("upsert", "PEN-01")])]


def test_a_window_that_opens_is_told_without_any_writing(people, receiver, endpoint, clock):
    percent_off("50", customer=people.alice, starts_at=now() + timedelta(hours=1))
    told(receiver)
    assert dispatch.due() == []
    assert Endpoint.objects.get().look_at is not None
    clock.move(timedelta(hours=1, seconds=1))
    ((kind, changes),) = told(receiver)
    assert kind == "price.changed"
    assert ("upsert", "PEN-01") in changes


def test_only_the_facets_that_were_chosen_are_told_but_what_appears_and_goes_always(
    people, receiver
):
    registered(people.alice, receiver.url, facets=("stock",))
    fixed_price("7", customer=people.alice, variant=variant("PEN-01"))
    assert told(receiver) == []
    deny(customer=people.alice, brand=people.inkwell)
    assert told(receiver) == [("product.removed", [("remove", "PEN-01")])]


def test_another_s_change_is_not_told(people, receiver, endpoint):
    fixed_price("7", customer=people.bob, variant=variant("MUG-11-BLK"))
    allow(customer=people.bob)
    assert told(receiver) == []


def test_very_many_changes_are_one_message_with_the_cursor_to_go_on_from(
    people, receiver, endpoint, monkeypatch
):
    monkeypatch.setattr(delta, "EXAMINED", 1)
    client = client_of(people.alice)
    seen = {item["sku"] for item in client.get("/v1/products").json()["data"]}
    percent_off("50", customer=people.alice)
    while dispatch_all():
        pass
    deliver_once()
    (message,) = receiver.received
    data = message.said["data"]
    assert (message.said["type"], data["count"]) == ("catalogue.changed", len(seen))
    monkeypatch.undo()
    page = client.get("/v1/changes", {"since": data["cursor"]}).json()
    assert {entry["sku"] for entry in page["data"]} == seen


def test_outside_its_contract_a_customer_hears_nothing_and_what_waits_is_cancelled(
    people, receiver, endpoint
):
    fixed_price("7", customer=people.alice, variant=variant("PEN-01"))
    dispatch_all()
    terms_changed(people.alice, status="suspended")
    dispatch_all()
    assert Delivery.objects.get().status == "cancelled"
    fixed_price("6", customer=people.alice, variant=variant("MUG-11-BLK"))
    assert told(receiver) == []
    terms_changed(people.alice, status="active")
    while dispatch_all():
        pass
    deliver_once()
    (anew,) = receiver.received  # what was cancelled is not known to the partner
    assert (anew.said["type"], anew.said["data"]["cursor"]) == ("catalogue.changed", None)


def test_a_pause_of_the_contract_in_which_nothing_waited_is_made_up_for(people, receiver, endpoint):
    terms_changed(people.alice, status="suspended")
    assert told(receiver) == []
    fixed_price("6", customer=people.alice, variant=variant("MUG-11-BLK"))
    terms_changed(people.alice, status="active")
    assert told(receiver) == [("product.updated", [("upsert", "MUG-11-BLK")])]


def test_a_contract_that_begins_by_the_clock_is_noticed(people, receiver, endpoint, clock):
    terms_changed(people.alice, contract_starts_at=now() + timedelta(hours=1))
    assert told(receiver) == []
    fixed_price("6", customer=people.alice, variant=variant("MUG-11-BLK"))
    assert told(receiver) == []
    assert dispatch.due() == []
    clock.move(timedelta(hours=1, seconds=1))
    assert told(receiver) == [("product.updated", [("upsert", "MUG-11-BLK")])]


def test_of_two_that_look_at_once_one_writes(people, receiver, endpoint):
    fixed_price("7", customer=people.alice, variant=variant("PEN-01"))
    (due,) = dispatch.due()
    assert (dispatch.dispatched(due), dispatch.dispatched(due)) == (1, 0)
    assert Delivery.objects.count() == 1


def test_an_endpoint_that_takes_nothing_is_given_no_more_than_so_much(
    people, receiver, endpoint, monkeypatch
):
    monkeypatch.setattr(dispatch, "_MOST_WAITING", 2)
    for price in ("7", "6", "5", "4"):
        rule = fixed_price(price, customer=people.alice, variant=variant("PEN-01"))
        dispatch_all()
        withdrawn(rule)
    assert Delivery.objects.count() == 2
    assert [kind for kind, _ in told(receiver)] == ["price.changed"] * 2
    assert [kind for kind, _ in told(receiver)] == ["price.changed"]


def test_a_feed_whose_past_is_not_known_any_more_says_so(people, receiver, endpoint):
    Endpoint.objects.update(cursor="of another installation", seen_revision=-1)
    while dispatch_all():
        pass
    deliver_once()
    (message,) = receiver.received
    data = message.said["data"]
    assert (message.said["type"], data["count"], data["cursor"]) == (
        "catalogue.changed",
        None,
        None,
    )


def test_facets_that_were_changed_during_a_look_are_looked_at_again(people, receiver):
    endpoint, _ = registered(people.alice, receiver.url, facets=("product",))
    fixed_price("8", customer=people.alice, variant=variant("PEN-01"))
    (due,) = dispatch.due()
    endpoints.change(endpoint, actor="ann", facets=["product", "price"])
    assert dispatch.dispatched(due) == 0
    assert told(receiver) == [("price.changed", [("upsert", "PEN-01")])]


def test_a_feed_without_prices_is_not_told_that_prices_moved(people, receiver, monkeypatch):
    registered(people.alice, receiver.url, facets=("stock",))
    monkeypatch.setattr(delta, "EXAMINED", 1)
    percent_off("50", customer=people.alice)
    assert dispatch_all() == 1  # it was looked at
    assert not Delivery.objects.exists()


def test_one_endpoint_whose_look_fails_stops_no_other(people, receiver, monkeypatch):
    bad, _ = registered(people.alice, receiver.url)
    registered(people.bob, receiver.url)
    fixed_price("7", variant=variant("MUG-11-BLK"), customer=people.bob)
    look = dispatch.dispatched

    def failing(endpoint):
        if endpoint.id == bad.pk:
            with connection.cursor() as cursor:
                cursor.execute("set statement_timeout = 1; select pg_sleep(1)")
        return look(endpoint)

    monkeypatch.setattr(dispatch, "dispatched", failing)
    assert dispatch_all() == 1
    assert [each.endpoint.customer.slug for each in Delivery.objects.all()] == ["bob"]


@pytest.mark.parametrize("change", ["url", "facets"])
def test_a_changed_endpoint_goes_on_where_it_stood(people, receiver, endpoint, change):

    says = {"url": {"url": receiver.url + "/new"}, "facets": {"facets": ["price", "product"]}}
    fixed_price("7", customer=people.alice, variant=variant("PEN-01"))
    endpoints.change(endpoint, actor="ann", **says[change])
    assert told(receiver) == [("price.changed", [("upsert", "PEN-01")])]
