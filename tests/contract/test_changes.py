"""`/v1/changes`: entries and cursors, good ones and bad. The promise has tests of its own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.core.management import call_command
from hypothesis import example, given
from hypothesis import strategies as st

from catalog_mirror.models import Category, Variant
from catalog_mirror.pruning import prune_history
from contract import cursors, delta
from contract.change_cursors import change_cursor
from contract.cursors import CursorInvalid, opened, sealed
from contract.delta import version_of
from tests.conftest import as_login
from tests.factories import (
    NORTHCUP,
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


@pytest.mark.parametrize("seen_by", ["brand", "product", "category"])
def test_what_leaves_all_that_a_customer_may_see_is_removed(people, seen_by):
    """No rule was written meanwhile, so little is compared; and of what is hidden now little is read."""
    pen = Variant.objects.get(sku="PEN-01")
    subjects = {
        "brand": pen.brand,
        "product": pen.product,
        "category": Category.objects.get(slug="writing"),
    }
    allow(customer=people.carol, **{seen_by: subjects[seen_by]})
    carol = client_of(people.carol)
    cursor = changes(carol)["delta_cursor"]
    for _ in range(2):
        cursor = changes(carol, cursor)["delta_cursor"]
    moved = a_variant("3", sku="PEN-01", list_price=Decimal("2.50"))
    mirrored(people.source, a_product("p9", moved, brand=NORTHCUP))
    assert ("remove", "PEN-01", None) in told(changes(carol, cursor))


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


# -- facets ------------------------------------------------------------------------------------


def test_a_feed_tells_of_its_facets_and_each_entry_has_the_full_item(people, alice):
    cursors = {
        facets: changes(alice, facets=facets)["delta_cursor"]
        for facets in ("product", "price", "stock", "price,stock", "stock,price,product")
    }
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-01", on_hand=3)))
    stock = [("upsert", "CAP-01", ["stock"])]
    expected = {"product": [], "price": [], "stock": stock, "price,stock": stock}
    for facets, cursor in cursors.items():
        assert told(changes(alice, cursor)) == expected.get(facets, stock)
    mirrored(
        people.source,
        a_product("p3", a_variant("4", sku="CAP-01", on_hand=3, list_price=Decimal(7), name="Hat")),
    )
    assert told(changes(alice, cursors["price,stock"])) == [
        ("upsert", "CAP-01", ["price", "stock"])
    ]
    (entry,) = changes(alice, cursors["product"])["data"]
    assert entry["changed"] == ["product"]
    assert entry["item"] == alice.get("/v1/products/CAP-01").json()


def test_what_comes_and_goes_is_told_in_every_feed(people, alice):
    cursors = [changes(alice, facets=facet)["delta_cursor"] for facet in EVERYTHING]
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-02", on_hand=None)))
    for facet, cursor in zip(EVERYTHING, cursors, strict=True):
        assert told(changes(alice, cursor)) == [
            ("remove", "CAP-01", None),
            ("upsert", "CAP-02", [facet]),
        ]


def test_a_cursor_keeps_its_facets_through_a_pass(people, alice):
    first = changes(alice, facets="price", limit=1)
    assert first["data"][0]["changed"] == ["price"]
    rest = changes(alice, first["next_cursor"], facets="price")
    assert {tuple(entry["changed"]) for entry in rest["data"]} == {("price",)}
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-01", on_hand=9)))
    assert told(changes(alice, rest["delta_cursor"])) == []


def test_facets_other_than_the_cursor_s_are_400(alice):
    cursor = changes(alice, facets="price,stock")["delta_cursor"]
    assert changes(alice, cursor, facets="stock,price")["data"] == []
    for facets in ("price", "product,price,stock"):
        answer = alice.get("/v1/changes", {"since": cursor, "facets": facets})
        assert (answer.status_code, answer.json()["parameter"]) == (400, "facets")
        assert "price,stock" in answer.json()["detail"]


def test_stock_alone_is_no_candidate_of_a_feed_of_prices(people, alice, monkeypatch):
    cursor = changes(alice, facets="price")["delta_cursor"]
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-01", on_hand=9)))
    examined = []
    monkeypatch.setattr(delta, "compared", lambda *asked: iter(examined.extend(asked[3]) or ()))
    assert told(changes(alice, cursor)) == []
    assert examined == []


# -- latest, and instants ----------------------------------------------------------------------


def test_latest_tells_nothing_and_gives_a_cursor_to_go_on_from(people, alice):
    body = changes(alice, "latest", facets="stock")
    assert (body["data"], body["has_more"], "next_cursor" in body) == ([], False, False)
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-01", on_hand=3)))
    assert told(changes(alice, body["delta_cursor"])) == [("upsert", "CAP-01", ["stock"])]


def test_an_instant_starts_from_what_everybody_could_read_then(people, alice, clock):
    clock.move(timedelta(minutes=1))
    copied = alice.get("/v1/products").json()["as_of"]
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-01", on_hand=3)))
    for since in (copied, copied.replace("Z", "+00:00"), copied.lower(), _in_india(copied)):
        body = changes(alice, since)
        assert told(body) == [("upsert", "CAP-01", ["stock"])]
    assert told(changes(alice, body["delta_cursor"])) == []
    assert told(changes(alice, copied, facets="price")) == []


def _in_india(text: str) -> str:
    at = datetime.fromisoformat(text).astimezone(timezone(timedelta(hours=5, minutes=30)))
    return at.isoformat()


def test_a_change_stamped_just_before_an_instant_is_told(people, alice, clock):
    """It may have become readable only after it: a revision commits up to EPSILON after its stamp."""
    clock.move(timedelta(minutes=1))
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-01", on_hand=3)))
    clock.move(timedelta(seconds=9))
    copied = alice.get("/v1/products").json()["as_of"]
    assert told(changes(alice, copied)) == [("upsert", "CAP-01", ["stock"])]
    clock.move(timedelta(seconds=2))
    assert told(changes(alice, alice.get("/v1/products").json()["as_of"])) == []


@pytest.mark.parametrize(
    "since",
    [
        "2026-11-21T10:00:00",
        "2026-11-21 10:00:00Z",
        "2026-11-21",
        "2026-11-21T10:00Z",
        "2026-11-21T10:00:00 01:00",
        "2026-13-21T10:00:00Z",
        "2026-11-21T25:00:00Z",
        "2026-11-21T10:00:00+25:00",
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:01Z",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59Z",
        "2026-11-21T10:00:00Z\0",
    ],
)
def test_no_instant_is_400(alice, since):
    answer = alice.get("/v1/changes", {"since": since})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "since")


def test_an_instant_yet_to_come_is_400(alice):
    later = (now() + timedelta(seconds=15)).isoformat()
    answer = alice.get("/v1/changes", {"since": later})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "since")
    assert "as_of" in answer.json()["detail"]


def test_an_instant_from_before_this_life_of_the_database_is_410(alice, clock):
    clock.move(timedelta(minutes=1))
    copied = alice.get("/v1/products").json()["as_of"]
    assert changes(alice, copied)["data"] == []
    clock.move(timedelta(minutes=1))
    call_command("start_epoch", stdout=StringIO())
    gone(alice, copied)
    gone(alice, "2001-01-01T00:00:00Z")
    clock.move(timedelta(seconds=11))
    assert changes(alice, alice.get("/v1/products").json()["as_of"])["data"] == []


# -- retention ---------------------------------------------------------------------------------


def test_a_cursor_is_refused_by_its_revision_never_by_its_age(people, alice, clock):
    quiet = changes(alice)["delta_cursor"]
    clock.move(timedelta(days=400))
    assert changes(alice, quiet)["data"] == []
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-01", on_hand=3)))
    clock.move(timedelta(days=89))
    assert told(changes(alice, quiet)) == [("upsert", "CAP-01", ["stock"])]
    clock.move(timedelta(days=2))
    gone(alice, quiet)
    assert changes(alice, changes(alice)["delta_cursor"])["data"] == []


def test_a_feed_s_way_back_names_its_facets(people, alice, clock):
    cursor = changes(alice, facets="stock")["delta_cursor"]
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-01", on_hand=3)))
    clock.move(timedelta(days=91))
    answer = alice.get("/v1/changes", {"since": cursor})
    assert (answer.status_code, answer.json()["resync"]) == (410, "/v1/changes?facets=stock")


def test_what_was_pruned_is_not_answered_from_whatever_the_setting_says_later(
    people, alice, clock, settings
):
    cursor = changes(alice)["delta_cursor"]
    renamed = a_product("p3", a_variant("4", sku="CAP-02", on_hand=None))
    mirrored(people.source, renamed)
    kept = changes(alice)["delta_cursor"]
    clock.move(timedelta(days=10))
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-03", on_hand=None)))
    expected = [("remove", "CAP-02", None), ("upsert", "CAP-03", EVERYTHING)]
    clock.move(timedelta(days=3))
    settings.HISTORY_KEPT = timedelta(days=5)
    assert told(changes(alice, kept)) == expected
    prune_history(settings.HISTORY_KEPT)
    assert told(changes(alice, kept)) == expected
    settings.HISTORY_KEPT = timedelta(days=90)
    gone(alice, cursor)
    assert told(changes(alice, kept)) == expected


# -- cursors that are no good ------------------------------------------------------------------


def test_a_cursor_that_is_none_is_400(alice):
    for since in ("nonsense", "", "A" * 3000, "☕", "0", "latest-ish"):
        answer = alice.get("/v1/changes", {"since": since})
        assert (answer.status_code, answer.json()["parameter"]) == (400, "since")


def test_a_bad_parameter_is_400(alice):
    for query in (
        "limit=0", "limit=501", "limit=all", "facets=", "facets=prices", "facets=price,", "page=2",
        "since=a&since=b", "facets=price&facets=stock",
    ):  # fmt: skip
        answer = alice.get(f"/v1/changes?{query}")
        assert (answer.status_code, answer.json()["parameter"]) == (400, query.split("=")[0])
    assert "Did you mean price?" in alice.get("/v1/changes?facets=prices").json()["detail"]


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
    assert answer.json()["resync"] == "/v1/changes"


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
        cursors._decrypted.cache_clear()  # a process has its keys for life
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
    assert versions == {version(1, body["revision"], at)} == {body["version"]}


def test_an_instant_of_an_answer_holds_though_the_clock_was_put_back_a_little(alice, clock):
    clock.move(timedelta(minutes=1))
    at = alice.get("/v1/stock", {"limit": "1"}).json()["as_of"]
    clock.move(timedelta(seconds=-3))
    assert alice.get("/v1/changes", {"since": at}).status_code == 200
