"""Single records over REST, the odd ones above all."""

import pytest

from tests.demo.recorded import (
    IMAGE_KEYS,
    INVALID_ID,
    INVALID_VARIATION,
    NO_ROUTE,
    PRICE_HTML,
    PRODUCT_KEYS,
    VARIATION_KEYS,
)

# What REST showed of odd records.
SHOWN = {
    "no_sku": {"sku": "", "price": "5", "purchasable": True},
    "no_price": {"price": "", "regular_price": "", "purchasable": False, "price_html": ""},
    "price_zero": {"price": "0", "regular_price": "0", "purchasable": True},
    "price_4dec": {"price": "1.2345"},
    "price_big": {"price": "12345678901.99"},
    "price_negative": {"price": "-5"},
    "price_stale": {"price": "5", "regular_price": "9", "on_sale": False},
    "sale_zero": {"price": "0", "regular_price": "5", "sale_price": "", "on_sale": True},
    "sale_future": {"price": "5", "sale_price": "4", "on_sale": False},
    "sale_past": {"price": "5", "sale_price": "4", "on_sale": False},
    "stock_null_managed": {
        "manage_stock": True,
        "stock_quantity": None,
        "stock_status": "outofstock",
    },
    "stock_negative": {"stock_quantity": -4, "stock_status": "onbackorder", "backorders": "yes"},
    "stock_qty_unmanaged": {"manage_stock": False, "stock_status": "outofstock"},
    "variable_no_variations": {"price": "", "stock_status": "outofstock", "variations": []},
    "variation_no_own_sku": {"sku": "ODD-VP", "type": "variation", "total_sales": "0"},
    "variation_no_sku_at_all": {"sku": ""},
    "variation_no_price": {"price": "", "purchasable": False},
    "variation_private": {"status": "private", "purchasable": False},
    "variation_orphan": {"parent_id": 0, "name": "", "purchasable": False},
    "variation_of_draft_parent": {"status": "publish", "purchasable": True},
    "variable_draft_parent": {"status": "draft", "purchasable": True, "price": "5"},
    "variation_parent_managed": {"manage_stock": "parent", "stock_quantity": 7},
    "grouped_missing_child": {"grouped_products": [99_999_998], "price": "", "purchasable": False},
    "external_no_url": {"type": "external", "external_url": "", "purchasable": False},
    "hidden": {"catalog_visibility": "hidden"},
    "password": {"post_password": "x"},
    "name_empty": {"name": "Product"},
    "modified_zero": {"date_created": None, "date_modified_gmt": None},
    "status_plugin": {"status": "archived"},
    "gtin_bad": {"global_unique_id": "12-34"},
    "created_future": {"status": "future"},
    "created_backdated": {"date_modified_gmt": "2018-12-31T23:00:00"},
}


@pytest.mark.parametrize("kind", SHOWN)
def test_odd_record_shows_what_was_recorded(client, storefront, kind):
    body = client.product(storefront.odd[kind])
    assert {key: body[key] for key in SHOWN[kind]} == SHOWN[kind]


def test_names_come_raw_and_brands_encoded(client, storefront):
    name = client.product(storefront.odd["script_in_description"])["name"]
    assert name == 'Odd <script>alert(1)</script> & "q" &amp; é 𝄞'
    brands = client.product(storefront.odd["two_brands"])["brands"]
    assert [brand["name"] for brand in brands] == ["Müller &amp; Söhne", "O'Brien"]


def test_big_records(client, storefront):
    assert len(client.product(storefront.odd["description_200k"])["description"]) >= 200_000
    assert len(client.product(storefront.odd["meta_300"])["meta_data"]) == 300
    assert len(client.product(storefront.odd["sku_long"])["sku"]) == 100


def test_any_attribute_is_not_mentioned(client, storefront):
    variation = storefront.store.catalogue.products[storefront.odd["variation_any"]]
    path = f"/products/{variation.parent_id}/variations/{variation.id}"
    assert client.rest(path).json()["attributes"] == []


def test_variation_answers_as_product_and_as_variation(client, storefront):
    variation_id = storefront.odd["variation_parent_managed"]
    as_product = client.product(variation_id)
    assert list(as_product) == PRODUCT_KEYS
    path = f"/products/{as_product['parent_id']}/variations/{variation_id}"
    as_variation = client.rest(path).json()
    assert list(as_variation) == VARIATION_KEYS
    assert as_product["name"] == f"Odd variable manages stock - {as_variation['name']}"
    assert (as_variation["manage_stock"], as_variation["stock_quantity"]) == ("parent", 7)


def test_130_variations_take_two_pages(client, storefront):
    path = f"/products/{storefront.odd['variable_130']}/variations"
    pages = [client.rest(path, per_page=100, page=page) for page in (1, 2, 3)]
    assert [len(page.json()) for page in pages] == [100, 30, 0]
    assert pages[0].headers["X-WP-TotalPages"] == "2"
    assert len({v["id"] for page in pages for v in page.json()}) == 130


@pytest.mark.parametrize("product_id", ["simple", 99_999_999])
def test_simple_and_missing_products_have_no_variations(client, storefront, product_id):
    product_id = storefront.odd["no_sku"] if product_id == "simple" else product_id
    answer = client.rest(f"/products/{product_id}/variations")
    assert (answer.status_code, answer.text, answer.headers["X-WP-Total"]) == (200, "[]", "0")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/products/99999999", INVALID_ID),
        ("/products/0", INVALID_ID),
        ("/products/abc", NO_ROUTE),
        ("/nothing", NO_ROUTE),
        ("/variations", NO_ROUTE),
        ("/products/99999999/variations/1", INVALID_VARIATION),
    ],
)
def test_what_is_not_there_is_404_in_the_recorded_words(client, path, expected):
    answer = client.rest(path)
    assert (answer.status_code, answer.json()) == (404, expected)


def test_variation_under_another_parent_is_404(client, storefront):
    path = f"/products/{storefront.odd['variable_130']}/variations"
    answer = client.rest(f"{path}/{storefront.odd['variation_no_price']}")
    assert (answer.status_code, answer.json()) == (404, INVALID_VARIATION)


def test_price_html_is_the_recorded_markup(client, storefront):
    storefront.edit_price(storefront.odd["price_zero"], "10.00")
    assert client.product(storefront.odd["price_zero"])["price_html"] == PRICE_HTML


def test_images_are_drawings_the_shop_serves(client):
    body = client.rest("/products", per_page=1, orderby="id", order="asc", sku="PX-10000").json()[0]
    image = body["images"][0]
    assert list(image) == IMAGE_KEYS
    answer = client.get(image["src"].replace("https:", "http:"), timeout=10)
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert answer.text.startswith("<svg")


def test_the_shop_tells_of_itself(client):
    index = client.get(f"{client.url}/wp-json/", auth=None, timeout=10).json()
    assert (index["timezone_string"], index["gmt_offset"]) == ("America/Chicago", -5)
    assert client.rest("/data/currencies/current").json()["code"] == "USD"
    setting = client.rest("/settings/tax/woocommerce_prices_include_tax").json()
    assert setting["value"] == "no"
    status = client.rest("/system_status", _fields="environment.version,environment.wp_version")
    assert status.json() == {"environment": {"version": "9.9.5", "wp_version": "6.9"}}
    totals = {t["slug"]: t["total"] for t in client.rest("/reports/products/totals").json()}
    published = client.rest("/products", status="publish").headers["X-WP-Total"]
    assert sum(totals.values()) == int(published)


def test_answers_tell_what_a_route_allows_where_recorded(client):
    allowed = {path: client.rest(path).headers.get("Allow") for path in (
        "/products", "/products?page=0", "/products/99999999", "/nothing", "/system_status",
        "/products/1/variations/2",
    )}  # fmt: skip
    assert allowed == {
        "/products": "GET, POST",
        "/products?page=0": "GET, POST",
        "/products/99999999": "GET, POST, PUT, PATCH, DELETE",
        "/nothing": None,
        "/system_status": "GET",
        "/products/1/variations/2": None,
    }
