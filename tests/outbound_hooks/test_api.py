"""Partners manage their own endpoints under /v1/webhooks, and no one else's."""

import json
from datetime import timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from groundwork.models import AuditEntry
from outbound_hooks import deliveries, endpoints
from outbound_hooks.deliveries import Message
from outbound_hooks.delivering import deliver_once, dispatch_all
from outbound_hooks.models import Delivery, Endpoint
from tests.factories import client_of, deny, fixed_price, now, terms_changed, variant
from tests.outbound_hooks.conftest import registered

URL = "/v1/webhooks"


@pytest.fixture
def alice(people):
    return client_of(people.alice, scopes=["webhooks"])


def asked(client, method: str, path: str, body=None):
    if method in ("get", "delete"):
        return getattr(client, method)(path)
    raw = b"" if body is None else json.dumps(body).encode()
    return getattr(client, method)(path, data=raw, content_type="application/json")


def made(client, url: str, **says):
    answer = asked(client, "post", URL, {"url": url, **says})
    assert answer.status_code == 201, answer.content
    return answer.json()


def told(receiver) -> list[dict]:
    start = len(receiver.received)
    while dispatch_all():
        pass
    while deliver_once():
        pass
    return [each.said for each in receiver.received[start:]]


def test_an_endpoint_is_made_heard_with_and_removed(people, alice, receiver):
    endpoint = made(alice, receiver.url, facets=["price"], description="Shop")
    assert endpoint.pop("secret").startswith("whsec_")
    assert (endpoint["facets"], endpoint["is_enabled"]) == (["price"], True)
    path = f"{URL}/{endpoint['id']}"
    assert alice.get(URL).json() == {"data": [endpoint]}
    assert alice.get(path).json() == endpoint
    fixed_price("7", customer=people.alice, variant=variant("PEN-01"))
    assert [each["type"] for each in told(receiver)] == ["price.changed"]
    changed = asked(alice, "patch", path, {"facets": ["stock"], "signs_body": True}).json()
    assert (changed["facets"], changed["signs_body"]) == (["stock"], True)
    assert asked(alice, "delete", path).status_code == 204
    assert alice.get(path).status_code == 404
    assert not Delivery.objects.exists()
    actions = AuditEntry.objects.filter(subject=endpoint["id"]).order_by("pk")
    assert list(actions.values_list("action", flat=True)) == [
        "endpoint.registered", "endpoint.changed", "endpoint.disabled", "endpoint.removed",
    ]  # fmt: skip


def test_a_feed_begins_when_it_is_registered(people, alice, receiver):
    fixed_price("7", customer=people.alice, variant=variant("PEN-01"))
    made(alice, receiver.url)
    assert told(receiver) == []
    fixed_price("6", customer=people.alice, variant=variant("MUG-11-BLK"))
    assert [each["type"] for each in told(receiver)] == ["price.changed"]


def test_a_ping_shows_what_the_receiver_answered(people, alice, receiver):
    made_one = made(alice, receiver.url)
    path = f"{URL}/{made_one['id']}/ping"
    answer = asked(alice, "post", path).json()
    assert (answer["status"], answer["error"], answer["answer"]) == (200, None, "ok")
    (received,) = receiver.received
    assert Webhook(made_one["secret"]).verify(received.body, received.headers)["type"] == "ping"
    assert received.headers["webhook-id"] == answer["id"]
    receiver.answer = lambda _: (500, {}, b"broken")
    answer = asked(alice, "post", path).json()
    assert (answer["status"], answer["error"], answer["answer"]) == (
        500,
        "It answered 500.",
        "broken",
    )
    assert set(Delivery.objects.values_list("kind", "status")) == {
        ("ping", "delivered"),
        ("ping", "dead"),
    }
    assert deliver_once() == 0


def test_a_rotated_secret_is_shown_once_and_the_old_one_signs_beside_it(people, alice, receiver):
    endpoint = made(alice, receiver.url)
    rotated = asked(alice, "post", f"{URL}/{endpoint['id']}/rotate").json()
    assert rotated["secret"] != endpoint["secret"]
    asked(alice, "post", f"{URL}/{endpoint['id']}/ping")
    (received,) = receiver.received
    for secret in (endpoint["secret"], rotated["secret"]):
        Webhook(secret).verify(received.body, received.headers)
    assert alice.get(f"{URL}/{endpoint['id']}").json()["old_secret_until"] is not None


def test_an_endpoint_is_disabled_and_enabled(people, alice, receiver):
    path = f"{URL}/{made(alice, receiver.url)['id']}"
    disabled = asked(alice, "post", f"{path}/disable").json()
    assert (disabled["is_enabled"], disabled["disabled_reason"]) == (False, "You disabled it.")
    fixed_price("7", customer=people.alice, variant=variant("PEN-01"))
    assert told(receiver) == []
    enabled = asked(alice, "post", f"{path}/enable").json()
    assert (enabled["is_enabled"], enabled["disabled_reason"]) == (True, None)
    assert [each["type"] for each in told(receiver)] == ["price.changed"]


def test_what_staff_disabled_only_staff_enable(people, alice, receiver):
    path = f"{URL}/{made(alice, receiver.url)['id']}"
    endpoint = Endpoint.objects.get()
    endpoints.disable(endpoint, actor="ann", reason="Your supplier disabled it.", is_barred=True)
    refused = asked(alice, "post", f"{path}/enable")
    assert (refused.status_code, refused.json()["code"]) == (422, "endpoint_refused")
    assert alice.get(path).json()["disabled_reason"] == "Your supplier disabled it."
    endpoints.enable(endpoint, actor="ann")
    assert alice.get(path).json()["is_enabled"] is True


def test_one_ping_at_a_time(people, alice, receiver, clock):
    path = f"{URL}/{made(alice, receiver.url)['id']}/ping"
    of = Endpoint.objects.get()
    deliveries.put_taken(of.pk, of.customer_id, Message("ping", "{}"))
    refused = asked(alice, "post", path)
    assert (refused.status_code, refused.json()["code"]) == (422, "endpoint_refused")
    clock.move(timedelta(seconds=31))
    assert asked(alice, "post", path).json()["status"] == 200


def test_deliveries_are_listed_with_their_attempts_the_newest_first(people, alice, receiver):
    endpoint = made(alice, receiver.url)
    of = Endpoint.objects.get()
    messages = [Message("ping", '{"type":"ping","data":{}}') for _ in range(5)]
    put = deliveries.put(of.pk, of.customer_id, messages, revision=1, correlation="cause-0001")
    receiver.answer = lambda received: (
        500 if received.headers["webhook-id"] == put[0].message_id else 200,
        {},
        b"",
    )
    while deliver_once():
        pass
    path = f"{URL}/{endpoint['id']}/deliveries"
    first = alice.get(path, {"limit": 3}).json()
    second = alice.get(path, {"limit": 3, "cursor": first["next_cursor"]}).json()
    ids = [each["id"] for each in first["data"] + second["data"]]
    assert ids == [each.message_id for each in reversed(put)]
    assert (second["has_more"], second["next_cursor"]) == (False, None)
    failed = second["data"][-1]
    assert (failed["status"], failed["attempts"][0]["status"]) == ("pending", 500)
    assert failed["next_attempt_at"] is not None
    waiting = alice.get(path, {"status": "pending"}).json()["data"]
    assert [each["id"] for each in waiting] == [put[0].message_id]


def test_what_was_told_is_told_again_as_it_is_now(people, alice, receiver):
    endpoint = made(alice, receiver.url)
    path = f"{URL}/{endpoint['id']}"
    fixed_price("7", customer=people.alice, variant=variant("PEN-01"))
    fixed_price("7", customer=people.alice, variant=variant("MUG-11-BLK"))
    (first,) = told(receiver)
    assert {each["sku"] for each in first["data"]["changes"]} == {"PEN-01", "MUG-11-BLK"}
    deny(customer=people.alice, brand=people.inkwell)
    told(receiver)
    delivery = Delivery.objects.order_by("pk")[0]
    again = asked(alice, "post", f"{path}/replay", {"delivery": delivery.message_id})
    assert again.json() == {"deliveries": 1, "messages": 2}
    replayed = told(receiver)
    said = {(each["type"], c["op"], c["sku"]) for each in replayed for c in each["data"]["changes"]}
    assert said == {
        ("product.updated", "upsert", "MUG-11-BLK"),
        ("product.removed", "remove", "PEN-01"),
    }
    old = set(Delivery.objects.filter(replay_of="").values_list("message_id", flat=True))
    assert set(receiver.ids[-2:]) & old == set()
    window = {"since": (now() - timedelta(hours=1)).isoformat(), "status": ["delivered"]}
    assert asked(alice, "post", f"{path}/replay", window).json() == {"deliveries": 4, "messages": 2}
    assert asked(alice, "post", f"{path}/replay", {}).json() == {"deliveries": 0, "messages": 0}


def test_another_s_endpoint_is_not_there(people, alice, receiver):
    theirs, _ = registered(people.bob, receiver.url)
    unknown = "wh_0000000000000000"
    for method, tail, body in (
        ("get", "", None), ("patch", "", {"description": "mine"}), ("delete", "", None),
        ("post", "/ping", None), ("post", "/rotate", None), ("post", "/enable", None),
        ("post", "/disable", None), ("get", "/deliveries", None), ("post", "/replay", {}),
    ):  # fmt: skip
        foreign = asked(alice, method, f"{URL}/{theirs.public_id}{tail}", body)
        missing = asked(alice, method, f"{URL}/{unknown}{tail}", body)
        assert (foreign.status_code, missing.status_code) == (404, 404)
        strip = [{**each.json(), "request_id": ""} for each in (foreign, missing)]
        assert strip[0] == strip[1]
    assert alice.get(URL).json() == {"data": []}
    theirs.refresh_from_db()
    assert (theirs.is_enabled, theirs.description, receiver.received) == (True, "", [])


def test_a_key_without_the_scope_and_a_customer_without_a_contract_are_refused(people, receiver):
    narrow = client_of(people.alice, scopes=["stock"])
    assert asked(narrow, "post", URL, {"url": receiver.url}).json()["code"] == "scope_missing"
    assert narrow.get(URL).status_code == 403
    dave = client_of(people.dave, scopes=["webhooks"])
    assert asked(dave, "post", URL, {"url": receiver.url}).json()["code"] == "contract_inactive"
    assert not Endpoint.objects.exists()


def test_when_the_contract_ends_deliveries_can_be_neither_seen_nor_replayed(
    people, alice, receiver
):
    path = f"{URL}/{made(alice, receiver.url)['id']}"
    terms_changed(people.alice, status="suspended")
    assert alice.get(f"{path}/deliveries").json()["code"] == "contract_inactive"
    assert asked(alice, "post", f"{path}/replay", {}).json()["code"] == "contract_inactive"
    assert asked(alice, "post", f"{path}/ping").json()["code"] == "contract_inactive"
    assert receiver.received == []


REFUSED = [
    ({}, 400, "url", "An endpoint has one"),
    ({"url": 5}, 400, "url", "Text"),
    ({"url": "https://x\0"}, 400, "url", "Text"),
    ({"url": "https://u:p@partner.example/"}, 422, "url", "no user name"),
    ({"url": "https://10.0.0.1/"}, 422, "url", "not a public address"),
    ({"url": "gopher://partner.example/"}, 422, "url", "begins with https"),
    ({"url": "https://127.0.0.1/", "facets": []}, 400, "facets", "A list of some"),
    ({"url": "https://127.0.0.1/", "facets": ["sku"]}, 400, "facets", "A list of some"),
    ({"url": "https://127.0.0.1/", "facets": "price"}, 400, "facets", "A list of some"),
    ({"url": "https://127.0.0.1/", "signs_body": 1}, 400, "signs_body", "true or false"),
    ({"url": "https://127.0.0.1/", "description": "x" * 201}, 400, "description", "at most 200"),
    ({"url": "https://127.0.0.1/", "secret": "mine"}, 400, "secret", "no such member"),
    ({"url": "https://127.0.0.1/", "facet": []}, 400, "facet", "Did you mean facets?"),
]


@pytest.mark.parametrize(("body", "status", "parameter", "detail"), REFUSED)
def test_what_an_endpoint_cannot_be_is_refused_by_its_name(alice, body, status, parameter, detail):
    answer = asked(alice, "post", URL, body)
    problem = answer.json()
    assert (answer.status_code, problem["parameter"]) == (status, parameter)
    assert detail in problem["detail"]
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'"x"', b"\xff"])
def test_what_is_no_object_is_refused(alice, raw):
    answer = alice.post(URL, data=raw, content_type="application/json")
    assert answer.status_code in (400, 413)
    large = alice.post(URL, data=b"x" * 20_000, content_type="application/json")
    assert large.status_code == 413


def test_a_customer_has_at_most_ten(alice, receiver):
    for number in range(endpoints.MOST_ENDPOINTS):
        made(alice, f"{receiver.url}/{number}")
    answer = asked(alice, "post", URL, {"url": receiver.url})
    assert (answer.status_code, answer.json()["code"]) == (422, "endpoint_refused")


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"delivery": "msg_1", "since": "2026-01-01T00:00:00Z"}, "delivery"),
        ({"since": "yesterday"}, "since"),
        ({"since": 5}, "since"),
        ({"status": ["pending"]}, "status"),
        ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "until"),
    ],
)
def test_a_replay_that_cannot_be_meant_is_refused(alice, receiver, body, parameter):
    path = f"{URL}/{made(alice, receiver.url)['id']}/replay"
    answer = asked(alice, "post", path, body)
    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)


@pytest.mark.parametrize(
    "query", [{"status": "lost"}, {"limit": "0"}, {"cursor": "x"}, {"page": "1"}]
)
def test_a_list_of_deliveries_refuses_what_it_does_not_know(alice, receiver, query):
    path = f"{URL}/{made(alice, receiver.url)['id']}/deliveries"
    assert alice.get(path, query).status_code == 400
