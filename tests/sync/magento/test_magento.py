"""A Magento shop in the mirror: families, floats, stock of both ways, and pages that cannot shift."""

import base64
import hashlib
import hmac
from decimal import Decimal
from urllib.parse import quote, unquote

import orjson
import pytest

from catalog_mirror.models import Product, QuarantinedRecord, Source, StockLevel, Variant
from demo.storefront.http import Response
from sync.connections import connector_for
from sync.connectors import Named
from sync.http import ShopAnswersNonsense
from sync.magento import connector, mapping
from sync.models import Connection, Poll
from tests.sync.conftest import moved, picture, run
from tests.sync.magento.conftest import chosen, family, skus, variant
from tests.sync.shops.magento_shop import MagentoShop


def document(sku: str) -> dict:
    return orjson.loads(variant(sku).variantdocument.body)


def test_the_children_of_a_configurable_product_are_its_variants(magento):
    shop = magento()
    mug, black, _ = family(shop)
    shop.add("PEN", stock=3)
    shop.things[black].more["media_gallery_entries"] = [
        {"id": 2, "media_type": "image", "label": "Top", "position": 2, "disabled": False, "types": [], "file": "/m/top.jpg"},
        {"id": 1, "media_type": "image", "label": None, "position": 1, "disabled": False, "types": [], "file": "/m/side.jpg"},
        {"id": 3, "media_type": "image", "label": "", "position": 3, "disabled": True, "types": [], "file": "/m/no.jpg"},
        {"id": 4, "media_type": "external-video", "label": "", "position": 4, "disabled": False, "types": [], "file": "/m/v.jpg"},
    ]  # fmt: skip
    shop.things[black].more["weight"] = 0.68
    assert run("reconcile").code == 0
    assert skus() == {"MUG-BLK": 5, "MUG-WHT": 7, "PEN": 3}
    assert document("MUG-BLK") == {
        "sku": "MUG-BLK",
        "name": "Camp mug, Black",
        "source": "magento",
        "product": {"code": "MUG", "name": "Camp mug", "url": ""},
        "brand": None,
        "categories": [{"slug": "all-mugs", "name": "Mugs", "path": ["Drinkware", "Mugs"]}],
        "options": {"Color": "Black"},
        "attributes": {},
        "description": "<p>Enamel.</p>",
        "images": [
            {"url": "https://shop.example/media/catalog/product/m/side.jpg", "alt": ""},
            {"url": "https://shop.example/media/catalog/product/m/top.jpg", "alt": "Top"},
        ],
        "gtin": None,
        "weight": {"value": "0.68", "unit": "lb"},
        "dimensions": None,
    }
    assert variant("MUG-WHT").product == Product.objects.get(external_id=str(mug))
    assert all(Variant.objects.values_list("is_published", flat=True))
    before = picture()
    assert run("reconcile").code == 0
    assert moved(before, picture()) == {}


@pytest.mark.parametrize(
    ("what", "says", "shown"),
    [
        ("mug", {"status": 2}, False),
        ("mug", {"visibility": 1}, False),
        ("mug", {"visibility": 3}, True),
        ("black", {"status": 2}, False),
        ("black", {"visibility": 4}, True),
    ],
)
def test_a_child_is_shown_where_it_and_its_product_are(magento, what, says, shown):
    shop = magento()
    mug, black, _ = family(shop)
    shop.things[mug if what == "mug" else black].more.update(says)
    run("reconcile")
    assert variant("MUG-BLK").is_published is shown


def test_a_child_that_is_taken_out_stands_alone_and_comes_back(magento):
    shop = magento()
    mug, black, _ = family(shop)
    run("reconcile")
    pk = variant("MUG-BLK").pk
    links = shop.things[mug].more["extension_attributes"]["configurable_product_links"]
    links.remove(black)
    assert run("reconcile").code == 0
    assert (variant("MUG-BLK").product.external_id, variant("MUG-BLK").pk) == (str(black), pk)
    assert variant("MUG-BLK").is_published is False  # it is not visible by itself
    links.append(black)
    run("reconcile")
    assert variant("MUG-BLK").product.external_id == str(mug)


def test_a_child_of_two_products_belongs_to_the_first(magento):
    shop = magento()
    mug, black, _ = family(shop)
    shop.add("SET", more={
        "type_id": "configurable",
        "extension_attributes": {"configurable_product_links": [black]},
    })  # fmt: skip
    assert run("reconcile").code == 0
    assert variant("MUG-BLK").product.external_id == str(mug)


def test_what_is_no_single_thing_is_quarantined(magento):
    shop = magento()
    for kind in ("bundle", "grouped", "giftcard"):
        shop.add(kind, more={"type_id": kind, "price_type": None})
    shop.add("PEN")
    assert run("reconcile").code == 0
    assert set(skus()) == {"PEN"}
    assert set(QuarantinedRecord.objects.values_list("sku", "reason")) == {
        (kind, "unsupported_type") for kind in ("bundle", "grouped", "giftcard")
    }


@pytest.mark.parametrize(
    ("price", "currency", "expected"),
    [
        (29.949999999999999, "USD", "29.95"),
        (14.99, "EUR", "14.99"),
        (0.1 + 0.2, "USD", "0.30"),
        (1234.5, "JPY", "1235"),
        (1.2345, "KWD", "1.235"),
        ("7.995", "USD", "8.00"),
        (0, "USD", "0.00"),
        (None, "USD", None),
    ],
)
def test_a_float_is_read_by_its_digits_and_rounded_to_its_currency(price, currency, expected):
    assert mapping.money(price, currency) == (None if expected is None else Decimal(expected))


def test_a_special_price_is_for_staff(magento):
    shop = magento()
    shop.add("PEN", price="29.949999999999999", more={
        "custom_attributes": [{"attribute_code": "special_price", "value": "19.990000"}],
    })  # fmt: skip
    run("reconcile")
    assert (variant("PEN").list_price, variant("PEN").sale_price) == (
        Decimal("29.95"),
        Decimal("19.99"),
    )


# -- stock ---------------------------------------------------------------------------------------


def test_stock_lies_in_sources_of_which_some_are_off(magento):
    shop = magento()
    shop.sources = {"east": True, "west": True, "closed": False}
    levels = [("east", 4, 1), ("west", 2.5, 1), ("closed", 90, 1)]
    shop.add("A", more={"levels": levels})
    shop.add("B", more={"levels": [("east", 4, 0), ("west", 3, 1)]})  # out of stock in the east
    shop.add("C", more={"levels": []})
    shop.add("D", more={"levels": [("east", -2, 1)]})
    assert run("reconcile").code == 0
    rows = {
        v.sku: (v.stock_on_hand, v.stock_available, v.stock_status) for v in Variant.objects.all()
    }
    assert rows == {
        "A": (6, 6, "in_stock"),
        "B": (7, 3, "in_stock"),
        "C": (0, 0, "out_of_stock"),
        "D": (-2, 0, "out_of_stock"),
    }
    of_a = StockLevel.objects.filter(variant__sku="A").values_list(
        "location__external_id", "on_hand"
    )
    assert set(of_a) == {("east", 4), ("west", 2)}


@pytest.mark.parametrize("tells_stock", [True, False])
def test_a_shop_without_sources_has_one_stock(magento, tells_stock):
    shop = MagentoShop()
    shop.has_sources, shop.tells_stock = False, tells_stock
    magento(shop)
    assert "2, 0 products, one stock, prices" in shop.said
    shop.add("PEN/1 ü", stock=3)
    shop.add("CAP", stock=0)
    shop.add("SERVICE", stock=0, more={"manage_stock": False})
    assert run("reconcile").code == 0
    assert skus() == {"PEN/1 ü": 3, "CAP": 0, "SERVICE": None}
    singly = [each for each in shop.asked if "/stockItems/" in each]
    assert len(singly) == (0 if tells_stock else 3)


def test_what_the_shop_does_not_count_is_unknown_with_sources_too(magento):
    shop = MagentoShop()
    shop.tells_stock = True
    magento(shop)
    shop.add("SERVICE", stock=0, more={"manage_stock": False})
    run("reconcile")
    assert (variant("SERVICE").stock_on_hand, variant("SERVICE").stock_status) == (None, "in_stock")


def test_skus_with_commas_and_many_long_ones_find_their_stock(magento, monkeypatch):
    shop = magento()
    shop.limit = 7
    shop.add("MUG,BLACK", stock=1)
    for number in range(60):
        shop.add(f"{'LONG' * 20}-{number}", stock=number)
    assert run("reconcile").code == 0
    assert skus() == {"MUG,BLACK": 1} | {f"{'LONG' * 20}-{n}": n for n in range(60)}
    assert max(map(len, shop.asked)) < 8000


# -- reading -------------------------------------------------------------------------------------


def test_every_list_is_asked_with_a_page_size_behind_an_id(magento, monkeypatch):
    monkeypatch.setattr(connector, "PER_PAGE", 4)
    shop = magento()
    for number in range(10):
        shop.add(f"SKU-{number}")
    shop.asked.clear()
    run("reconcile")
    lists = [unquote(each) for each in shop.asked if "/V1/products?" in each]
    assert all("searchCriteria[pageSize]=" in each for each in lists)
    behind = [each for each in lists if "neq" in each]
    lasts = [each.split("[value]=")[2].split("&")[0] for each in behind]
    assert lasts == ["0", "104", "108", "110"]


def test_a_list_that_does_not_go_on_is_told(magento, monkeypatch):
    monkeypatch.setattr(connector, "PER_PAGE", 2)
    shop = magento()
    for number in range(5):
        shop.add(f"SKU-{number}")
    monkeypatch.setattr("tests.sync.shops.magento_shop._fits", lambda *_: True)
    said = run("reconcile")
    assert (said.code, "does not go on behind id" in said.error) == (1, True)
    assert skus() == {}


def test_an_integration_signs_by_oauth(magento):
    keys = {"key": "ck", "secret": "cs", "token": "tk", "token_secret": "ts"}
    shop = magento(**keys)
    shop.add("PEN")
    assert run("reconcile").code == 0
    assert set(skus()) == {"PEN"}
    assert len(set(shop.authorizations)) == len(shop.authorizations) > 5
    path, _, query = shop.asked[-1].partition("?")
    kind, _, rest = shop.authorizations[-1].partition(" ")
    said = {k: unquote(v.strip('"')) for k, v in (p.strip().split("=", 1) for p in rest.split(","))}
    given = said.pop("oauth_signature")
    asked = [tuple(map(unquote, pair.split("=", 1))) for pair in query.split("&")]
    pairs = sorted((quote(k, safe="~"), quote(v, safe="~")) for k, v in [*asked, *said.items()])
    text = "&".join(
        quote(each, safe="~")
        for each in ("GET", shop.url + path, "&".join(f"{k}={v}" for k, v in pairs))
    )
    digest = hmac.new(b"cs&ts", text.encode(), hashlib.sha256).digest()
    assert (kind, said["oauth_signature_method"], given) == (
        "OAuth", "HMAC-SHA256", base64.b64encode(digest).decode(),
    )  # fmt: skip


@pytest.mark.parametrize(
    "given", [{"key": "ck"}, {"key": "ck", "secret": "cs"}, {"token_secret": "ts"}]
)
def test_half_a_key_is_wrong_usage(database, given):
    said = run("add_source", "x", kind="magento", url="https://a.example", token="tk", **given)
    assert said.code == 2
    assert said.error.startswith("Magento wants --token alone (a bearer token), or all four")
    assert Source.objects.count() == 0


def test_what_the_key_may_not_read_is_named_and_nothing_is_kept(magento):
    shop = MagentoShop()
    shop.refused = {"inventory/source-items"}
    with pytest.raises(
        AssertionError, match="may not read inventory/source-items: give its integration"
    ):
        magento(shop)
    assert Source.objects.count() == 0


def test_check_source_names_what_a_key_may_read_no_more(magento):
    shop = magento()
    said = run("check_source", "magento")
    assert (said.code, "Magento tells nothing by itself" in said.out) == (0, True)
    shop.refused = {"categories/list"}
    said = run("check_source", "magento")
    assert said.code == 1
    assert "The key may not read categories/list: give its integration the resource" in said.out


def test_adding_says_what_it_found_and_plans_its_polls(magento):
    shop = magento(prices_include_tax=True, store="b2b_en")
    assert shop.said.splitlines()[0] == (
        "Found a shop: Magento 2, 0 products, stock by sources, prices in USD with tax, time zone "
        "America/Chicago."
    )
    assert Connection.objects.get().settings == {"store": "b2b_en", "prices_include_tax": True}
    assert {p.what: p.every.total_seconds() for p in Poll.objects.all()} == {
        "changes": 180,
        "stock": 900,
    }
    run("reconcile")
    assert all("/rest/b2b_en/V1/" in each for each in shop.asked)


def test_a_store_view_that_is_no_code_is_wrong_usage(database):
    said = run("add_source", "x", kind="magento", url="https://a.example", token="t", store="../V1")
    assert (said.code, said.error) == (
        2,
        "A store view's code is lower case letters, digits and _.",
    )


def test_null_and_odd_values_of_real_shops_are_borne(magento):
    shop = MagentoShop()
    shop.tells_stock = True
    magento(shop)
    shop.add("PEN", more={
        "weight": None, "media_gallery_entries": None, "custom_attributes": None,
        "extension_attributes": {"category_links": None, "configurable_product_links": None},
    })  # fmt: skip
    shop.add("CAP", more=chosen("93") | {"price": "free"})
    assert run("reconcile").code == 0
    assert set(skus()) == {"PEN"}
    assert list(QuarantinedRecord.objects.values_list("sku", "reason")) == [
        ("CAP", "record_unreadable")
    ]


def test_a_list_by_ids_that_is_cut_short_retires_nobody(magento):
    shop = magento()
    for number in range(9):
        shop.add(f"SKU-{number}")
    run("reconcile")
    with_ids = connector_for(Source.objects.get())
    shop.limit = 4
    names = [Named(str(n), str(n)) for n in shop.things]
    with pytest.raises(ShopAnswersNonsense, match="gives 4 of 9 products"):
        with_ids.fetch(names)
    with_ids.close()


def test_the_store_view_that_was_named_tells_its_own_currency(magento):
    shop = MagentoShop()
    default = shop.config()
    shop.configs = [default, default | {"code": "b2b", "base_currency_code": "EUR"}]
    magento(shop, store="b2b")
    assert "prices in EUR without tax" in shop.said
    assert Source.objects.get().currency == "EUR"


# -- answers that are not whole ------------------------------------------------------------------


@pytest.mark.parametrize("answers", ["refused", "missing"])
def test_sources_that_the_key_may_not_list_all_count(magento, answers):
    shop = magento()
    shop.add("PEN", stock=3)
    if answers == "refused":
        shop.refused = {"inventory/sources"}
    else:
        listed = shop.lists
        shop.lists = lambda path: None if path == "inventory/sources" else listed(path)
    assert run("reconcile").code == 0
    assert skus() == {"PEN": 3}


def test_an_empty_list_of_sources_empties_no_stock(magento):
    shop = magento()
    shop.add("PEN", stock=3)
    run("reconcile")
    before = picture()
    shop.sources = {}
    said = run("reconcile")
    assert (said.code, moved(before, picture())) == (1, {})
    assert "lists no sources, while stock lies in default" in said.error


def test_sources_beyond_the_first_page_count(magento):
    shop = magento()
    shop.limit = 2
    shop.sources = dict.fromkeys(["a", "b", "c"], True)
    shop.add("PEN", more={"levels": [("c", 4, 1)]})
    assert run("reconcile").code == 0
    assert skus() == {"PEN": 4}


def test_check_source_names_a_key_that_may_not_list_sources(magento):
    shop = magento()
    shop.refused = {"inventory/sources"}
    said = run("check_source", "magento")
    assert (said.code, "The key may not read inventory/sources: " in said.out) == (1, True)


@pytest.mark.parametrize("path", ["products", "categories/list", "inventory/source-items"])
def test_a_list_that_ends_before_its_count_changes_nothing(magento, path):
    shop = magento()
    shop.limit = 2
    for number in range(5):
        shop.add(f"SKU-{number}")
    run("reconcile")
    before = picture()
    whole = shop.listed

    def cut(records, request):
        body = orjson.loads(whole(records, request).body)
        return Response(orjson.dumps(body | {"items": None}))

    shop.listed = lambda records, request: (
        cut if unquote(request.path).endswith(f"/V1/{path}") else whole
    )(records, request)
    said = run("reconcile")
    assert (said.code, moved(before, picture())) == (1, {})
    assert f"The shop's list {path} ends early" in said.error


def test_source_items_that_come_twice_on_shifting_pages_change_nothing(magento):
    shop = magento()
    shop.limit = 2
    shop.sources = {"east": True, "west": True}
    shop.add("A", more={"levels": [("east", 1, 1), ("west", 2, 1)]})
    shop.add("B", more={"levels": [("east", 3, 1), ("west", 4, 1)]})
    run("reconcile")
    before = picture()
    whole = shop.listed

    def shifting(records, request):
        if (
            records
            and "quantity" in records[0]
            and ("searchCriteria[currentPage]", "2") in request.pairs
        ):
            body = orjson.loads(whole(records, request).body)
            first = {"sku": "A", "source_code": "east", "quantity": 1, "status": 1}
            return Response(orjson.dumps(body | {"items": [first, *body["items"][1:]]}))
        return whole(records, request)

    shop.listed = shifting
    said = run("reconcile")
    assert (said.code, moved(before, picture())) == (1, {})
    assert "names A at east twice" in said.error


def test_a_product_without_a_stock_item_keeps_the_stock_it_had(magento):
    shop = MagentoShop()
    shop.has_sources = False
    magento(shop)
    shop.add("PEN", stock=3)
    shop.add("CAP", stock=1)
    run("reconcile")
    whole = shop.routed
    shop.routed = lambda path, request: (
        Response(b'{"message": "No such entity."}', status=404)
        if path == "stockItems/PEN"
        else whole(path, request)
    )
    [pen, cap] = shop.things.values()
    pen.price, cap.stock = "12.00", 2
    assert run("reconcile").code == 0
    assert skus() == {"PEN": 3, "CAP": 2}
    assert str(variant("PEN").list_price) == "12.0000"


def test_a_category_link_without_its_category_is_quarantined(magento):
    shop = magento()
    shop.add("PEN", more={"extension_attributes": {"category_links": [{"position": 0}]}})
    shop.add("CAP")
    assert run("reconcile").code == 0
    assert set(skus()) == {"CAP"}
    assert QuarantinedRecord.objects.get().reason == "record_unreadable"


def test_a_route_that_is_not_there_and_a_field_that_lacks_end_in_one_line(magento):
    shop = magento()
    shop.add("PEN")
    run("reconcile")
    before = picture()
    listed = shop.lists
    shop.lists = lambda path: None if path == "categories/list" else listed(path)
    said = run("reconcile")
    assert (said.code, "The shop has no categories/list." in said.error) == (1, True)
    shop.lists = lambda path: [{"sku": "PEN"}] if path == "inventory/source-items" else listed(path)
    said = run("reconcile")
    assert (said.code, "KeyError: 'source_code'" in said.error) == (1, True)
    assert moved(before, picture()) == {}
