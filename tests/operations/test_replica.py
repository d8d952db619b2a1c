"""A standby serves reads; where it lacks what the primary would say, the primary does, and nobody can tell."""

import random
from datetime import datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.conf import settings as django_settings
from django.db import ProgrammingError

from apikeys import keys
from apikeys.models import RequestLog
from catalog_mirror.models import Revision, Source, Variant
from contract import replicas, snapshots
from tests.factories import (
    a_product,
    a_stock,
    a_variant,
    allow,
    cast,
    client_with,
    deny,
    key_of,
    mirrored,
    newest_revision,
    terms_changed,
    withdrawn,
)
from tests.guide import guide_client
from tests.operations.standby import as_replica, standing_by
from tests.promises.clients import ask_once
from tests.promises.processes import Processes

pytestmark = pytest.mark.skipif(
    not django_settings.EMBEDDED, reason="a standby is made of the embedded Postgres"
)


@pytest.fixture(scope="module")
def standby(django_db_setup, django_db_blocker, tmp_path_factory):
    with django_db_blocker.unblock(), standing_by(tmp_path_factory.mktemp("engines")) as replica:
        yield replica


@pytest.fixture
def replica(database, standby, monkeypatch):
    monkeypatch.setattr(replicas, "_rests_until", 0.0)
    with as_replica(standby):
        yield standby
        standby.resume()


@pytest.fixture
def read_from(monkeypatch) -> list[str]:
    """Where each request was read from."""
    told = []
    real = replicas.opened_for

    def noting(*args, **options):
        opened = real(*args, **options)
        told.append(opened.using if opened else "primary")
        return opened

    monkeypatch.setattr(replicas, "opened_for", noting)
    return told


@pytest.fixture
def alice(replica):
    alice = cast().alice
    client = client_with(key_of(alice, requests_a_minute=6000))
    replica.catch_up()
    client.customer = alice
    return client


def stocked(on_hand: int) -> None:
    mirrored(
        Source.objects.get(), a_product("p9", a_variant("9", sku="NEW-9", stock=a_stock(on_hand)))
    )


def shown(client, path: str = "/v1/stock", **params) -> dict:
    answer = client.get(path, params)
    assert answer.status_code == 200, answer.content
    return answer.json()


def timeless(told: dict) -> dict:
    """Return what was said but for the moment at which it was."""
    moving = ("as_of", "version", "delta_cursor", "next_cursor")
    data = [{k: v for k, v in each.items() if k not in moving} for each in told.get("data", ())]
    return {k: v for k, v in told.items() if k not in moving} | {"data": data}


def test_a_standby_that_has_all_serves_the_very_answer(alice, replica, read_from):
    for path in ("/v1/products", "/v1/stock", "/v1/changes", "/v1/brands", "/v1/me"):
        there = shown(alice, path)
        with pytest.MonkeyPatch.context() as without:
            without.setattr(replicas, "are_there", lambda: False)
            here = shown(alice, path)
        assert timeless(there) == timeless(here)
    assert read_from == ["replica"] * 5


def test_every_request_is_logged_on_the_primary_whole(alice, read_from):
    alice.get("/v1/products", {"limit": "1"})
    alice.get("/v1/products/NOBODY")
    rows = RequestLog.objects.order_by("at").values_list("route", "status")
    assert list(rows) == [("/v1/products", 200), ("/v1/products/{sku}", 404)]
    assert all(RequestLog.objects.values_list("bytes_sent", flat=True))


def test_within_the_limit_an_older_view_is_served_for_the_instant_it_was_whole(
    alice, replica, read_from
):
    replica.pause()
    before = newest_revision()
    stocked(3)
    told = shown(alice, "/v1/stock")
    assert read_from == ["replica"]
    assert told["revision"] == before < newest_revision()
    # As of the stamp of what it lacks: the primary's clock has gone on, and so has the standby's.
    missing = Revision.objects.get(number=newest_revision()).recorded_at
    assert datetime.fromisoformat(told["as_of"]) == missing
    assert "NEW-9" not in {item["sku"] for item in told["data"]}


def test_beyond_the_limit_the_primary_is_read(alice, replica, read_from, settings):
    replica.pause()
    settings.REPLICA_LAG = timedelta(0)
    stocked(3)
    assert shown(alice)["revision"] == newest_revision()
    assert read_from == ["primary"]


def test_a_cursor_that_is_ahead_is_answered_by_the_primary(alice, replica, read_from):
    cursor = shown(alice, "/v1/changes", since="latest")["delta_cursor"]
    replica.pause()
    stocked(3)
    with pytest.MonkeyPatch.context() as without:
        without.setattr(replicas, "are_there", lambda: False)
        page = shown(alice, "/v1/changes", since=cursor)
    assert read_from == ["replica"]
    again = shown(alice, "/v1/changes", since=page["delta_cursor"])
    assert again["data"] == []
    assert read_from == ["replica", "primary"]


def test_a_tag_that_is_ahead_is_answered_by_the_primary(alice, replica, read_from):
    replica.pause()
    stocked(3)
    with pytest.MonkeyPatch.context() as without:
        without.setattr(replicas, "are_there", lambda: False)
        tag = alice.get("/v1/stock")["ETag"]
    answer = alice.get("/v1/stock", headers={"If-None-Match": tag})
    assert answer.status_code == 304
    assert read_from == ["primary"]


RULES = {
    "denied": lambda alice: deny(customer=alice),
    "no longer a customer": lambda alice: terms_changed(alice, status="suspended"),
}


@pytest.mark.parametrize("change", RULES)
def test_what_may_be_seen_changes_at_once_however_far_the_standby_is_behind(
    alice, replica, read_from, change
):
    assert shown(alice, "/v1/products")["data"]
    replica.pause()
    RULES[change](alice.customer)
    answer = alice.get("/v1/products")
    assert answer.status_code == 403 or answer.json()["data"] == []
    assert read_from == ["replica", "primary"]


def test_a_revoked_key_is_refused_at_once(alice, replica):
    replica.pause()
    key = key_of(alice.customer)
    assert client_with(key).get("/v1/stock").status_code == 200
    keys.revoke(key[8:20], actor="test", reason="leaked")
    assert client_with(key).get("/v1/stock").status_code == 401


def test_one_that_is_away_is_not_missed_and_comes_back(alice, replica, read_from, monkeypatch):
    assert shown(alice)["data"]
    replica.engine.stop()
    try:
        assert shown(alice)["data"]  # its connection was kept
        assert shown(alice)["data"]  # it rests
    finally:
        replica.port = replica.engine.start(port=replica.port).port
    monkeypatch.setattr(replicas, "_rests_until", 0.0)
    assert shown(alice)["data"]
    assert read_from == ["replica", "primary", "replica"]


def test_one_that_fails_in_the_middle_is_made_up_for(alice, replica, monkeypatch):
    real, failed = replicas.opened_for, []

    def breaking(*args, **options):
        opened = real(*args, **options)
        if opened:
            replica.engine.stop()
            failed.append(opened)
        return opened

    monkeypatch.setattr(replicas, "opened_for", breaking)
    try:
        assert shown(alice)["data"]
    finally:
        replica.port = replica.engine.start(port=replica.port).port
    assert len(failed) == 1
    assert RequestLog.objects.get().status == 200


def test_webhooks_are_read_where_they_are_written(alice, replica, read_from, settings):
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    replica.pause()
    made = alice.post(
        "/v1/webhooks", {"url": "http://127.0.0.1:9/x"}, content_type="application/json"
    )
    assert made.status_code == 201
    assert len(alice.get("/v1/webhooks").json()["data"]) == 1
    assert read_from == []


@pytest.mark.parametrize("how", ["latest", "instant"])
def test_what_is_walked_after_the_present_was_asked_for_lacks_nothing_since(
    alice, replica, read_from, clock, how
):
    """The primary names the present, a standby that lacks a change is walked, and the delta tells it."""
    clock.move(timedelta(minutes=5))  # the catalogue is older than any lag
    replica.pause()
    stocked(3)
    with pytest.MonkeyPatch.context() as primary:
        primary.setattr(replicas, "are_there", lambda: False)
        if how == "latest":
            since = shown(alice, "/v1/changes", since="latest")["delta_cursor"]
        else:
            since = shown(alice, "/v1/stock", limit=1)["as_of"]
    walked = shown(alice, "/v1/stock", limit="all")
    assert read_from == ["replica"]
    assert "NEW-9" not in {item["sku"] for item in walked["data"]}
    shown(alice, "/v1/changes", since=since)  # the standby lacks it still, and that is no end of it
    replica.catch_up()
    told = shown(alice, "/v1/changes", since=since)["data"]
    assert "NEW-9" in {each["sku"] for each in told}


def test_what_breaks_the_standby_s_answer_is_asked_of_the_primary(alice, replica, monkeypatch):
    """A standby that has not replayed a migration lacks a function that the new program calls."""
    real = snapshots.prepared

    def lacking(sql, params, *, using="default"):
        if using == "replica" and "catalog_mirror_variant" in sql:
            raise ProgrammingError("function does not exist")
        return real(sql, params, using=using)

    monkeypatch.setattr(snapshots, "prepared", lacking)
    assert shown(alice, "/v1/products")["data"]


@pytest.mark.parametrize("seed", range(3))
def test_a_copy_that_follows_now_one_and_now_the_other_is_the_view(alice, replica, read_from, seed):
    """Edits, rules and a standby that stops and goes on; the guide's own client asks after each."""
    dice = random.Random(seed)  # noqa: S311 - a dice

    def ask(params):
        answer = alice.get("/v1/changes", {"limit": "3"} | params)
        return answer.status_code, answer.json()

    def change_a_rule() -> None:
        """Add a rule, or withdraw it where it is there."""
        which = dice.choice((allow, deny)), dice.choice(list(Variant.objects.order_by("pk")))
        if which in rules:
            withdrawn(rules.pop(which))
        else:
            rules[which] = which[0](customer=alice.customer, variant=which[1])

    copy, rules = guide_client()(ask), {}
    for _ in range(60):
        dice.choice((replica.pause, replica.resume, replica.resume))()
        if dice.random() < 0.7:
            stocked(dice.randrange(1000))
        else:
            change_a_rule()
        copy.poll()
    replica.catch_up()
    while copy.poll():
        continue
    assert copy.items == {item["sku"]: item for item in shown(alice, "/v1/products")["data"]}
    assert set(read_from) == {"replica", "primary"}


@pytest.fixture
def two_webs(replica, tmp_path, monkeypatch):
    """Two web processes that know the standby."""
    webs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        web = Processes(tmp_path / name)
        known = web._environment() | {"DATABASE_REPLICA_URL": replica.url}
        monkeypatch.setattr(web, "_environment", lambda known=known: known)
        webs.append(web)
    try:
        for web in webs:
            web.start("web")
        yield [web.port for web in webs]
    finally:
        for web in webs:
            web.end()


def test_a_copy_that_is_balanced_over_two_web_processes_is_the_view(replica, two_webs):
    """Each keeps what it knows of the customer and of the standby for itself."""
    dice = random.Random(7)  # noqa: S311 - a dice
    people = cast()
    key = key_of(people.alice, requests_a_minute=6000)
    behind = []

    def ask(params):
        address = "/v1/changes?" + urlencode({"limit": "3"} | params)
        status, said = ask_once(dice.choice(two_webs), key, address)
        behind.append(newest_revision() - said["revision"])
        return status, said

    copy, rule = guide_client()(ask), None
    for number in range(80):
        dice.choice((replica.pause, replica.resume))()
        stocked(number)
        if dice.random() < 0.2:
            rule = withdrawn(rule) if rule else deny(customer=people.alice, brand=people.northcup)
        copy.poll()
    replica.catch_up()
    while copy.poll():
        continue
    views = [ask_once(port, key, "/v1/products?limit=100")[1]["data"] for port in two_webs]
    assert views[0] == views[1]
    assert copy.items == {item["sku"]: item for item in views[0]}
    assert (max(behind) > 0, 0 in behind) == (True, True)
