"""A Shopify shop in the mirror: what it says in its own words, its bulk operations and its budget."""

import orjson
import pytest

from catalog_mirror.models import QuarantinedRecord, Source, StockLevel, Variant
from demo.storefront.http import Response
from sync import sweep, tasks
from sync.connections import connector_for
from sync.connectors import Named
from sync.models import Connection, DriftCorrection, SweepRun
from sync.shopify import bulk, documents
from sync.sweep import Manner, SweepStopped
from tests.sync.conftest import moved, picture, run
from tests.sync.shopify.conftest import skus, variant
from tests.sync.shops.shopify_shop import ShopifyShop, gid

COLORS = [
    {"sku": "MUG-BLK", "selectedOptions": [{"name": "Color", "value": "Black"}], "price": "14.99"},
    {"sku": "MUG-WHT", "selectedOptions": [{"name": "Color", "value": "White"}], "price": "14.99"},
]


def document(sku: str) -> dict:
    return orjson.loads(variant(sku).variantdocument.body)


@pytest.mark.parametrize("version", documents.VERSIONS)
def test_a_family_is_mirrored_with_all_it_says_in_every_version(shopify, version):
    shop = shopify(api_version=version)
    shop.collections = {7: ("mugs", "Mugs"), 8: ("summer", "Summer")}
    image = {
        "__typename": "MediaImage",
        "id": gid("MediaImage", 1),
        "alt": "Side",
        "image": {"url": "https://cdn/1.jpg"},
    }
    film = {"__typename": "MediaImage", "id": gid("MediaImage", 2), "alt": None, "image": None}
    own = image | {
        "id": gid("MediaImage", 3),
        "alt": "Black",
        "image": {"url": "https://cdn/3.jpg"},
    }
    weight = {"value": 310.0, "unit": "GRAMS"}
    black = COLORS[0] | {"barcode": "4006381333931", "media": [own], "weight": weight}
    shop.add("-", name="Camp mug", more={
        "vendor": "Northcup", "productType": "Mug", "descriptionHtml": "<p>Enamel.</p>",
        "onlineStoreUrl": "https://northcup.example/products/camp-mug", "collections": [8, 7],
        "media": [film, image], "variants": [black, COLORS[1]],
    })  # fmt: skip
    assert run("reconcile").code == 0
    assert document("MUG-BLK") == {
        "sku": "MUG-BLK",
        "name": "Camp mug, Black",
        "source": "shopify",
        "product": {
            "code": "thing-101",
            "name": "Camp mug",
            "url": "https://northcup.example/products/camp-mug",
        },
        "brand": {"slug": "northcup", "name": "Northcup"},
        "categories": [
            {"slug": "mugs", "name": "Mugs", "path": ["Mugs"]},
            {"slug": "summer", "name": "Summer", "path": ["Summer"]},
        ],
        "options": {"Color": "Black"},
        "attributes": {"Type": "Mug"},
        "description": "<p>Enamel.</p>",
        "images": [
            {"url": "https://cdn/3.jpg", "alt": "Black"},
            {"url": "https://cdn/1.jpg", "alt": "Side"},
        ],
        "gtin": "4006381333931",
        "weight": {"value": "310.0", "unit": "g"},
        "dimensions": None,
    }
    assert variant("MUG-WHT").product == variant("MUG-BLK").product
    before = picture()
    names = [Named("101", "10101"), Named("101", "20101")]
    with_names = connector_for(Source.objects.get())
    fetched = with_names.fetch(names)
    with_names.close()
    assert len(fetched.records[0].variants) == 2
    run("reconcile")
    assert moved(before, picture()) == {}


def test_stock_is_what_is_available_at_each_location(shopify):
    shop = shopify()
    shop.add("A", more={"variants": [{"levels": [
        {"location": 1, "available": 4, "on_hand": 6, "incoming": 10},
        {"location": 2, "available": -1, "on_hand": 2},
        {"location": 3, "available": 99, "on_hand": 99, "isActive": False},
    ]}]})  # fmt: skip
    shop.add("B", stock=0, more={"variants": [{"inventoryPolicy": "CONTINUE"}]})
    shop.add("C", stock=0)
    shop.add("D", more={"variants": [{"tracked": False}]})
    shop.add("E", more={"variants": [{"levels": []}]})
    assert run("reconcile").code == 0
    rows = {
        v.sku: (v.stock_on_hand, v.stock_available, v.stock_status) for v in Variant.objects.all()
    }
    assert rows == {
        "A": (8, 3, "in_stock"),
        "B": (0, 0, "on_backorder"),
        "C": (0, 0, "out_of_stock"),
        "D": (None, None, "in_stock"),
        "E": (0, 0, "out_of_stock"),
    }
    levels = StockLevel.objects.filter(variant__sku="A").values_list(
        "location__external_id", "on_hand", "reserved", "incoming"
    )
    assert set(levels) == {("1", 6, 2, 10), ("2", 2, 3, 0)}


@pytest.mark.parametrize(
    ("says", "shown"),
    [
        ({}, True),
        ({"status": "DRAFT"}, False),
        ({"status": "ARCHIVED"}, False),
        ({"status": "UNLISTED"}, False),
        ({"publishedAt": None}, False),
    ],
)
def test_only_what_is_active_and_published_is_shown(shopify, says, shown):
    shop = shopify()
    shop.add("A", more=says)
    run("reconcile")
    assert variant("A").is_published is shown


@pytest.mark.parametrize(
    ("price", "before", "expected"),
    [
        ("19.99", None, ("19.9900", None)),
        ("19.99", "24.99", ("24.9900", "19.9900")),
        ("19.99", "19.99", ("19.9900", None)),
        ("19.99", "9.99", ("19.9900", None)),
        ("0.00", None, ("0.0000", None)),
    ],
)
def test_a_price_before_a_reduction_is_the_list_price(shopify, price, before, expected):
    shop = shopify()
    shop.add("A", more={"variants": [{"price": price, "compareAtPrice": before}]})
    run("reconcile")
    row = variant("A")
    sale = None if row.sale_price is None else str(row.sale_price)
    assert (str(row.list_price), sale) == expected


def test_a_gift_card_is_quarantined(shopify):
    shopify().add("GIFT", more={"isGiftCard": True})
    run("reconcile")
    [found] = QuarantinedRecord.objects.values_list("sku", "reason")
    assert found == ("GIFT", "unsupported_type")


def test_ids_larger_than_a_float_holds_stay_whole(shopify):
    shop = shopify()
    shop.add("A")
    thing = shop.things.pop(101)
    thing.id = 9_007_199_254_740_993
    shop.things[thing.id] = thing
    run("reconcile")
    assert variant("A").external_id == "9007199254750993"
    assert variant("A").product.external_id == "9007199254740993"


# -- bulk operations -----------------------------------------------------------------------------


def test_rows_may_stand_anywhere_behind_their_parents(shopify):
    shop = shopify()
    shop.is_shuffled = True
    for number in range(30):
        shop.add(f"SKU-{number}", stock=number, name=f"Thing {number}")
    assert run("reconcile").code == 0
    assert skus() == {f"SKU-{number}": number for number in range(30)}


def test_a_level_may_name_its_item_as_its_parent(shopify):
    shop = shopify()
    shop.add("A", stock=7)
    run_now = shop.run

    def naming_items(query, version):
        told = run_now(query, version)
        operation = told["bulkOperation"]
        operation["rows"] = (
            operation["rows"].replace(
                b'"__parentId":"gid:\\/\\/shopify\\/ProductVariant\\/10101"',
                b'"__parentId":"gid:\\/\\/shopify\\/InventoryItem\\/510101"',
            )
            if b"InventoryLevel" in operation["rows"]
            else operation["rows"]
        )
        return told

    shop.run = naming_items
    run("reconcile")
    assert skus() == {"A": 7}


def test_an_operation_is_waited_for_ever_more_patiently(shopify, paused):
    shop = shopify()
    shop.add("A")
    shop.looks_until_done = 4
    paused.clear()
    assert run("reconcile").code == 0
    waits = [each for each in paused if each >= bulk.PAUSE]
    assert waits == [2.0, 4.0, 8.0, 15.0] * 2


def test_another_operation_is_waited_for(shopify):
    shop = shopify()
    shop.add("A")
    run_now, left = shop.run, [0, 1, 2]

    def busy(query, version):
        if left:
            left.pop()
            error = {"field": None, "message": "In progress", "code": "OPERATION_IN_PROGRESS"}
            return {"bulkOperation": None, "userErrors": [error]}
        return run_now(query, version)

    shop.run = busy
    assert run("reconcile").code == 0
    assert skus() == {"A": 5}


def test_an_operation_that_never_ends_is_given_up_before_the_sweep_s_own_time(shopify, paused):
    shop = shopify()
    shop.add("A")
    shop.looks_until_done = 10_000
    paused.clear()
    said = run("reconcile")
    assert "did not finish a bulk operation within 45 minutes" in said.error
    # Not the turns, of which no pause is as round.
    waited = sum(each for each in paused if each in {2.0, 4.0, 8.0, 15.0})
    # The first operation ends after its wait, and the second is never begun.
    assert bulk.LONGEST_WAIT <= waited < bulk.LONGEST_WAIT + bulk.LONGEST_PAUSE
    assert 2 * (bulk.LONGEST_WAIT + bulk.LONGEST_BUSY) < tasks.LONGEST_SWEEP


@pytest.mark.parametrize(
    ("says", "line"),
    [
        (
            {"status": "FAILED", "errorCode": "TIMEOUT"},
            "The shop gave a bulk operation up (FAILED, TIMEOUT).",
        ),
        ({"status": "CANCELED"}, "The shop gave a bulk operation up (CANCELED, None)."),
        ({"status": "EXPIRED"}, "The shop gave a bulk operation up (EXPIRED, None)."),
        (
            {"status": "FAILED", "errorCode": "ACCESS_DENIED"},
            "The token may not read what a bulk operation",
        ),
        ({"objectCount": "7"}, "A bulk operation has 7 rows, and "),
        (
            {"status": "COMPLETED", "url": "https://evil.example/rows"},
            "The shop keeps a result at https://evil.example/rows",
        ),
        (
            {"status": "COMPLETED", "url": "http://storage.googleapis.com/rows"},
            "The shop keeps a result at http://storage",
        ),
    ],
)
def test_an_operation_that_comes_to_nothing_changes_nothing(shopify, says, line):
    shop = shopify()
    shop.add("A")
    run("reconcile")
    shop.things[101].stock = 1
    before = picture()
    run_now = shop.run

    def spoiled(query, version):
        told = run_now(query, version)
        told["bulkOperation"].update(says)
        return told

    shop.run = spoiled
    said = run("reconcile")
    assert (said.code, moved(before, picture())) == (1, {})
    assert said.error.startswith(f"shopify: {line}")


def test_a_result_that_is_cut_off_changes_nothing(shopify):
    shop = shopify()
    for number in range(5):
        shop.add(f"SKU-{number}")
    run("reconcile")
    before = picture()
    shop.faults.set("half", path="/bulk/")
    said = run("reconcile")
    assert (said.code, moved(before, picture())) == (1, {})


def test_the_token_does_not_go_with_a_result(shopify):
    shop = shopify()
    shop.add("A")
    seen = {}

    def look(request):
        if request.path.startswith("/bulk/"):
            seen[request.path] = shop.headers.get("X_SHOPIFY_ACCESS_TOKEN")

    shop.before = look
    run("reconcile")
    assert seen == {"/bulk/1": None, "/bulk/2": None}


def test_a_sweep_that_was_stopped_goes_on_with_the_same_operations(shopify, monkeypatch):
    shop = shopify()
    for number in range(20):
        shop.add(f"SKU-{number}")
    monkeypatch.setattr(sweep, "CHUNK", 5)
    monkeypatch.setattr("sync.shopify.connector.PER_BATCH", 5)
    source = Source.objects.get()
    with pytest.raises(SweepStopped):
        sweep.sweep(source, manner=Manner(is_to_stop=lambda: True))
    assert len(shop.operations) == 2
    shop.things[101].stock = 99  # after the operations: the next sweep's matter
    sweep.sweep(source, resume=True)
    assert (len(shop.operations), len(skus())) == (2, 20)
    assert SweepRun.objects.get().status == "complete"


def test_a_stopped_sweep_whose_operations_are_gone_begins_anew(shopify, monkeypatch):
    shop = shopify()
    for number in range(20):
        shop.add(f"SKU-{number}")
    monkeypatch.setattr(sweep, "CHUNK", 5)
    monkeypatch.setattr("sync.shopify.connector.PER_BATCH", 5)
    source = Source.objects.get()
    with pytest.raises(SweepStopped):
        sweep.sweep(source, manner=Manner(is_to_stop=lambda: True))
    for each in shop.operations.values():
        each["status"] = "EXPIRED"
    sweep.sweep(source, resume=True)
    assert (len(shop.operations), len(skus())) == (4, 20)


# -- adding and checking -------------------------------------------------------------------------


def test_adding_says_what_it_found_and_what_to_paste(shopify, settings):
    settings.PUBLIC_URL = "https://tc.example"
    shop = shopify()
    assert shop.said.splitlines()[0] == (
        "Found Small Shopify: Shopify 2026-07, 0 products, prices in USD without tax, time zone "
        "America/Chicago."
    )
    assert (
        'webhookSubscription: {uri: "https://tc.example/hooks/shopify/", format: JSON}' in shop.said
    )
    assert Connection.objects.get().settings == {"version": "2026-07"}


def test_scopes_that_lack_are_named_and_keep_nothing(shopify):
    shop = ShopifyShop()
    shop.scopes = ["read_products"]
    with pytest.raises(AssertionError, match="lacks the scopes read_inventory, read_locations"):
        shopify(shop=shop)
    assert Source.objects.count() == 0


def test_a_token_that_may_write_is_remarked_upon(shopify):
    shop = ShopifyShop()
    shop.scopes += ["write_products"]
    shopify(shop=shop)
    assert "The token may also write (write_products)." in shop.said


def test_an_unknown_version_is_wrong_usage(database):
    said = run(
        "add_source", "x", kind="shopify", url="https://a.example", token="t", api_version="2024-01"
    )
    assert (said.code, said.error) == (
        2, "Shopify's versions that are read are 2026-01, 2026-04, 2026-07, not 2024-01."
    )  # fmt: skip


def test_check_source_names_each_webhook_that_lacks_something(shopify, settings):
    settings.PUBLIC_URL = "https://tc.example"
    shop = shopify()
    said = run("check_source", "shopify")
    assert said.code == 1
    assert "There is no webhook for PRODUCTS_CREATE: subscribe to it." in said.out
    from sync.shopify.webhooks import TOPICS

    url = "https://tc.example/hooks/shopify/"
    shop.webhooks = [{"topic": each, "uri": url, "format": "JSON"} for each in TOPICS]
    said = run("check_source", "shopify")
    assert (said.code, f"All webhooks are active and deliver to {url}" in said.out) == (0, True)
    shop.webhooks[0]["uri"] = "https://other.example/"
    shop.webhooks[1]["format"] = "XML"
    lines = run("check_source", "shopify").out.splitlines()
    assert (
        f"The webhook for PRODUCTS_CREATE delivers to https://other.example/: it should be {url}."
        in lines
    )
    assert "The webhook for PRODUCTS_UPDATE sends XML: it should be JSON." in lines


def test_a_shop_that_answers_with_another_version_is_told(shopify):
    shop = shopify()
    shop.answers_with = "2027-01"
    said = run("check_source", "shopify")
    assert said.code == 1
    assert "The shop was asked for version 2026-07 and answers with 2027-01" in said.out


def test_a_product_that_went_untold_is_noted_as_retired_at_its_source(shopify):
    shop = shopify()
    shop.add("A")
    shop.add("B")
    run("reconcile")
    del shop.things[101]
    run("reconcile")
    [noted] = DriftCorrection.objects.values_list("sku", "field", "cause")
    assert noted == ("A", "retired", "retired_at_source")


# -- answers that are not whole ------------------------------------------------------------------


def without_stock_of(shop, *left: str):
    """Have bulk operations over stock leave out the variants that do not end in one of `left`."""
    run_now = shop.run

    def cut(query, version):
        told = run_now(query, version)
        operation = told["bulkOperation"]
        if b"InventoryLevel" in operation["rows"]:
            rows = operation["rows"].splitlines(keepends=True)
            kept = [r for r in rows if any(f'ProductVariant\\/{i}"'.encode() in r for i in left)]
            operation |= {"rows": b"".join(kept), "objectCount": str(len(kept))}
        return told

    shop.run = cut


def test_a_variant_that_the_stock_leaves_out_keeps_the_stock_it_had(shopify):
    shop = shopify()
    shop.add("A", stock=7)
    shop.add("B", stock=8)
    run("reconcile")
    without_stock_of(shop, "10102")
    shop.things[101].price, shop.things[102].stock = "12.00", 9
    assert run("reconcile").code == 0
    assert skus() == {"A": 7, "B": 9}
    assert str(variant("A").list_price) == "12.0000"


def test_products_without_any_stock_are_a_fault(shopify):
    shop = shopify()
    shop.add("A", stock=7)
    run("reconcile")
    before = picture()
    without_stock_of(shop)
    said = run("reconcile")
    assert (said.code, moved(before, picture())) == (1, {})
    assert "tells products and no stock of any" in said.error


def test_a_result_that_is_refused_is_no_refused_key(shopify):
    shop = shopify()
    shop.add("A")
    answered = shop.answered
    shop.answered = lambda request, body: (
        Response(b"", status=403) if request.path.startswith("/bulk/") else answered(request, body)
    )
    said = run("reconcile")
    assert (said.code, "key" in said.error) == (1, False)
    assert "The result of a bulk operation answers with status 403." in said.error


@pytest.mark.parametrize(
    ("field", "command"),
    [
        ("bulkOperationRunQuery", "reconcile"),
        ("webhookSubscriptions", "check_source"),
        ("currentAppInstallation", "check_source"),
    ],
)
def test_a_part_of_an_answer_that_is_null_ends_in_one_line(shopify, settings, field, command):
    settings.PUBLIC_URL = "https://tc.example"
    shop = shopify()
    carried_out = shop.carried_out

    def odd(asked, version):
        told = carried_out(asked, version)
        if field in told["data"]:
            told["data"][field] = None
        return told

    shop.carried_out = odd
    said = run(command, *(["shopify"] if command == "check_source" else []))
    assert (said.code, "is not what Shopify sends" in said.text) == (1, True)
