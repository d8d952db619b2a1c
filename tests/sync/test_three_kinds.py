"""Three shops of three kinds in one installation, one SKU in two of them, one partner over all."""

from collections.abc import Iterator
from contextlib import ExitStack

import orjson
import pytest

from catalog_mirror.models import QuarantinedRecord, Source
from demo.storefront.server import running
from sync import http, lines
from tests.factories import CustomerFactory, allow, client_of, percent_off, with_terms
from tests.sync.conformance.stages import FeedStage, ShopifyStage, Stage, WooStage
from tests.sync.conftest import run
from tests.sync.shopify.test_hooks import deliver

KINDS = {"drinkware": WooStage, "shopify": ShopifyStage, "erp": FeedStage}


@pytest.fixture
def stages(database, monkeypatch, tmp_path) -> Iterator[dict[str, Stage]]:
    monkeypatch.setattr(http, "pause", lambda seconds: None)
    with ExitStack() as stack:
        stack.callback(lines.hang_up)
        made = {slug: kind() for slug, kind in KINDS.items()}
        for slug, stage in made.items():
            url = stack.enter_context(running(stage.app)) + ("/goods" if slug == "erp" else "")
            options = stage.options(tmp_path) | {"hook_secret": "shpss_of_the_app"}
            said = run("add_source", slug, kind=stage.kind, url=url, **options)
            assert said.code == 0, said.text
        yield made


@pytest.fixture
def alice(stages):
    """Sees everything, at a tenth off."""
    return with_terms(CustomerFactory(slug="alice"))


def seen(client) -> dict[str, tuple[str, str]]:
    data = client.get("/v1/products?limit=500").json()["data"]
    return {item["sku"]: (item["source"], item["price"]["unit"]) for item in data}


def changes(client, cursor: str) -> dict[str, str]:
    body = client.get(f"/v1/changes?since={cursor}").json()
    return {
        each["sku"]: each["item"]["source"] if each["op"] == "upsert" else "remove"
        for each in body["data"]
    }


def filled(stages: dict[str, Stage]) -> dict[str, str]:
    """Give each shop something of its own, and two of them the same SKU; return the ids of that one."""
    stages["drinkware"].add("MUG", price="10.00")
    stages["shopify"].add("CAP", price="20.00")
    stages["erp"].add("PEN", price="1.00")
    return {
        "drinkware": stages["drinkware"].add("SHARED", price="30.00"),
        "shopify": stages["shopify"].add("SHARED", price="33.00"),
    }


def test_one_partner_is_served_across_them_and_the_conflict_is_explained(stages, alice):
    ids = filled(stages)
    allow(customer=alice)
    percent_off("10", customer=alice)
    said = run("reconcile")
    assert said.code == 0, said.text
    client = client_of(alice)
    assert seen(client) == {
        "MUG": ("drinkware", "9.00"),
        "CAP": ("shopify", "18.00"),
        "PEN": ("erp", "0.90"),
        "SHARED": ("drinkware", "27.00"),
    }
    [refused] = QuarantinedRecord.objects.select_related("source")
    assert (refused.source.slug, refused.external_id, refused.sku, refused.reason) == (
        "shopify", ids["shopify"], "SHARED", "duplicate_sku",
    )  # fmt: skip
    assert refused.detail == (
        f"Record {ids['drinkware']} of drinkware carries this SKU and comes first. Give one of the two "
        "another SKU in its shop."
    )
    assert [each.slug for each in Source.objects.order_by("rank")] == list(KINDS)


def test_what_the_first_gives_up_the_second_takes_and_the_partner_hears_of_it(stages, alice):
    ids = filled(stages)
    allow(customer=alice)
    run("reconcile")
    client = client_of(alice)
    cursor = client.get("/v1/changes?since=latest").json()["delta_cursor"]
    stages["drinkware"].delete(ids["drinkware"])
    assert run("reconcile").code == 0
    assert changes(client, cursor) == {"SHARED": "shopify"}
    assert seen(client)["SHARED"] == ("shopify", "33.00")
    assert QuarantinedRecord.objects.count() == 0


def test_one_that_is_added_later_with_a_lower_rank_takes_it_over(stages, alice):
    ids = filled(stages)
    allow(customer=alice)
    run("reconcile")
    Source.objects.filter(slug="shopify").update(rank=50)
    stages["shopify"].change(ids["shopify"], price="29.00")
    assert run("reconcile").code == 0
    assert seen(client_of(alice))["SHARED"] == ("shopify", "29.00")
    [refused] = QuarantinedRecord.objects.select_related("source")
    assert (refused.source.slug, refused.reason) == ("drinkware", "duplicate_sku")


def test_who_may_see_one_source_sees_nothing_of_the_others(stages, alice):
    filled(stages)
    run("reconcile")
    bob = with_terms(CustomerFactory(slug="bob"))
    allow(customer=bob, source=Source.objects.get(slug="shopify"))
    client = client_of(bob)
    # What is served of SHARED is the other shop's.
    assert seen(client) == {"CAP": ("shopify", "20.00")}
    assert client.get("/v1/products/PEN").status_code == 404
    assert client.get("/v1/products/SHARED").status_code == 404


def test_one_shop_that_is_down_leaves_the_others_and_its_own_goods_as_they_are(stages, alice):
    filled(stages)
    allow(customer=alice)
    run("reconcile")
    before = seen(client_of(alice))
    stages["shopify"].faults.set("down")
    new = stages["erp"].add("NEW", price="2.00")
    said = run("reconcile")
    assert said.code == 1
    assert said.error.startswith("shopify: The shop cannot be reached")
    assert seen(client_of(alice)) == before | {"NEW": ("erp", "2.00")}
    assert new


def test_a_webhook_of_one_reaches_the_partner_at_once(stages, alice):
    from tests.sync.hooks import follow_all

    filled(stages)
    allow(customer=alice)
    run("reconcile")
    client = client_of(alice)
    cursor = client.get("/v1/changes?since=latest").json()["delta_cursor"]
    [cap] = [each for each in stages["shopify"].shop.things.values() if each.sku == "CAP"]
    cap.stock = 1
    assert deliver("products/update", orjson.dumps({"id": cap.id})).status_code == 200
    follow_all()
    assert changes(client, cursor) == {"CAP": "shopify"}
    assert client.get("/v1/products/CAP").json()["stock"]["on_hand"] == 1
