"""Shopify's deliveries, as published and recorded: signed, kept, and followed by reading again."""

import base64
import hashlib
import hmac

import orjson
import pytest

from sync.connectors import Hint, MakesNoSense
from sync.models import InboundEvent, SweepRun
from sync.shopify.hooks import Hooks
from tests.sync.conftest import moved, picture, run
from tests.sync.hooks import follow_all, post, statuses
from tests.sync.shopify.conftest import SECRET, skus

# As sent by a shop, with all that does not matter left away.
UPDATED = (
    b'{"id":101,"title":"Test product","admin_graphql_api_id":"gid:\\/\\/shopify\\/Product\\/101",'
    b'"variants":[{"id":10101,"product_id":101,"sku":"","inventory_item_id":510101}]}'
)
LEVEL = (
    b'{"inventory_item_id":510101,"location_id":1,"available":0,'
    b'"updated_at":"2026-05-26T11:35:10+12:00","admin_graphql_api_id":'
    b'"gid:\\/\\/shopify\\/InventoryLevel\\/101011?inventory_item_id=510101"}'
)


def deliver(topic: str, body: bytes, secret: str = SECRET, **more: str):
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    headers = {
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
        "X-Shopify-Shop-Domain": "northcup.myshopify.com",
        "X-Shopify-API-Version": "2026-07",
        "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
    } | more
    return post("shopify", body, headers)


@pytest.fixture
def shop(shopify):
    one = shopify()
    one.collections = {7: ("mugs", "Mugs")}
    one.add("A", stock=5)
    one.add("B", stock=5)
    run("reconcile")
    return one


def test_a_product_is_read_again_with_all_its_variants(shop):
    shop.things[101].stock = 3
    shop.things[102].stock = 3
    assert deliver("products/update", UPDATED).status_code == 200
    follow_all()
    assert skus() == {"A": 3, "B": 5}
    event = InboundEvent.objects.get()
    assert (event.topic, event.status, event.delivery_id[:8]) == (
        "products/update",
        "done",
        "b54557e4",
    )


def test_a_level_leads_to_the_variant_of_its_item(shop):
    shop.things[101].stock = 3
    for topic in (
        "inventory_levels/update",
        "inventory_levels/connect",
        "inventory_levels/disconnect",
    ):
        assert deliver(topic, LEVEL).status_code == 200
    follow_all()
    assert skus() == {"A": 3, "B": 5}
    assert statuses() == ["done"] * 3


def test_an_item_s_own_edit_is_followed_and_its_end_harms_nothing(shop):
    shop.things[101].sku = "A-2"
    deliver("inventory_items/update", b'{"id":510101,"sku":"A-2"}')
    deliver("inventory_items/delete", b'{"id":777}')
    follow_all()
    assert (set(skus()), statuses()) == ({"A-2", "B"}, ["done", "done"])


def test_a_deleted_product_is_retired_and_a_new_one_appears(shop):
    del shop.things[101]
    deliver("products/delete", b'{"id":101}')
    new = shop.add("C", stock=1)
    deliver("products/create", b'{"id":%d}' % new.id)
    follow_all()
    assert skus() == {"B": 5, "C": 1}


def test_a_product_in_a_collection_that_is_new_finds_it(shop):
    shop.collections[9] = ("new", "New")
    shop.things[101].more["collections"] = [9]
    deliver("products/update", UPDATED)
    follow_all()
    from tests.sync.shopify.conftest import variant

    assert orjson.loads(variant("A").variantdocument.body)["categories"][0]["slug"] == "new"


@pytest.mark.parametrize(
    "topic", ["collections/update", "collections/delete", "locations/update", "app/uninstalled"]
)
def test_what_names_no_goods_wants_a_sweep_before_long(shop, topic):
    for _ in range(3):
        deliver(topic, b'{"id":7,"handle":"mugs"}')
    follow_all()
    assert statuses() == ["done"] * 3
    assert SweepRun.objects.filter(status="due", slot=None).count() == 1


def test_topics_that_are_none_of_ours_are_kept_and_left_alone(shop):
    before = picture()
    deliver("orders/create", b'{"id":1}')
    follow_all()
    assert (statuses(), moved(before, picture())) == (["done"], {})


def test_the_old_secret_signs_on_while_it_is_rotated(shop):
    assert run("set_hook_secret", "shopify", secret="shpss_next").code == 0
    assert deliver("products/update", UPDATED).status_code == 200
    assert deliver("products/update", UPDATED, secret="shpss_next").status_code == 200
    run("set_hook_secret", "shopify", secret="shpss_third")
    assert deliver("products/update", UPDATED).status_code == 401
    assert InboundEvent.objects.count() == 2


@pytest.mark.parametrize("signature", ["", "AAAA", "é", "x" * 5000])
def test_what_is_not_signed_is_refused(shop, signature):
    said = deliver("products/update", UPDATED, **{"X-Shopify-Hmac-Sha256": signature})
    assert (said.status_code, InboundEvent.objects.count()) == (401, 0)


def test_a_published_signature_fits():
    """The key of RFC 2202's first case, by another road to the same bytes."""
    body, secret = b"Hi There", "key"
    expected = base64.b64encode(hmac.digest(b"key", body, "sha256")).decode()
    headers = {"X-Shopify-Hmac-Sha256": expected}
    assert Hooks().is_signed(headers, body, secrets=["other", secret])
    assert not Hooks().is_signed(headers, body + b" ", secrets=["other", secret])


@pytest.mark.parametrize(
    ("topic", "body", "hint"),
    [
        ("products/update", b'{"id":788032119674292922}', Hint("family", "788032119674292922")),
        ("inventory_levels/update", LEVEL, Hint("variant", "InventoryItem/510101")),
        ("collections/create", b"{}", Hint("all")),
        ("customers/update", b"{}", None),
        ("", b"{}", None),
    ],
)
def test_what_a_delivery_hints_at(topic, body, hint):
    assert Hooks().hint(topic, body) == hint


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"id":true}', b'{"id":"101"}', b'{"id":0}', b'{"id":1.5}']
)
def test_a_body_without_an_id_makes_no_sense(body):
    with pytest.raises(MakesNoSense):
        Hooks().hint("products/update", body)
