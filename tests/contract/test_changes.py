"""`/v1/changes`: entries and cursors, good ones and bad. The promise has tests of its own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from uuid import uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contract import cursors
from contract.change_cursors import change_cursor
from contract.cursors import CursorInvalid, opened, sealed
from contract.delta import version_of
from tests.conftest import as_login
from tests.factories import (
    SKUS,
    a_product,
    a_variant,
    allow,
    cast,
    client_of,
    deny,
    fixed_price,
    mirrored,
    now,
    withdrawn,
)


@pytest.fixture
def people(database):
    return cast()


@pytest.fixture
def alice(people):
    return client_of(people.alice)


def changes(client, since: str | None = None, **query):
    answer = client.get("/v1/changes", ({"since": since} if since else {}) | query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def told(body) -> list[tuple[str, str, list[str] | None]]:
    return [(entry["op"], entry["sku"], entry.get("changed")) for entry in body["data"]]


EVERYTHING = ["product", "price", "stock"]


def test_without_a_cursor_the_view_is_enumerated(alice):
    body = changes(alice)
    assert told(body) == [("upsert", sku, EVERYTHING) for sku in SKUS]
    assert (body["has_more"], "next_cursor" in body) == (False, False)
    assert [e["item"] for e in body["data"]] == alice.get("/v1/products").json()["data"]


def test_an_enumeration_goes_page_by_page_and_ends_with_a_delta_cursor(alice):
    since, seen = None, []
    for _ in range(3):
        body = changes(alice, since, limit=2)
        seen += [entry["sku"] for entry in body["data"]]
        if not body["has_more"]:
            break
        assert "delta_cursor" not in body
        since = body["next_cursor"]
    assert seen == list(SKUS)
    assert changes(alice, body["delta_cursor"])["data"] == []


@pytest.mark.parametrize(
    ("say", "expected"),
    [
        ({"name": "Else"}, [("upsert", "CAP-01", ["product"])]),
        ({"list_price": None}, [("upsert", "CAP-01", ["price"])]),
        ({"on_hand": 3}, [("upsert", "CAP-01", ["stock"])]),
        ({"on_hand": 3, "name": "Else"}, [("upsert", "CAP-01", ["product", "stock"])]),
        ({"sku": "CAP-02"}, [("remove", "CAP-01", None), ("upsert", "CAP-02", EVERYTHING)]),
        ({"is_published": False}, [("remove", "CAP-01", None)]),
    ],
)
def test_a_change_of_the_mirror_is_told_with_its_facets(people, alice, say, expected):
    cursor = changes(alice)["delta_cursor"]
    mirrored(
        people.source, a_product("p3", a_variant("4", **{"sku": "CAP-01", "on_hand": None} | say))
    )
    assert told(changes(alice, cursor)) == expected


def test_a_sale_price_is_told_to_nobody(people, alice):
    cursor = changes(alice)["delta_cursor"]
    cap = a_variant("4", sku="CAP-01", on_hand=None, sale_price=Decimal(1))
    assert mirrored(people.source, a_product("p3", cap)).revision
    assert told(changes(alice, cursor)) == []


def test_a_rule_s_change_is_told_to_whom_it_concerns(people, alice):
    bob = client_of(people.bob)
    cursors = changes(alice)["delta_cursor"], changes(bob)["delta_cursor"]
    rule = fixed_price("8", customer=people.bob, product=people.mug, priority=1)
    assert told(changes(alice, cursors[0])) == []
    assert told(changes(bob, cursors[1])) == [
        ("upsert", "MUG-11-BLK", ["price"]),
        ("upsert", "MUG-11-WHT", ["price"]),
    ]
    withdrawn(rule)
    denied = deny(brand=people.northcup)
    assert [op for op, *_ in told(changes(alice, cursors[0]))] == ["remove", "remove"]
    withdrawn(denied)
    assert told(changes(client_of(people.carol), None)) == []


def test_a_window_is_told_by_the_clock_alone(people, clock):
    carol = client_of(people.carol)
    at = now()
    allow(
        customer=people.carol,
        brand=people.inkwell,
        starts_at=at + timedelta(hours=1),
        ends_at=at + timedelta(hours=2),
    )
    first = changes(carol)["delta_cursor"]
    clock.move(timedelta(hours=1))
    opened_at = changes(carol, first)
    assert told(opened_at) == [("upsert", "PEN-01", EVERYTHING)]
    clock.move(timedelta(hours=1))
    assert told(changes(carol, opened_at["delta_cursor"])) == [("remove", "PEN-01", None)]
    assert told(changes(carol, first)) == [("remove", "PEN-01", None)]


def test_a_cursor_may_be_asked_again(people, alice):
    cursor = changes(alice)["delta_cursor"]
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-01", on_hand=1)))
    assert told(changes(alice, cursor)) == told(changes(alice, cursor))


# -- cursors that are no good ------------------------------------------------------------------


def test_a_cursor_that_is_none_is_400(alice):
    for since in ("nonsense", "", "A" * 3000, "☕", "0", "latest-ish"):
        answer = alice.get("/v1/changes", {"since": since})
        assert (answer.status_code, answer.json()["parameter"]) == (400, "since")


def test_a_bad_parameter_is_400(alice):
    for query in ("limit=0", "limit=501", "facets=", "page=2", "since=a&since=b"):
        answer = alice.get(f"/v1/changes?{query}")
        assert (answer.status_code, answer.json()["parameter"]) == (400, query.split("=")[0])


def test_another_customer_s_cursor_is_400(people, alice):
    cursor = changes(alice)["delta_cursor"]
    answer = client_of(people.bob).get("/v1/changes", {"since": cursor})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "since")


def test_a_tampered_cursor_is_400(alice):
    cursor = changes(alice)["delta_cursor"]
    for place in range(len(cursor)):
        other = cursor[:place] + ("A" if cursor[place] != "A" else "Q") + cursor[place + 1 :]
        assert alice.get("/v1/changes", {"since": other}).status_code == 400, place


def gone(client, cursor: str) -> None:
    answer = client.get("/v1/changes", {"since": cursor})
    assert (answer.status_code, answer.json()["code"]) == (410, "cursor_gone")
    assert "without `since`" in answer.json()["detail"]


def rewritten(people, cursor: str, **says) -> str:
    customer = people.alice.pk
    return replace(change_cursor(cursor, customer_id=customer), **says).sealed(customer)


def test_a_cursor_of_another_epoch_is_410(people, alice):
    cursor = changes(alice)["delta_cursor"]
    between = changes(alice, limit=1)["next_cursor"]
    as_login("insert into catalog_mirror_epoch (number) values (2)")
    gone(alice, cursor)
    gone(alice, between)
    fresh = changes(alice)
    assert fresh["data"][0]["version"] > "0001"
    assert fresh["data"][0]["version"].startswith("0002.")
    assert changes(alice, fresh["delta_cursor"])["data"] == []


def test_a_cursor_of_another_view_version_is_410(people, alice):
    gone(alice, rewritten(people, changes(alice)["delta_cursor"], view_version=0))


def test_a_cursor_whose_revision_is_not_known_is_410(people, alice):
    cursor = changes(alice)["delta_cursor"]
    mark = change_cursor(cursor, customer_id=people.alice.pk).since
    gone(alice, rewritten(people, cursor, since=replace(mark, revision=mark.revision + 1)))
    gone(alice, rewritten(people, cursor, since=replace(mark, nonce=uuid4())))
    gone(alice, rewritten(people, cursor, target=replace(mark, nonce=uuid4())))
    assert changes(alice, rewritten(people, cursor, target=mark))["has_more"] is False


def test_a_restored_backup_is_noticed(people, alice):
    """The backup ends before the cursor's revision, and the number is handed out a second time."""
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-01", on_hand=1)))
    cursor = changes(alice)["delta_cursor"]
    number = change_cursor(cursor, customer_id=people.alice.pk).since.revision
    as_login(f"delete from catalog_mirror_revision where number = {number}")
    gone(alice, cursor)
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-01", on_hand=2)))
    assert changes(alice)["revision"] == number
    gone(alice, cursor)


def test_a_rotated_key_still_opens_what_it_sealed(settings):
    cursor = sealed(7, "products", [1])
    older = settings.CURSOR_KEYS
    try:
        cursors._keys.cache_clear()
        settings.CURSOR_KEYS = ["A" * 43 + "=", *older]
        assert opened(cursor, customer_id=7, kind="products") == [1]
        cursors._keys.cache_clear()
        settings.CURSOR_KEYS = ["A" * 43 + "="]
        with pytest.raises(CursorInvalid):
            opened(cursor, customer_id=7, kind="products")
    finally:
        cursors._keys.cache_clear()


# -- versions ----------------------------------------------------------------------------------

instants = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - Hypothesis wants naive bounds
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
points = st.tuples(st.integers(1, 9999), st.integers(0, 10**12 - 1), instants)


def version(epoch: int, revision: int, at: datetime) -> str:
    return version_of(SimpleNamespace(epoch=epoch, revision=revision, at=at))


@given(points, points)
def test_versions_sort_as_epoch_revision_and_instant_do(one, other):
    assert (version(*one) < version(*other)) == (one < other)
    assert len(version(*one)) == len(version(*other))


@given(instants)
@example(datetime(2041, 3, 2, 13, 34, 38, 980548, tzinfo=UTC))
def test_a_microsecond_later_is_a_later_version(at):
    assert version(1, 1, at) < version(1, 1, at + timedelta(microseconds=1))


def test_every_entry_of_a_page_has_the_snapshot_s_version(alice):
    body = changes(alice)
    versions = {entry["version"] for entry in body["data"]}
    assert len(versions) == 1
    at = datetime.fromisoformat(body["as_of"])
    assert versions == {version(1, body["revision"], at)}
