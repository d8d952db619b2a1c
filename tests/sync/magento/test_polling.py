"""A shop that tells nothing is asked: for edits every few minutes, for its stock more seldom."""

from contextlib import closing
from datetime import timedelta
from itertools import count

import pytest

from catalog_mirror.models import Revision
from groundwork.instants import database_now
from groundwork.models import Alarm
from sync import polling, schedule, tasks
from sync.connections import connector_for
from sync.http import ShopError
from sync.locks import POLLING
from sync.magento import connector
from sync.models import Connection, DriftCorrection, Poll
from tests.sync.conftest import moved, picture, run
from tests.sync.magento.conftest import family, skus, variant
from tests.sync.shops.magento_shop import edited


def ask(what: str) -> None:
    polling.poll(Poll.objects.get(what=what).pk)


@pytest.fixture
def shop(magento):
    one = magento()
    family(one)
    one.add("PEN", stock=3)
    run("reconcile")
    one.asked.clear()
    return one


def thing(shop, sku: str):
    return next(each for each in shop.things.values() if each.sku == sku)


def test_an_edit_is_read_within_minutes(shop):
    pen = thing(shop, "PEN")
    pen.price = "4.00"
    edited(pen)
    ask("changes")
    assert str(variant("PEN").list_price) == "4.0000"
    assert Revision.objects.latest("number").origin == "poll"


def test_what_was_not_edited_is_not_read_again_and_takes_no_revision(shop):
    thing(shop, "PEN").price = "4.00"
    before = picture()
    ask("changes")
    assert moved(before, picture()) == {}
    assert len(shop.asked) == 1


def test_an_edited_child_is_read_under_its_product_and_a_product_with_its_children(shop):
    black, mug = thing(shop, "MUG-BLK"), thing(shop, "MUG")
    black.price = "5.00"
    edited(black)
    ask("changes")
    assert (str(variant("MUG-BLK").list_price), variant("MUG-BLK").product.code) == (
        "5.0000",
        "MUG",
    )
    mug.name = "Field mug"
    edited(mug)
    ask("changes")
    names = {variant(sku).product.name for sku in ("MUG-BLK", "MUG-WHT")}
    assert names == {"Field mug"}


def test_new_products_and_new_children_appear(shop):
    cap = shop.add("CAP", stock=1)
    edited(cap)
    red = shop.add("MUG-RED", stock=2, more={"visibility": 1, "custom_attributes": [
        {"attribute_code": "color", "value": "93"}]})  # fmt: skip
    edited(red)
    mug = thing(shop, "MUG")
    mug.more["extension_attributes"]["configurable_product_links"].append(red.id)
    edited(mug)
    ask("changes")
    assert skus() == {"MUG-BLK": 5, "MUG-WHT": 7, "PEN": 3, "CAP": 1, "MUG-RED": 2}
    assert variant("MUG-RED").product == variant("MUG-BLK").product


def test_stock_that_moves_no_date_is_read_on_its_own_beat(shop):
    thing(shop, "PEN").stock = 1
    thing(shop, "MUG-WHT").stock = 0
    thing(shop, "MUG-BLK").name = "Not read"
    before = picture()
    ask("changes")
    assert moved(before, picture()) == {}
    ask("stock")
    assert skus() == {"MUG-BLK": 5, "MUG-WHT": 0, "PEN": 1}
    assert set(moved(before, picture())) == {"variant", "stocklevel", "revision"}
    assert variant("MUG-WHT").product.name == "Camp mug"
    before = picture()
    ask("stock")
    assert moved(before, picture()) == {}


def test_the_stock_of_what_the_mirror_does_not_know_waits_for_its_content(shop):
    shop.add("CAP", stock=1)
    ask("stock")
    assert "CAP" not in skus()


def test_a_position_moves_only_when_what_it_stands_for_is_written(shop):
    ask("changes")
    position = Poll.objects.get(what="changes").position
    pen = thing(shop, "PEN")
    pen.price = "4.00"
    edited(pen)
    shop.faults.set("failing", after=1)
    with pytest.raises(ShopError):
        ask("changes")
    shop.faults.clear()
    assert Poll.objects.get(what="changes").position == position
    assert Connection.objects.get().stale_since is not None
    ask("changes")
    assert str(variant("PEN").list_price) == "4.0000"
    assert Poll.objects.get(what="changes").position["at"] > position["at"]
    assert Connection.objects.get().stale_since is None


def test_a_poll_that_is_ended_goes_on_where_it_came_to(shop, monkeypatch):
    """An import edits thousands; a worker that is ended in the middle does not begin anew."""
    monkeypatch.setattr(connector.Magento, "together", 2)
    for number in range(6):
        edited(shop.add(f"CAP-{number}", stock=number))
    shop.faults.set("failing", after=12)
    with pytest.raises(ShopError):
        ask("changes")
    shop.faults.clear()
    done, left = len(skus()) - 3, len(Poll.objects.get(what="changes").left)
    assert (done > 0, done + left) == (True, 6)
    last = next(each for each in shop.things.values() if each.sku == "CAP-5")
    last.stock = 50  # what is left is read as it is then
    ask("changes")
    assert {sku: skus()[sku] for sku in sorted(skus()) if sku.startswith("CAP")} == {
        "CAP-0": 0, "CAP-1": 1, "CAP-2": 2, "CAP-3": 3, "CAP-4": 4, "CAP-5": 50,
    }  # fmt: skip
    assert Poll.objects.get(what="changes").left == []


def test_edits_that_commit_late_are_asked_for_again(shop):
    ask("changes")
    shop.asked.clear()
    ask("changes")
    [asked] = shop.asked
    since = asked.split("value%5D=")[1].split("&")[0].replace("%20", " ").replace("%3A", ":")
    position = Poll.objects.get(what="changes").position["at"]
    assert since < position.replace("T", " ")[:19]


def test_a_shop_whose_clock_is_behind_ours_is_followed(shop, clock):
    clock.move(timedelta(minutes=5))
    ask("changes")
    pen = thing(shop, "PEN")
    pen.price = "4.00"
    edited(pen)
    ask("changes")
    assert str(variant("PEN").list_price) == "4.0000"


def test_no_batch_is_dated_after_the_reading_of_which_child_is_whose(shop):
    """A child that changes hands during a sweep is not put back by a later page."""
    start, ticks = database_now(), count()
    with closing(connector_for(Connection.objects.get().source)) as connector:
        connector._clock = lambda: start + timedelta(seconds=next(ticks))
        dates = [batch.observed_at for batch in connector.everything()]
    assert dates == [start, start]


def test_each_beat_is_told_to_one_caller(shop, clock):
    polls = dict(Poll.objects.values_list("what", "pk"))
    assert sorted(schedule.due_polls()) == sorted(polls.values())
    assert schedule.due_polls() == []
    clock.move(timedelta(minutes=4))
    assert schedule.due_polls() == [polls["changes"]]
    clock.move(timedelta(minutes=12))
    assert sorted(schedule.due_polls()) == sorted(polls.values())


def test_a_day_without_beats_is_asked_about_once(shop, clock):
    schedule.due_polls()
    clock.move(timedelta(days=1))
    assert len(schedule.due_polls()) == 2
    assert schedule.due_polls() == []


def test_a_poll_beside_another_leaves_it_to_that_one(shop, monkeypatch):
    from django.db import connection

    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute(
            "select pg_advisory_lock(%s, %s)", [POLLING, Poll.objects.get(what="stock").pk]
        )
    ask("stock")
    assert shop.asked == []
    ask("changes")  # a long reading of all stock does not keep edits waiting
    assert len(shop.asked) == 1
    with other.cursor() as cursor:
        cursor.execute("select pg_advisory_unlock_all()")
    other.close()
    ask("stock")
    assert len(shop.asked) > 1


def test_the_task_asks_and_takes_later_arguments(shop):
    thing(shop, "PEN").stock = 1
    tasks.poll_shop(poll_id=Poll.objects.get(what="stock").pk, later_argument=1)
    assert skus()["PEN"] == 1


def test_shops_that_tell_by_themselves_are_not_polled(connected):
    connected()
    assert Poll.objects.count() == 0


def test_what_a_sweep_corrects_of_a_shop_that_tells_nothing_is_no_missed_webhook(shop):
    assert run("check_source", "magento").code == 0
    thing(shop, "PEN").price = "4.00"
    run("reconcile")
    [noted] = DriftCorrection.objects.values_list("sku", "field", "cause")
    assert noted == ("PEN", "list_price", "")
    assert Alarm.objects.count() == 0
