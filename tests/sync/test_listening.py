"""Whether a shop's webhooks are there, active, and call us; what a person is told to paste."""

import json
from datetime import timedelta

import pytest

from groundwork.models import Alarm
from sync import schedule
from sync.http import ShopError
from sync.models import Connection
from sync.tasks import check_webhooks
from tests.sync.conftest import run

URL = "https://tc.example/hooks/small-1/"
TOPICS = ("product.created", "product.updated", "product.deleted", "product.restored")


@pytest.fixture(autouse=True)
def public(settings):
    settings.PUBLIC_URL = "https://tc.example"


@pytest.fixture
def listening(shop):
    shop.webhooks.add_all(URL, "secret")
    return shop


def test_all_active_is_said_and_noted(listening):
    said = run("check_source", "small-1")
    assert (said.code, said.out) == (0, f"All webhooks are active and deliver to {URL}\n")
    row = Connection.objects.get()
    assert (row.webhooks_problem, row.webhooks_checked_at is None) == ("", False)
    assert Alarm.objects.count() == 0


def test_without_any_all_are_named_with_what_to_paste(shop):
    said = run("check_source", "small-1")
    lines = said.out.splitlines()
    assert lines[:4] == [f"There is no webhook for {topic}: add one." for topic in TOPICS]
    assert f"  Delivery URL  {URL}" in lines
    assert (said.code, said.error) == (
        1,
        "small-1: 4 of its webhooks lack something. Mend them in the shop, then check again.",
    )
    alarm = Alarm.objects.get(closed_at=None)
    assert (alarm.code, alarm.subject) == ("webhooks_inactive", "small-1")


@pytest.mark.parametrize("status", ["paused", "disabled"])
def test_one_that_is_not_active_is_named(listening, status):
    listening.webhooks.registered[1].status = status
    said = run("check_source", "small-1")
    assert said.out.splitlines()[0] == (
        f"Webhook 2 for product.updated is {status}: set it to active."
    )


def test_one_that_calls_elsewhere_is_named(listening):
    listening.webhooks.registered[2].delivery_url = "https://tc.example/hooks/other/"
    said = run("check_source", "small-1")
    assert said.out.splitlines()[0] == (
        "Webhook 3 for product.deleted delivers to https://tc.example/hooks/other/: it should be "
        f"{URL}."
    )


def test_one_that_calls_elsewhere_beside_ours_does_not_matter(listening):
    listening.webhooks.add("product.deleted", "https://erp.example/")
    assert run("check_source", "small-1").code == 0


def test_more_than_a_page_of_webhooks_is_read(shop):
    for number in range(130):
        shop.webhooks.add("product.updated", f"https://erp.example/{number}")
    shop.webhooks.add_all(URL)
    assert run("check_source", "small-1").code == 0


def test_what_is_mended_closes_the_alarm(shop):
    run("check_source", "small-1")
    shop.webhooks.add_all(URL)
    run("check_source", "small-1")
    assert Alarm.objects.get().closed_at is not None


def test_json_is_one_document(shop):
    document = json.loads(run("check_source", "small-1", json=True).out)
    assert document == {
        "source": "small-1",
        "delivery_url": URL,
        "is_polled": False,
        "problems": [f"There is no webhook for {topic}: add one." for topic in TOPICS],
    }


def test_a_shop_that_does_not_answer_is_told_and_alarms_until_it_was_looked_at(shop):
    shop.faults.set("down")
    said = run("check_source", "small-1")
    assert said.code == 1
    assert said.error.startswith("small-1: The shop cannot be reached")
    assert "They could not be looked at" in Connection.objects.get().webhooks_problem
    assert Alarm.objects.get(closed_at=None).code == "webhooks_inactive"


def test_an_unknown_source_is_wrong_usage(database):
    assert run("check_source", "nope").code == 2


def test_it_is_looked_at_once_a_day_whatever_ticks(listening, clock):
    [source_id] = schedule.due_checks()
    assert schedule.due_checks() == []
    check_webhooks(source_id=source_id, later_argument=1)
    assert Connection.objects.get().webhooks_problem == ""
    clock.move(timedelta(hours=23))
    assert schedule.due_checks() == []
    clock.move(timedelta(hours=2))
    assert schedule.due_checks() == [source_id]


def test_a_nightly_look_at_a_shop_that_is_down_waits_for_the_next_night(listening):
    [source_id] = schedule.due_checks()
    listening.faults.set("down")
    with pytest.raises(ShopError):
        check_webhooks(source_id=source_id)
    assert schedule.due_checks() == []
    problem = Connection.objects.get().webhooks_problem
    assert problem.startswith("They could not be looked at: The shop cannot be reached")
    assert problem in Alarm.objects.get(code="webhooks_inactive", closed_at=None).message


def test_adding_a_source_says_what_to_paste(connected):
    one = connected()
    said = run("add_source", "other", url=one.url, key=one.shop.shop.consumer_key,
               secret=one.shop.shop.consumer_secret)  # fmt: skip
    assert "  Delivery URL  https://tc.example/hooks/other/" in said.out.splitlines()
    for topic in TOPICS:
        assert f"({topic})" in said.out
    assert "Then `manage.py check_source other` tells whether they are active." in said.out
