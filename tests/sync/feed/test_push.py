"""A signed push is a hint to read again, and nothing else."""

import hashlib
import hmac
from datetime import timedelta

import orjson
import pytest

from sync.models import InboundEvent, SweepRun
from tests.sync.conftest import moved, picture, run
from tests.sync.feed.conftest import answer, records, skus
from tests.sync.hooks import follow_all, post, statuses

SECRET = "the maker's own"


def push(body: object, secret: str = SECRET, **headers: str):
    raw = orjson.dumps(body)
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return post("feed", raw, {"X-Signature-256": f"sha256={digest}"} | headers)


@pytest.fixture
def maker(feed):
    one = feed(
        lambda request: answer(records(1, 2)), hook_secret=SECRET, push={"product_id": "item.id"}
    )
    run("reconcile")
    return one


def test_the_product_that_is_named_is_read_again(maker):
    maker.answer = lambda request: answer([records(1)[0] | {"stock": 9}, *records(2, 3)])
    assert push({"item": {"id": "r1"}}).status_code == 200
    follow_all()
    assert skus() == {"SKU-1": 9, "SKU-2": 2}
    assert push({"item": {"id": "r3"}}).status_code == 200
    follow_all()
    assert skus() == {"SKU-1": 9, "SKU-2": 2, "SKU-3": 3}
    assert statuses() == ["done", "done"]


def test_one_that_is_named_and_no_more_listed_is_retired(maker):
    maker.answer = lambda request: answer(records(2))
    push({"item": {"id": "r1"}})
    follow_all()
    assert skus() == {"SKU-2": 2}


@pytest.mark.parametrize("headers", [{"X-Signature-256": ""}, {"X-Signature-256": "sha256=00"}])
def test_what_is_not_signed_is_refused_and_not_kept(maker, headers):
    before = picture()
    assert push({"item": {"id": "r1"}}, **headers).status_code == 401
    assert push({"item": {"id": "r1"}}, secret="guessed").status_code == 401
    assert (InboundEvent.objects.count(), moved(before, picture())) == (0, {})


def test_two_secrets_hold_while_they_are_changed(maker):
    assert run("set_hook_secret", "feed", secret="the next one").code == 0
    assert push({"item": {"id": "r1"}}).status_code == 200
    assert push({"item": {"id": "r1"}}, secret="the next one").status_code == 200
    run("set_hook_secret", "feed", secret="the third one")
    assert push({"item": {"id": "r1"}}).status_code == 401


@pytest.mark.parametrize("body", [{}, {"item": {}}, {"item": {"id": ["r1"]}}, []])
def test_a_push_that_names_nothing_is_dead_at_once(maker, body):
    assert push(body).status_code == 200
    follow_all()
    assert statuses() == ["dead"]


def test_without_a_field_for_the_product_any_push_wants_the_feed_read(feed, clock):
    feed(lambda request: answer(records(1)), hook_secret=SECRET)
    run("reconcile")
    for _ in range(3):
        assert push({"anything": 1}).status_code == 200
    follow_all()
    [wanted] = SweepRun.objects.filter(status="due")
    assert (wanted.slot, statuses()) == (None, ["done"] * 3)
    assert 60 < (wanted.due_at - clock.now()).total_seconds() <= 120


def test_a_hint_that_comes_while_a_sweep_is_overdue_is_not_done_by_one_that_runs(feed, clock):
    """A running sweep that began before the hint would settle what was due before it."""
    feed(lambda request: answer(records(1)), hook_secret=SECRET)
    run("reconcile")
    push({})
    follow_all()
    due = SweepRun.objects.get(status="due").due_at
    clock.move(due - clock.now() + timedelta(minutes=5))
    began = clock.now()
    push({})
    follow_all()
    assert SweepRun.objects.get(status="due").due_at > began
