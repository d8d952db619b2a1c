"""An operator follows one change from the shop's webhook to the partner's receiver, by whatever names it."""

from datetime import timedelta
from io import StringIO

import orjson
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from apikeys.models import RequestLog
from apikeys.searching import under
from groundwork.correlation import made_at, new_correlation_id
from outbound_hooks.delivering import deliver_once, dispatch_all
from outbound_hooks.models import Delivery
from portal.traces import trace
from sync.models import InboundEvent
from tests.factories import client_of
from tests.sync.hooks import follow_all, post, told
from tests.sync.test_reconcile import sellable as sellables

CAUSE = "the-webhook-of-this-test"


@pytest.fixture
def edit(shop, partner):
    """A price was edited; that was told, followed and delivered under one id."""
    dispatch_all()
    deliver_once()
    record = sellable(shop)
    shop.edit_price(record.id, "9.99")
    [message] = told(shop)
    assert (
        post("small-1", message.body, message.headers | {"X-Request-Id": CAUSE}).status_code == 200
    )
    follow_all()
    dispatch_all()
    deliver_once()
    return record


def sellable(shop, *, at: int = 0):
    """One of the shop's goods that can be sold."""
    return shop.store.catalogue.products[int(sorted(sellables(shop))[at])]


def kinds(value: str) -> list[str]:
    return [step.what for step in trace(value)]


WHOLE = ["webhook", "revision", "webhook", "delivery", "attempt", "delivery"]


def test_one_id_leads_from_the_webhook_to_the_receiver(edit):
    steps = trace(CAUSE)
    assert sorted(step.what for step in steps) == sorted(WHOLE)
    assert [step.what for step in steps[:2]] == ["webhook", "revision"]
    assert {step.correlation_id for step in steps} == {CAUSE}
    assert steps == sorted(steps)
    assert "(price.changed) to alice, written for revision" in str(steps)
    assert any("answered 200" in step.said for step in steps if step.what == "attempt")


def test_the_message_and_the_shop_s_delivery_name_the_same(edit):
    message = Delivery.objects.get(correlation_id=CAUSE).message_id
    event = InboundEvent.objects.get()
    assert trace(message) == trace(event.delivery_id) == trace(CAUSE)


def test_a_sku_leads_to_all_that_moved_it_and_told_of_it(edit):
    steps = [step for step in trace(edit.sku) if step.correlation_id == CAUSE]
    assert sorted(step.what for step in steps) == sorted(WHOLE)
    created = [step for step in trace(edit.sku) if step.what == "revision"]
    assert len(created) == 2  # the first sweep, and the edit


def test_an_event_that_was_merged_is_found_by_its_own_id(shop, partner):
    record = sellable(shop)
    for price, name in (("9.98", "first-of-two"), ("9.99", "second-of-two")):
        shop.edit_price(record.id, price)
        [message] = told(shop)
        post("small-1", message.body, message.headers | {"X-Request-Id": name})
    follow_all()
    assert trace("second-of-two") == trace("first-of-two")
    assert [s.correlation_id for s in trace("second-of-two") if s.what == "revision"] == [
        "first-of-two"
    ]


def test_a_partner_s_request_is_found_by_the_id_it_was_answered_with(edit, partner):
    answer = client_of(partner).get("/v1/products", {"limit": "1"})
    [step] = trace(answer["X-Request-Id"])
    assert step.what == "request"
    assert step.said.startswith("GET /v1/products by key ")
    assert "answered 200 in " in step.said


def test_ids_of_ours_are_looked_for_where_they_were_made_and_others_in_the_whole_log(database):
    now = timezone.now()
    ours, theirs = new_correlation_id(), "partner-chose-this"
    assert abs(made_at(ours) - now) < timedelta(seconds=5)
    assert (made_at(theirs), made_at(ours.upper())) == (None, None)
    log([(now, ours), (now - timedelta(hours=1), ours)])
    log([(now, theirs), (now - timedelta(days=300), theirs)])
    assert [step.at for step in trace(ours)] == [now]
    assert [step.at for step in trace(theirs)] == [now - timedelta(days=300), now]


def log(rows) -> None:
    first = RequestLog.objects.count()
    RequestLog.objects.bulk_create(
        RequestLog(
            id=first + number, at=at, method="GET", route="/v1/stock", status=200,
            milliseconds=1.0, correlation_id=identifier,
        )
        for number, (at, identifier) in enumerate(rows)
    )  # fmt: skip


def test_an_id_that_a_partner_chose_has_an_index_that_ids_of_ours_are_not_in(database):
    empty = size_of_index()
    log((timezone.now(), new_correlation_id()) for _ in range(1_000))
    assert size_of_index() == empty
    log((timezone.now(), f"partner-chose-{n}") for n in range(1_000))
    assert size_of_index() > empty
    with connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off")  # so few are quicker read one by one
    assert "_chosen" in RequestLog.objects.filter(under(["partner-chose-7"])).explain()


def size_of_index() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "select sum(pg_relation_size(inhrelid)) from pg_inherits"
            " where inhparent = 'requestlog_of_chosen_id'::regclass"
        )
        return cursor.fetchone()[0]


def test_other_goods_are_not_in_a_sku_s_trace(shop, edit):
    other = sellable(shop, at=1)
    assert {step.correlation_id for step in trace(other.sku)}.isdisjoint({CAUSE})


def test_the_command_prints_a_line_a_step_or_json(edit):
    out = StringIO()
    call_command("trace", CAUSE, stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[0].split() == ["at", "(UTC)", "what", "said", "cause"]
    assert len(lines) == 1 + len(WHOLE)
    out = StringIO()
    call_command("trace", CAUSE, json=True, stdout=out)
    assert [step["what"] for step in orjson.loads(out.getvalue())] == kinds(CAUSE)


@pytest.mark.parametrize("value", ["nobody-knows-this", "", "x" * 5000, "%", "'; --", "\u2603"])
def test_what_nobody_knows_is_said_to_be_unknown(database, value):
    with pytest.raises(CommandError, match="Nothing is known of"):
        call_command("trace", value, stdout=StringIO())
