"""What goes wrong while events are followed harms nothing, is tried again, and ends in an alarm."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection as database

from catalog_mirror.models import Source
from demo.shops import small_shop
from demo.storefront.storefront import Storefront
from groundwork.models import Alarm
from sync import events, following
from sync.following import follow
from sync.lines import line_to
from sync.models import Connection, InboundEvent, SweepRun
from sync.woocommerce.connector import WooCommerce
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
from tests.sync.test_reconcile import mirrored, sellable, simple

SLUG = "small-1"


def shop_requests(shop: Storefront) -> int:
    return shop.asked


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
    assert Connection.objects.get().stale_since >= at
    assert SHOP_FAULTS[fault] in Alarm.objects.get(code="source_stale", closed_at=None).message
    shop.faults.clear()
    make_due()
    follow_all()
    assert Connection.objects.get().stale_since is None
    assert not Alarm.objects.filter(code="source_stale", closed_at=None).exists()
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
    refetch = following.refetch

    def breaks(source, connector, group):
        if any(each.product_id == str(bad.id) for each in group):
            raise ZeroDivisionError
        refetch(source, connector, group)

    monkeypatch.setattr(following, "refetch", breaks)
    for record in (good, bad):
        shop.edit_price(record.id, "9.99")
    send(SLUG, told(shop))
    for expected in ([PENDING, PENDING], [DONE, PENDING]):
        make_due()
        follow_all()
        assert statuses() == expected
    event = InboundEvent.objects.latest("pk")
    assert (event.attempts, event.error) == (2, "It broke us (ZeroDivisionError). See the log.")


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


def test_what_was_read_before_a_sweep_and_comes_after_it_changes_nothing_back(shop, monkeypatch):
    """It is dated by the moment before its first request, so the fence drops it."""
    record = simple(shop, 0)
    shop.edit_price(record.id, "9.99")
    send(SLUG, told(shop))
    fetch, swept = WooCommerce.fetch, []

    def overtaken(self, names, *, families=()):
        fetched = fetch(self, names, families=families)
        if not swept:
            swept.append(True)
            shop.change_silently(record.id, regular_price="8.88")
            assert run("reconcile").code == 0
        return fetched

    monkeypatch.setattr(WooCommerce, "fetch", overtaken)
    follow_all()
    assert (swept, statuses()) == ([True], [DONE])
    assert mirrored() == sellable(shop)


def test_after_an_outage_a_backlog_is_still_read_together(shop):
    errands = [following.Errand(str(n), [events.Claimed(n, attempts=4)]) for n in range(1, 801)]
    sizes = [len(group) for group in following._grouped(errands, size=100)]
    assert sizes == [100] * 8
    assert [len(group) for group in following._grouped(errands[:20], size=100)] == [2] * 10


def test_a_busy_shop_gives_way_to_another_s_events(connected, monkeypatch):
    """One worker follows both: who is told of most must not keep it for as long as that lasts."""
    busy, other = connected(small_shop(1)), connected(small_shop(2))
    for one in (busy, other):
        run("reconcile", source=[one.source.slug])
    monkeypatch.setattr(events, "AT_ONCE", 1)
    list(
        stored(
            busy.source, *({"id": simple(busy.shop, at).id, "type": "simple"} for at in range(3))
        )
    )
    list(stored(other.source, {"id": simple(other.shop, 0).id, "type": "simple"}))
    assert follow(busy.source) is True
    assert statuses() == [DONE, PENDING, PENDING, PENDING]
    assert follow(other.source) is False
    assert follow(busy.source) is False
    assert statuses() == [DONE] * 4
