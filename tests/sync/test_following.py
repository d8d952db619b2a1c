"""What a shop tells by webhook is in the mirror once it was followed, and nothing else is."""

import time
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from django.db import connection as database

from catalog_mirror.models import QuarantinedRecord, Revision, Source, Variant
from demo.shops import small_shop
from demo.storefront.storefront import Storefront
from groundwork.models import Alarm
from sync import events, following
from sync.following import follow
from sync.lines import line_to
from sync.models import Connection, InboundEvent, SweepRun
from tests.sync.conftest import moved, picture, run
from tests.sync.hooks import (
    DEAD,
    DONE,
    PENDING,
    deliver,
    follow_all,
    make_due,
    send,
    statuses,
    stored,
    told,
)
from tests.sync.test_reconcile import CHANGED, mirrored, sellable, simple

SLUG = "small-1"


def variations(shop: Storefront, kind: str) -> list:
    """The variations of one of the shop's odd products."""
    return list(shop.store.catalogue.variations_of(shop.store.catalogue.products[shop.odd[kind]]))


EDITS = {
    "price": lambda s, r: s.edit_price(r.id, "9.99"),
    "sale price": lambda s, r: s.edit_sale_price(r.id, "0.01"),
    "sold": lambda s, r: s.sell(r.id),
    "stock": lambda s, r: s.set_stock(r.id, 7),
    "renamed": lambda s, r: s.rename(r.id, "New"),
    "SKU": lambda s, r: s.rename_sku(r.id, "NEW-1"),
    "hidden": lambda s, r: s.hide(r.id),
    "in the trash": lambda s, r: s.trash(r.id),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_that_is_told_reaches_the_mirror_without_a_sweep(shop, edit):
    record = simple(shop, 0)
    before = picture()
    EDITS[edit](shop, record)
    assert send(SLUG, told(shop)) == [200]
    assert moved(before, picture()) == {}
    follow_all()
    rows = moved(before, picture())
    assert set(rows) >= CHANGED
    assert [row["external_id"] for row in rows["variant"]] == [str(record.id)]
    assert len(rows["revision"]) == 1
    assert statuses() == [DONE]
    assert mirrored() == sellable(shop)


def test_the_revision_and_the_event_carry_the_id_of_the_request(shop):
    shop.edit_price(simple(shop, 0).id, "9.99")
    send(SLUG, told(shop))
    event = InboundEvent.objects.get()
    follow_all()
    revision = Revision.objects.latest("number")
    assert (revision.origin, revision.correlation_id) == ("webhook", event.correlation_id)
    event.refresh_from_db()
    assert (event.merged_into, event.attempts, event.error) == (event.correlation_id, 1, "")


def test_events_of_one_product_are_read_once_and_those_of_many_together(shop):
    records = [simple(shop, at) for at in range(5)]
    for record in records:
        shop.edit_price(record.id, "9.99")
    messages = told(shop)
    send(SLUG, [*messages, *reversed(messages), *messages])
    before = shop_requests(shop)
    follow_all()
    # The products, and once the units of the shop.
    assert shop_requests(shop) - before == 2
    assert statuses() == [DONE] * 15
    assert mirrored() == sellable(shop)
    first = InboundEvent.objects.earliest("pk").correlation_id
    assert set(InboundEvent.objects.values_list("merged_into", flat=True)) == {first}


def shop_requests(shop: Storefront) -> int:
    return shop.asked


def test_a_line_to_the_shop_is_kept_for_the_next_event(shop):
    for price in ("9.99", "9.98", "9.97"):
        shop.edit_price(simple(shop, 0).id, price)
        send(SLUG, told(shop))
        before = shop_requests(shop)
        follow_all()
    assert shop_requests(shop) - before == 1


def test_a_changed_address_is_asked_from_then_on(shop, connected):
    deliver(SLUG, {"id": simple(shop, 0).id, "type": "simple"})
    follow_all()
    Connection.objects.update(base_url="http://127.0.0.1:9")
    deliver(SLUG, {"id": simple(shop, 0).id, "type": "simple"})
    follow_all()
    assert statuses() == [DONE, PENDING]


def test_a_variation_is_read_alone_and_under_its_product(shop):
    one, other = variations(shop, "variable_130")[:2]
    before = picture()
    shop.change_silently(other.id, regular_price="1.11")
    shop.edit_price(one.id, "9.99")
    [message] = told(shop)
    body = orjson.loads(message.body)
    assert (body["id"], body["type"], body["parent_id"]) == (one.id, "variation", one.parent_id)
    send(SLUG, [message])
    follow_all()
    rows = moved(before, picture())
    assert [row["external_id"] for row in rows["variant"]] == [str(one.id)]


def test_stock_that_the_product_counts_moves_every_variation_of_it(shop):
    family = variations(shop, "variable_manages_stock")
    shop.sell(family[0].id, 2)
    [message] = told(shop)
    assert orjson.loads(message.body)["type"] == "variable"
    send(SLUG, [message])
    before = picture()
    follow_all()
    rows = moved(before, picture())
    assert {row["external_id"] for row in rows["variant"]} == {str(v.id) for v in family}
    assert mirrored() == sellable(shop)


def test_a_whole_family_is_read_together_with_other_products(shop):
    shop.rename(shop.odd["variable_130"], "Renamed")
    send(SLUG, told(shop))
    deliver(SLUG, {"id": simple(shop, 0).id, "type": "simple"})
    before = shop_requests(shop)
    follow_all()
    # Products, units, the two places that may list all variations, and 130 of them, 100 at a time.
    assert shop_requests(shop) - before == 6
    assert mirrored() == sellable(shop)


def test_a_product_goes_to_the_trash_with_its_variations_and_comes_back(shop, brake_off):
    parent = shop.odd["variable_130"]
    shop.trash(parent)
    messages = told(shop)
    assert {orjson.loads(m.body).keys() == {"id"} for m in messages} == {True}
    assert len(messages) == 131
    send(SLUG, messages)
    follow_all()
    assert Variant.objects.filter(product__external_id=parent, retired_at=None).count() == 0
    assert mirrored() == sellable(shop)
    shop.untrash(parent)
    messages = told(shop)
    assert len(messages) == 132
    send(SLUG, messages)
    follow_all()
    assert mirrored() == sellable(shop)
    assert set(statuses()) == {DONE}


def test_one_variation_in_the_trash_is_retired_alone(shop):
    one = variations(shop, "variable_130")[0]
    shop.trash(one.id)
    send(SLUG, told(shop))
    follow_all()
    retired = Variant.objects.exclude(retired_at=None)
    assert [row.external_id for row in retired] == [str(one.id)]


def test_a_new_product_is_mirrored_though_its_update_came_first(shop):
    new = shop.add_simple("NEW-1", name="New", price="5.00", stock=3)
    shop.edit_price(new, "6.00")
    send(SLUG, list(reversed(told(shop))))
    follow_all()
    assert mirrored() == sellable(shop)
    assert Variant.objects.get(sku="NEW-1").list_price == 6


def test_a_simple_product_that_became_variable_gives_its_variant_up(shop):
    record = simple(shop, 0)
    shop.change_silently(record.id, type="variable")
    shop.rename(record.id, "Now variable")
    send(SLUG, told(shop))
    follow_all()
    assert Variant.objects.get(external_id=record.id).retired_at is not None


@pytest.mark.parametrize("foreign", [99_000_001, 2**62])
def test_a_foreign_id_is_done_and_nothing_is_asked_or_changed(shop, foreign):
    before, asked = picture(), shop_requests(shop)
    deliver(SLUG, {"id": foreign}, topic="product.deleted")
    follow_all()
    assert (statuses(), moved(before, picture()), shop_requests(shop)) == ([DONE], {}, asked)


def test_another_resource_is_left_alone(shop):
    before, asked = picture(), shop_requests(shop)
    deliver(SLUG, {"id": simple(shop, 0).id, "type": "simple"}, topic="order.updated")
    follow_all()
    assert (statuses(), moved(before, picture()), shop_requests(shop)) == ([DONE], {}, asked)


def test_an_orphan_variation_is_left_alone(shop):
    asked = shop_requests(shop)
    deliver(SLUG, {"id": 5, "type": "variation", "parent_id": 0})
    follow_all()
    assert (statuses(), shop_requests(shop)) == ([DONE], asked)


POISON = {
    "no JSON": (b"<html>", "Its body is no JSON."),
    "nothing": (b"", "Its body is no JSON."),
    "half": (b'{"id":5', "Its body is no JSON."),
    "no UTF-8": (b'{"id":"\xff"}', "Its body is no JSON."),
    "deep": (b"[" * 5_000, "Its body is no JSON."),
    "a list": (b"[5]", "Its body is no record."),
    "a number": (b"5", "Its body is no record."),
    "no id": (b"{}", "Its body names no product."),
    "an id of text": (b'{"id":"5"}', "Its body names no product."),
    "an id of null": (b'{"id":null,"type":"simple"}', "Its body names no product."),
    "true for an id": (b'{"id":true}', "Its body names no product."),
    "a larger id": (b'{"id":' + b"9" * 19 + b"}", "Its body names no product."),
    "an endless id": (b'{"id":' + b"9" * 400 + b"}", "Its body is no JSON."),
    "an error": (
        b'{"code":"woocommerce_rest_product_invalid_id","message":"Invalid ID.","data":{"status":404}}',
        "The shop told of an error of its own (woocommerce_rest_product_invalid_id)",
    ),
    "an odd error": (b'{"code":"\\u0000\\ud800"}', ""),
}


@pytest.mark.parametrize("poison", POISON)
def test_a_signed_body_that_makes_no_sense_is_dead_at_once_and_alarms(shop, poison):
    body, reason = POISON[poison]
    before, asked = picture(), shop_requests(shop)
    assert deliver(SLUG, body).status_code == 200
    follow_all()
    assert (statuses(), moved(before, picture()), shop_requests(shop)) == ([DEAD], {}, asked)
    event = InboundEvent.objects.get()
    assert event.error.startswith(reason)
    assert (event.attempts, bytes(event.body)) == (1, body)
    alarm = Alarm.objects.get(code="hook_events_dead", subject=SLUG, closed_at=None)
    assert alarm.message.startswith("1 events of small-1 could not be followed")


def test_poison_takes_nothing_else_with_it(shop):
    shop.edit_price(simple(shop, 0).id, "9.99")
    deliver(SLUG, b"<html>")
    send(SLUG, told(shop))
    deliver(SLUG, b"[]")
    follow_all()
    assert statuses() == [DEAD, DONE, DEAD]
    assert mirrored() == sellable(shop)


def test_a_category_that_the_mirror_never_saw_is_read(shop):
    record = simple(shop, 0)
    terms = shop.store.catalogue.categories
    new = max(terms) + 1
    terms[new] = type(next(iter(terms.values())))(id=new, name="New", slug="new")
    shop.change_silently(record.id, category_ids=[new])
    shop.edit_price(record.id, "9.99")
    send(SLUG, told(shop))
    follow_all()
    assert mirrored() == sellable(shop)
    assert '"new"' in Variant.objects.get(external_id=record.id).variantdocument.body


def test_skus_that_were_swapped_are_settled_as_a_sweep_does(shop):
    one, other = simple(shop, 0), simple(shop, 1)
    theirs = (one.sku, other.sku)
    shop.rename_sku(one.id, "FOR-A-WHILE")
    shop.rename_sku(other.id, theirs[0])
    shop.rename_sku(one.id, theirs[1])
    messages = told(shop)
    # The event of the one alone: the holder of its new SKU is read again with it.
    send(SLUG, [m for m in messages if orjson.loads(m.body)["id"] == one.id])
    follow_all()
    assert mirrored() == sellable(shop)
    assert not QuarantinedRecord.objects.filter(reason="duplicate_sku", sku__in=theirs).exists()


def test_duplicates_in_any_order_take_no_revision_once_it_is_read(shop):
    shop.edit_price(simple(shop, 0).id, "9.99")
    messages = told(shop)
    send(SLUG, messages)
    follow_all()
    before = picture()
    send(SLUG, messages * 3)
    follow_all()
    assert moved(before, picture()) == {}
    assert statuses() == [DONE] * 4


SHOP_FAULTS = {
    "down": "The shop cannot be reached",
    "unauthorized": "The shop refuses the key",
    "throttled": "The shop keeps asking for fewer requests",
    "failing": "The shop answers with an error of its own",
    "html": "The shop's answer for /wc/v3/products is not",
    "half": "The shop's answer for /wc/v3/products is not",
}


@pytest.mark.parametrize("fault", SHOP_FAULTS)
def test_a_shop_that_cannot_be_read_puts_its_events_off_and_the_mirror_stays(shop, clock, fault):
    shop.edit_price(simple(shop, 0).id, "9.99")
    shop.rename(simple(shop, 1).id, "New")
    send(SLUG, told(shop))
    before, at = picture(), clock.now()
    shop.faults.set(fault)
    follow_all()
    assert (statuses(), moved(before, picture())) == ([PENDING] * 2, {})
    for event in InboundEvent.objects.all():
        assert event.attempts == 1
        assert event.error.startswith(SHOP_FAULTS[fault])
        assert timedelta(seconds=3.75) <= event.next_attempt_at - at < timedelta(seconds=60)
    shop.faults.clear()
    make_due()
    follow_all()
    assert statuses() == [DONE] * 2
    assert mirrored() == sellable(shop)


def test_what_was_tried_often_enough_is_dead_and_a_sweep_is_wanted(shop, clock):
    shop.edit_price(simple(shop, 0).id, "9.99")
    send(SLUG, told(shop))
    shop.faults.set("down")
    InboundEvent.objects.update(attempts=events.ATTEMPTS - 2)
    follow_all()
    assert statuses() == [PENDING]
    assert not SweepRun.objects.filter(status="due").exists()
    make_due()
    follow_all()
    assert statuses() == [DEAD]
    assert SweepRun.objects.get(status="due").slot is None
    alarm = Alarm.objects.get(code="hook_events_dead", closed_at=None)
    assert "The shop cannot be reached" in alarm.message


def test_waits_double_up_to_half_an_hour_and_vary_by_a_quarter():
    middles = [events.wait_after(n, chance=0.5).total_seconds() for n in (1, 2, 3, 9, 10, 11, 900)]
    assert middles == [5, 10, 20, 1280, 1800, 1800, 1800]
    assert events.wait_after(1, chance=0).total_seconds() == 3.75
    assert events.wait_after(1, chance=0.999999).total_seconds() == pytest.approx(6.25, abs=0.001)
    waits = sum((events.wait_after(n, chance=0.5) for n in range(1, events.ATTEMPTS)), timedelta())
    assert timedelta(hours=3) < waits < timedelta(hours=4)


def test_a_product_that_breaks_us_takes_no_other_with_it(shop, monkeypatch):
    good, bad = simple(shop, 0), simple(shop, 1)
    refetch = following._refetch

    def breaks(source, connector, group):
        if any(each.product_id == str(bad.id) for each in group):
            raise ZeroDivisionError
        refetch(source, connector, group)

    monkeypatch.setattr(following, "_refetch", breaks)
    for record in (good, bad):
        shop.edit_price(record.id, "9.99")
    send(SLUG, told(shop))
    for expected in ([PENDING, PENDING], [PENDING, PENDING], [DONE, PENDING]):
        make_due()
        follow_all()
        assert statuses() == expected
    event = InboundEvent.objects.latest("pk")
    assert (event.attempts, event.error) == (3, "It broke us (ZeroDivisionError). See the log.")


def test_what_ends_its_worker_each_time_is_dead(shop):
    deliver(SLUG, {"id": simple(shop, 0).id, "type": "simple"})
    source, asked = Source.objects.get(), shop_requests(shop)
    for _ in range(events.ATTEMPTS):
        make_due()
        assert len(events.claim(source)) == 1
    make_due()
    follow_all()
    assert (statuses(), shop_requests(shop)) == ([DEAD], asked)


def test_what_a_killed_worker_had_in_hand_comes_back_within_45_seconds(shop, clock):
    shop.edit_price(simple(shop, 0).id, "9.99")
    send(SLUG, told(shop))
    source = Source.objects.get()
    assert len(events.claim(source)) == 1
    follow_all()
    assert (statuses(), events.due_sources()) == ([PENDING], [])
    clock.move(timedelta(seconds=40))  # and a tick of five
    assert events.due_sources() == [source.pk]
    follow_all()
    assert statuses() == [DONE]
    assert mirrored() == sellable(shop)


def test_two_workers_never_hold_one_event(shop):
    source = Source.objects.get()
    ids = set(stored(source, *({"id": n, "type": "simple"} for n in range(1, 2001))))
    other = database.copy()
    try:
        with database.cursor() as mine, other.cursor() as theirs:
            parameters = {"source": source.pk, "limit": 1_000, "lease": 30.0}
            mine.execute("begin")
            mine.execute(events._CLAIM, parameters)
            theirs.execute(events._CLAIM, parameters)
            one, two = ({row[0] for row in c.fetchall()} for c in (mine, theirs))
            mine.execute("commit")
    finally:
        other.close()
    assert (len(one), len(two), one | two) == (1_000, 1_000, ids)


def test_what_is_not_come_to_in_time_is_given_back(shop):
    for at in range(3):
        deliver(SLUG, {"id": simple(shop, at).id, "type": "simple"})
    source, asked = Source.objects.get(), shop_requests(shop)
    following._follow(source, events.claim(source), ends_at=time.monotonic())
    assert (statuses(), shop_requests(shop)) == ([PENDING] * 3, asked)
    assert set(InboundEvent.objects.values_list("attempts", flat=True)) == {0}
    assert events.due_sources() == [source.pk]
    follow_all()
    assert statuses() == [DONE] * 3


def test_many_products_are_read_together_only_where_that_saves_requests(connected):
    whole = connected(small_shop(1))
    single = connected(replace(small_shop(2), lists_all_variations=False))
    sizes = []
    for one in (whole, single):
        with line_to(one.source) as connector:
            sizes.append(connector.together)
    assert sizes == [2_000, 100]


def test_a_second_follower_leaves_at_once_and_the_first_looks_again(shop):
    deliver(SLUG, {"id": simple(shop, 0).id, "type": "simple"})
    source = Source.objects.get()
    other = database.copy()
    with other.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s, %s)", [following.FOLLOWING, source.pk])
    assert follow(source) is False
    assert statuses() == [PENDING]
    with other.cursor() as cursor:
        cursor.execute("select pg_advisory_unlock(%s, %s)", [following.FOLLOWING, source.pk])
    other.close()
    assert follow(source) is False
    assert statuses() == [DONE]


def test_an_event_that_comes_while_the_last_is_followed_is_told_to_the_door(shop, monkeypatch):
    """It found the lock taken and left; who held the lock must say that there is more."""
    deliver(SLUG, {"id": simple(shop, 0).id, "type": "simple"})
    source = Source.objects.get()
    claim = events.claim

    def last_claim(of):
        claimed = claim(of)
        if not claimed:
            deliver(SLUG, {"id": simple(shop, 1).id, "type": "simple"})
        return claimed

    monkeypatch.setattr(events, "claim", last_claim)
    assert follow(source) is True
    assert statuses() == [DONE, PENDING]


def test_an_event_older_than_the_last_reading_changes_nothing_back(shop, clock):
    """The fence: what was observed later than this reading stays, whatever this one read."""
    record = simple(shop, 0)
    shop.edit_price(record.id, "9.99")
    send(SLUG, told(shop))
    shop.edit_price(record.id, "8.88")
    run("reconcile")
    before = picture()
    clock.move(timedelta(hours=-1))
    shop.change_silently(record.id, regular_price="7.77")
    make_due()
    follow_all()
    assert moved(before, picture()) == {}
