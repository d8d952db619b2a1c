"""Prices of several SKUs at their quantities; who one is; the brands and categories of one's view."""

from decimal import Decimal

import orjson
import pytest

from apikeys.models import ApiKey, RequestLog
from customers import versions
from pricing.models import OrderMinimum, OrderRule
from tests.factories import (
    INKWELL,
    SourceFactory,
    a_category,
    a_product,
    a_variant,
    cast,
    categorized,
    client_of,
    deny,
    fixed_price,
    mirrored,
)


@pytest.fixture
def people(database):
    return cast()


@pytest.fixture
def alice(people):
    return client_of(people.alice)


@pytest.fixture
def bob(people):
    return client_of(people.bob)


def posted(client, *items, **members):
    body = members.pop("body", None) or orjson.dumps({"items": list(items), **members})
    return client.post("/v1/pricing", body, content_type="application/json")


def wanted(sku: str, quantity: int = 1) -> dict:
    return {"sku": sku, "quantity": quantity}


def told(answer) -> list[tuple]:
    return [(line["sku"], line["status"], line.get("total")) for line in answer.json()["data"]]


def test_a_batch_answers_per_line_in_the_order_it_was_asked(people, bob):
    fixed_price(
        "9.99",
        customer=people.bob,
        brand=people.northcup,
        minimum_quantity=1,
        breaks=[{"minimum_quantity": 50, "value": "8.88", "name": ""}],
    )
    answer = posted(bob, wanted("MUG-11-WHT", 60), wanted("PEN-01", 5), wanted("NOPE"))
    assert told(answer) == [
        ("MUG-11-WHT", "ok", "599.40"),
        ("PEN-01", "not_found", None),
        ("NOPE", "not_found", None),
    ]
    body = answer.json()
    assert body["data"][1].keys() == body["data"][2].keys() == {"sku", "quantity", "status"}
    assert (body["value"], body["quantity"], body["order_ok"]) == ("599.40", 60, False)
    line = body["data"][0]
    assert (line["unit"], line["basis"]["what"]) == ("9.99", "product")
    item = bob.get("/v1/products/MUG-11-WHT").json()
    assert (line["price"], line["order"]) == (item["price"], item["order"])


def test_breaks_are_reached_by_the_quantity(people, bob):
    fixed_price(
        "9.50",
        customer=people.bob,
        variant=people.mug.variant_set.get(sku="MUG-11-BLK"),
        breaks=[{"minimum_quantity": 50, "value": "8.88", "name": "Pallet"}],
    )
    for quantity, unit in ((1, "9.50"), (49, "9.50"), (50, "8.88"), (5000, "8.88")):
        line = bob.get("/v1/pricing", {"sku": "MUG-11-BLK", "quantity": quantity}).json()["data"][0]
        assert line["unit"] == unit
        assert line["total"] == str(Decimal(unit) * quantity)


def test_quantities_by_query_are_one_for_all_or_one_for_each(alice):
    one = alice.get("/v1/pricing?sku=PEN-01&sku=CAP-01&quantity=3").json()["data"]
    each = alice.get("/v1/pricing?sku=PEN-01&sku=CAP-01&quantity=3&quantity=4").json()["data"]
    none = alice.get("/v1/pricing?sku=PEN-01&sku=CAP-01").json()["data"]
    assert [line["quantity"] for line in (*one, *each, *none)] == [3, 3, 3, 4, 1, 1]


def test_an_order_below_its_minimum_says_what_it_lacks(people, alice):
    versions.add(
        OrderMinimum,
        actor="ann",
        tier=people.gold,
        minimum_value=Decimal(20),
        currency="USD",
        minimum_quantity=12,
    )
    body = posted(alice, wanted("PEN-01", 10)).json()
    assert body["data"][0]["status"] == "ok"
    assert (body["order_ok"], body["shortfall"]) == (False, {"value": "2.50", "quantity": 2})
    assert body["minimum"] == {"value": "20.00", "quantity": 12, "needs": "all"}
    body = posted(alice, wanted("PEN-01", 12)).json()
    assert (body["order_ok"], body["shortfall"]) == (True, None)


def test_a_quantity_that_cannot_be_ordered_names_one_that_can(people, alice):
    versions.add(OrderRule, actor="ann", brand=people.inkwell, minimum_quantity=50, step=25)
    body = posted(alice, wanted("PEN-01", 60), wanted("CAP-01", 1)).json()
    line = body["data"][0]
    assert (line["status"], line["nearest_quantity"]) == ("not_in_steps", 75)
    assert line["order"] == {"minimum_quantity": 50, "step": 25, "maximum_quantity": None}
    assert (body["order_ok"], body["quantity"]) == (False, 1)
    item = alice.get("/v1/products/PEN-01").json()
    assert item["order"] == line["order"]


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        (b"", ""),
        (b"{", ""),
        (b"[]", "items"),
        (b"{}", "items"),
        (b'{"items":[]}', "items"),
        (b'{"items":{}}', "items"),
        (b'{"items":[1]}', "items[0]"),
        (b'{"items":[{"sku":"A","qty":1}]}', "items[0]"),
        (b'{"items":[{"quantity":1}]}', "items[0].sku"),
        (b'{"items":[{"sku":""}]}', "items[0].sku"),
        (b'{"items":[{"sku":5}]}', "items[0].sku"),
        (b'{"items":[{"sku":"a\\u0000b"}]}', "items[0].sku"),
        (b'{"items":[{"sku":"A","quantity":0}]}', "items[0].quantity"),
        (b'{"items":[{"sku":"A","quantity":-1}]}', "items[0].quantity"),
        (b'{"items":[{"sku":"A","quantity":1.5}]}', "items[0].quantity"),
        (b'{"items":[{"sku":"A","quantity":true}]}', "items[0].quantity"),
        (b'{"items":[{"sku":"A","quantity":10000001}]}', "items[0].quantity"),
        (b'{"items":[{"sku":"A","quantity":null}]}', "items[0].quantity"),
        (orjson.dumps({"items": [{"sku": "A"}] * 1001}), "items"),
    ],
)
def test_a_body_that_cannot_be_understood_is_refused_by_name(alice, body, parameter):
    answer = posted(alice, body=body or b" ")
    assert answer.status_code == 400
    assert answer.json().get("parameter", "") == parameter


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("", "sku"),
        ("sku=", "sku"),
        ("sku=A&quantity=x", "quantity"),
        ("sku=A&quantity=0", "quantity"),
        ("sku=A&sku=B&sku=C&quantity=1&quantity=2", "quantity"),
        ("sku=A&qty=1", "qty"),
        ("&".join(f"sku=S{n}" for n in range(101)), "sku"),
    ],
)
def test_a_query_that_cannot_be_understood_is_refused_by_name(alice, query, parameter):
    answer = alice.get(f"/v1/pricing?{query}")
    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)


def test_a_body_that_is_too_large_is_not_read(alice):
    answer = posted(alice, body=b" " * (1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert RequestLog.objects.order_by("-id")[0].status == 413


def test_a_thousand_lines_are_priced_at_once(people, alice):
    body = posted(alice, *(wanted(f"NOPE-{n}") for n in range(999)), wanted("PEN-01")).json()
    assert len(body["data"]) == 1000
    assert [line["status"] for line in body["data"]] == ["not_found"] * 999 + ["ok"]


@pytest.mark.parametrize("path", ["/v1/me", "/v1/brands", "/v1/categories"])
def test_only_pricing_takes_a_post(alice, path):
    answer = alice.post(path, b"{}", content_type="application/json")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert alice.put("/v1/pricing", b"{}")["Allow"] == "GET, HEAD, POST"


def test_one_reads_who_one_is(people, alice):
    body = alice.get("/v1/me").json()
    assert body["customer"] == {"slug": "alice", "name": "Alice"}
    assert body["tier"] == {"slug": "gold", "name": "Gold"}
    assert (body["currency"], body["unpriced"]) == ("USD", "list_price")
    assert body["contract"] == {"starts_at": None, "ends_at": None}
    assert body["order_minimum"] is None
    key = ApiKey.objects.get()
    assert body["key"] == {
        "id": f"tc_live_{key.public_id}",
        "label": "",
        "expires_at": None,
        "scopes": [],
        "requests_a_minute": 6000,
    }


def test_one_without_a_tier_has_none(bob):
    assert bob.get("/v1/me").json()["tier"] is None


def test_brands_are_those_of_one_s_view_counted_in_it(people, alice, bob):
    assert alice.get("/v1/brands").json()["data"] == [
        {"slug": "inkwell", "name": "Inkwell", "source": "drinkware", "items": 1},
        {"slug": "northcup", "name": "Northcup", "source": "drinkware", "items": 2},
    ]
    assert [brand["slug"] for brand in bob.get("/v1/brands").json()["data"]] == ["northcup"]
    deny(customer=people.bob, variant=people.mug.variant_set.get(sku="MUG-11-WHT"))
    assert [brand["items"] for brand in bob.get("/v1/brands").json()["data"]] == [1]


def test_categories_come_with_their_parents_and_count_what_lies_beneath(people, alice, bob):
    found = alice.get("/v1/categories").json()["data"]
    assert [(each["path"], each["parent"], each["items"]) for each in found] == [
        (["Drinkware"], None, 2),
        (["Drinkware", "Mugs"], "drinkware", 2),
        (["Writing"], None, 1),
    ]
    assert [each["slug"] for each in bob.get("/v1/categories").json()["data"]] == [
        "drinkware",
        "mugs",
    ]


def test_two_shops_may_use_the_same_slugs(people, alice):
    other = SourceFactory(slug="other")
    categorized(other, a_category("mugs"))
    mirrored(other, a_product("p1", a_variant("1", sku="OTHER-1"), brand=INKWELL,
                              category_external_ids=("mugs",)))  # fmt: skip
    brands = [(b["slug"], b["source"]) for b in alice.get("/v1/brands").json()["data"]]
    assert brands == [("inkwell", "drinkware"), ("inkwell", "other"), ("northcup", "drinkware")]
    slugs = [(c["slug"], c["source"]) for c in alice.get("/v1/categories").json()["data"]]
    assert slugs.count(("mugs", "other")) == slugs.count(("mugs", "drinkware")) == 1
