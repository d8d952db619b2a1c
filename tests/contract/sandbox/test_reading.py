"""A test key reads the sandbox wherever a live key reads a view, and nothing else anywhere."""

from datetime import timedelta
from urllib.parse import quote

import pytest

from apikeys import keys
from apikeys.models import RequestLog
from contract.sandbox.making import make_sandbox
from customers import versions
from customers.models import VisibilityRule
from outbound_hooks.models import Endpoint
from pricing.models import OrderMinimum, OrderRule, PriceRule
from tests.contract.sandbox.test_goods import SKUS
from tests.factories import (
    a_product,
    a_variant,
    allow,
    cast,
    client_of,
    client_with,
    deny,
    fixed_price,
    key_of,
    mirrored,
    percent_off,
    terms_changed,
)


@pytest.fixture
def people(database):
    made = cast()
    make_sandbox()
    return made


@pytest.fixture
def tester(people):
    return client_of(people.alice, mode="test")


def items(client, **asked) -> list[dict]:
    return client.get("/v1/products", {"limit": 500} | asked).json()["data"]


def told(client) -> list[bytes]:
    """Return what is said by every list, but for the revision and the instant."""
    asked = (
        "/v1/products?limit=500",
        "/v1/stock?limit=all",
        "/v1/brands",
        "/v1/categories",
        "/v1/me",
    )
    bodies = [client.get(path).json() for path in asked]
    assert len(bodies[0]["data"]) == len(bodies[1]["data"]) == 50
    return [{k: v for k, v in body.items() if k not in ("revision", "as_of")} for body in bodies]


def test_every_list_has_the_fifty_and_no_more(tester):
    assert [item["sku"] for item in items(tester)] == SKUS
    stock = tester.get("/v1/stock?limit=all").json()["data"]
    assert [row["sku"] for row in stock] == SKUS
    changes = tester.get("/v1/changes?limit=500").json()["data"]
    assert [entry["sku"] for entry in changes] == SKUS
    [brand] = tester.get("/v1/brands").json()["data"]
    assert (brand["slug"], brand["items"]) == ("sandbox-goods", 40)
    categories = tester.get("/v1/categories").json()["data"]
    assert [(each["slug"], each["items"]) for each in categories] == [
        ("sandbox-apparel", 23),
        ("sandbox-bags", 3),
        ("sandbox-shirts", 20),
        ("sandbox-drinkware", 11),
        ("sandbox-bottles", 3),
        ("sandbox-mugs", 8),
        ("sandbox-writing", 6),
    ]


@pytest.mark.parametrize("sku", SKUS[::7] + SKUS[-10:])
def test_each_is_found_by_its_own_address(tester, sku):
    answer = tester.get(f"/v1/products/{quote(sku, safe='')}")
    assert (answer.status_code, answer.json()["sku"]) == (200, sku)
    assert tester.get(f"/v1/products/{quote(sku)}").json()["sku"] == sku
    assert [item["sku"] for item in items(tester, sku=sku)] == [sku]


@pytest.mark.parametrize(
    ("sku", "list_price", "breaks"),
    [
        ("SANDBOX-TEE-BLA-S", "12.00", [(1, "9.00"), (48, "8.40"), (144, "7.80")]),
        ("SANDBOX-MUG-RED-330ML", "8.99", [(1, "6.50"), (72, "5.90"), (288, "5.40")]),
        ("SANDBOX-PEN-RED", "0.895", [(1, "0.761"), (500, "0.649")]),
        ("SANDBOX-BAG-NAV", "6.50", [(1, "4.88"), (25, "3.90")]),
        ("SANDBOX-BOTTLE-500ML", "18.00", [(1, "11.25"), (100, "10.80")]),
        ("SANDBOX-BOTTLE-1L", "18.00", [(1, "16.20")]),
        ("SANDBOX-QUOTE", None, []),
        ("SANDBOX-CLEARANCE", "1.10", [(1, "1.10")]),
        ("SANDBOX-LATER", "9.90", [(1, "8.91")]),
        ("SANDBOX-PALLET", "0.12", [(1, "0.0875")]),
    ],
)
def test_prices_show_every_kind_of_them(tester, sku, list_price, breaks):
    price = tester.get(f"/v1/products/{sku}").json()["price"]
    assert price["list"] == list_price
    assert [(each["minimum_quantity"], each["unit"]) for each in price["breaks"]] == breaks
    assert price["unit"] == (breaks[0][1] if breaks else None)
    later = "2099-01-01T00:00:00Z" if sku == "SANDBOX-LATER" else None
    assert price["next_change_at"] == later


def test_an_order_meets_its_rules(tester):
    asked = [
        ("SANDBOX-MUG-RED-330ML", 13),
        ("SANDBOX-PALLET", 2000),
        ("SANDBOX-QUOTE", 1),
        ("SANDBOX-TEE-BLA-S", 24),
        ("SANDBOX-TEE-WHI-M", 24),
        ("MUG-11-BLK", 1),
    ]
    body = {"items": [{"sku": sku, "quantity": quantity} for sku, quantity in asked]}
    answer = tester.post("/v1/pricing", body, content_type="application/json").json()
    assert [(line["status"], line.get("unit")) for line in answer["data"]] == [
        ("not_in_steps", "6.50"),
        ("above_maximum", "0.0875"),
        ("not_sold", None),
        ("ok", "8.40"),  # 48 of the category together
        ("ok", "8.40"),
        ("not_found", None),
    ]
    assert tester.get("/v1/me").json()["order_minimum"] == {
        "value": "250.00",
        "quantity": 100,
        "needs": "any",
    }


def test_me_says_sandbox_and_names_the_key(people):
    key = key_of(people.alice, mode="test", label="ci")
    said = client_with(key).get("/v1/me").json()
    assert said["customer"] == {"slug": "sandbox", "name": "Sandbox"}
    assert (said["tier"], said["currency"]) == (None, "USD")
    assert (said["key"]["id"], said["key"]["label"]) == (key[:20], "ci")


def rules_of_everyone(people) -> None:
    allow()
    allow(brand=people.northcup)
    deny()
    deny(product=people.mug)
    percent_off("50")
    fixed_price("1.00")
    say = versions.add
    say(PriceRule, actor="test", kind="exempt", exempt_from="general")
    say(OrderRule, actor="test", minimum_quantity=7, step=7)
    say(OrderMinimum, actor="test", minimum_quantity=99_999)


def test_no_rule_of_everyone_moves_it(people, tester):
    cursor = tester.get("/v1/changes?limit=500").json()["delta_cursor"]
    before = told(tester)
    rules_of_everyone(people)
    assert told(tester) == before
    assert tester.get("/v1/changes", {"since": cursor}).json()["data"] == []


def test_no_rule_of_the_keys_customer_or_of_its_tier_moves_it(people, tester):
    before = told(tester)
    for who in ({"customer": people.alice}, {"tier": people.gold}):
        deny(**who)
        percent_off("80", **who, brand=people.northcup)
        versions.add(OrderRule, actor="test", minimum_quantity=7, step=7, **who)
    terms_changed(people.alice, currency="EUR", unpriced="not_sold")
    assert told(tester) == before


def test_what_happens_in_shops_changes_nothing_in_it(people, tester):
    first = tester.get("/v1/products?limit=500")
    cursor, before = tester.get("/v1/changes?limit=500").json()["delta_cursor"], told(tester)
    unmoved = tester.get("/v1/products?limit=500", headers={"If-None-Match": first["ETag"]})
    assert unmoved.status_code == 304
    mirrored(people.source, a_product("p9", a_variant("9", sku="NEW-01")))
    assert tester.get("/v1/changes", {"since": cursor}).json()["data"] == []
    assert told(tester) == before


@pytest.mark.parametrize(("path", "name"), [("/v1/products", "cursor"), ("/v1/changes", "since")])
def test_a_cursor_of_a_live_key_is_refused_and_the_other_way_round(people, tester, path, name):
    live = client_of(people.alice)
    for mine, other in ((live, tester), (tester, live)):
        cursor = mine.get(path, {"limit": 1}).json()["next_cursor"]
        assert mine.get(path, {name: cursor}).status_code == 200
        refused = other.get(path, {name: cursor})
        assert (refused.status_code, refused.json()["parameter"]) == (400, name)


def test_a_tag_of_a_live_key_saves_a_test_key_nothing(people, tester):
    live = client_of(people.alice)
    tag = live.get("/v1/products")["ETag"]
    assert live.get("/v1/products", headers={"If-None-Match": tag}).status_code == 304
    assert tester.get("/v1/products", headers={"If-None-Match": tag}).status_code == 200


def test_cursors_are_good_for_every_test_key_of_every_customer(people, tester):
    cursor = tester.get("/v1/products?limit=10").json()["next_cursor"]
    other = client_of(people.bob, mode="test")
    page = other.get("/v1/products", {"cursor": cursor, "limit": 10}).json()["data"]
    assert [item["sku"] for item in page] == SKUS[10:20]


def test_a_partner_whose_contract_is_not_in_force_can_test_already(people):
    assert client_of(people.dave).get("/v1/products").status_code == 403
    assert len(items(client_of(people.dave, mode="test"))) == 50


def test_a_revoked_test_key_is_refused(people):
    key = key_of(people.alice, mode="test")
    tester = client_with(key)
    assert len(items(tester)) == 50
    keys.revoke(key[8:20], actor="test", reason="leaked")
    assert tester.get("/v1/products").status_code == 401


def test_limits_scopes_and_the_log_are_the_customers_own(people):
    key = key_of(people.alice, mode="test", requests_a_minute=2, scopes=["stock"])
    tester = client_with(key)
    assert tester.get("/v1/stock").status_code == 200
    assert tester.get("/v1/products").json()["code"] == "scope_missing"
    assert tester.get("/v1/stock").status_code == 429
    rows = RequestLog.objects.filter(key_public_id=key[8:20]).order_by("at", "id")
    assert list(rows.values_list("customer_id", "status")) == [
        (people.alice.pk, 200),
        (people.alice.pk, 403),
        (people.alice.pk, 429),
    ]


def test_the_mode_cannot_be_claimed_by_the_caller(people):
    """The word in a key is no claim that is believed: it is looked up with the id."""
    live, test = key_of(people.alice), key_of(people.alice, mode="test")
    for key, mine, other in ((live, "live", "test"), (test, "test", "live")):
        assert client_with(key).get("/v1/me").status_code == 200
        body = key.replace(f"tc_{mine}_", f"tc_{other}_")[:-6]
        forged = body + keys._checksum(body)
        assert keys.parsed(forged).mode == other
        assert client_with(forged).get("/v1/me").status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/v1/webhooks"),
        ("post", "/v1/webhooks"),
        ("get", "/v1/webhooks/abc"),
        ("patch", "/v1/webhooks/abc"),
        ("delete", "/v1/webhooks/abc"),
        ("post", "/v1/webhooks/abc/ping"),
        ("post", "/v1/webhooks/abc/rotate"),
        ("post", "/v1/webhooks/abc/enable"),
        ("post", "/v1/webhooks/abc/disable"),
        ("get", "/v1/webhooks/abc/deliveries"),
        ("post", "/v1/webhooks/abc/replay"),
    ],
)
def test_webhooks_need_a_live_key(tester, method, path):
    body = {"url": "https://partner.example/hook"}
    answer = getattr(tester, method)(path, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "live_key_needed")
    assert Endpoint.objects.count() == 0


def test_nothing_under_v1_but_webhooks_refuses_a_test_key(tester):
    for path in ("products", "stock", "changes", "brands", "categories", "me"):
        assert tester.get(f"/v1/{path}").status_code == 200
    assert tester.get("/v1/pricing?sku=SANDBOX-QUOTE").status_code == 200
    assert tester.get("/v1/nowhere").json()["code"] == "not_found"
    assert tester.get("/v1/products/MUG-11-BLK").json()["code"] == "not_found"


def test_without_a_sandbox_a_test_key_waits_and_a_live_one_does_not(database):
    alice = cast().alice
    tester = client_of(alice, mode="test")
    for _ in range(2):  # the second time it is known whom the key reads as
        answer = tester.get("/v1/products")
        assert (answer.status_code, answer.json()["code"]) == (503, "sandbox_unavailable")
        assert answer["Retry-After"] == "60"
    assert client_of(alice).get("/v1/products").status_code == 200
    make_sandbox()
    assert len(items(tester)) == 50


def test_a_window_of_everyones_rule_opens_without_it(people, tester, clock):
    before = told(tester)
    deny(starts_at=clock.now() + timedelta(hours=1))
    clock.move(timedelta(hours=2))
    assert told(tester) == before
    assert VisibilityRule.objects.filter(effect="deny", starts_at__isnull=False).count() == 1
