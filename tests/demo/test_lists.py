"""Lists of products: paging, filters, order, `_fields`, as recorded."""

import pytest

from demo.storefront.bodies import encoded
from tests.demo.recorded import PRODUCT_KEYS, REFUSED_QUERIES, TERM_KEYS, VARIATION_KEYS


def test_a_page_carries_totals_and_links(client, storefront):
    answer = client.rest("/products", per_page=20)
    products = [p for p in storefront.store.catalogue.products.values() if not p.is_variation]
    total = sum(p.status != "trash" for p in products)
    assert answer.headers["X-WP-Total"] == str(total)
    assert answer.headers["X-WP-TotalPages"] == str(-(-total // 20))
    address = f"{client.url.replace('http:', 'https:')}/wp-json/wc/v3/products"
    assert answer.headers["Link"] == f'<{address}?per_page=20&page=2>; rel="next"'
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert answer.headers["Allow"] == "GET, POST"
    assert answer.headers["Content-Encoding"] == "gzip"
    second = client.rest("/products", per_page=20, page=2).headers["Link"]
    assert second == (
        f'<{address}?per_page=20&page=1>; rel="prev", <{address}?per_page=20&page=3>; rel="next"'
    )


def test_past_the_end_is_an_empty_page_that_points_back(client):
    answer = client.rest("/products", per_page=100, page=9999)
    assert (answer.status_code, answer.text) == (200, "[]")
    assert answer.headers["Link"].endswith('page=2>; rel="prev"')


def test_links_repeat_the_query_as_php_writes_it(client):
    answer = client.rest(
        "/products",
        per_page=1,
        include_status="publish,trash",
        dates_are_gmt="true",
        _fields="id,sku",
    )
    assert (
        "per_page=1&include_status%5B0%5D=publish&include_status%5B1%5D=trash"
        "&dates_are_gmt=1&_fields=id%2Csku&page=2" in answer.headers["Link"]
    )


def test_ten_a_page_newest_first_is_the_default(client, storefront):
    ids = [p["id"] for p in client.rest("/products").json()]
    assert len(ids) == 10
    assert ids[0] == storefront.odd["created_future"]


def test_offset_beats_page(client):
    by_offset = client.ids(per_page=5, offset=5, page=3)
    assert by_offset == client.ids(per_page=5, page=2)


def test_head_tells_the_totals_without_a_body(client):
    answer = client.head(f"{client.url}/wp-json/wc/v3/products", timeout=10)
    assert answer.status_code == 200
    assert answer.headers["X-WP-Total"] == client.rest("/products").headers["X-WP-Total"]
    assert answer.content == b""


@pytest.mark.parametrize("query", REFUSED_QUERIES)
def test_wrong_parameter_is_400_in_the_recorded_words(client, query):
    answer = client.get(f"{client.url}/wp-json/wc/v3/products?{query}", timeout=10)
    assert answer.status_code == 400
    assert answer.json() == REFUSED_QUERIES[query]
    assert "Content-Encoding" not in answer.headers


def test_list_bodies_have_the_recorded_keys_in_order(client):
    assert list(client.rest("/products", type="simple").json()[0]) == PRODUCT_KEYS


def test_any_status_lists_plugin_statuses_but_never_trash(client):
    answer = client.rest("/products", per_page=100, status="any", _fields="status").json()
    statuses = {p["status"] for p in answer + client.rest(
        "/products", per_page=100, page=2, _fields="status").json()}  # fmt: skip
    assert {"publish", "draft", "archived", "future"} <= statuses
    assert "trash" not in statuses
    trashed = client.rest("/products", status="trash", per_page=100).json()
    assert {p["status"] for p in trashed} == {"trash"}
    assert all(p["slug"].endswith("__trashed") for p in trashed)


def test_a_list_never_contains_variations_even_when_included(client, storefront):
    variation = storefront.odd["variation_no_price"]
    parent = storefront.odd["variable_sku_parent"]
    assert client.ids(include=f"{variation},{parent}") == [parent]


def test_order_by_id_reads_everything_once(client):
    pages = [client.ids(orderby="id", order="asc", page=page) for page in (1, 2)]
    ids = pages[0] + pages[1]
    assert ids == sorted(set(ids))
    assert len(ids) == int(client.rest("/products").headers["X-WP-Total"])


def test_order_by_modified_has_no_tie_break(client, storefront):
    for product_id in (ids := client.ids(per_page=6, orderby="id", type="simple")):
        storefront.edit_price(product_id, "3.00")
    read = [
        client.ids(per_page=2, page=page, orderby="modified", include=",".join(map(str, ids)))
        for page in (1, 2, 3)
    ]
    assert sorted(sum(read, [])) != sorted(ids)  # noqa: RUF017


def test_fields_keep_the_bodys_order_and_drop_what_is_inside_lists(client):
    wanted = "stock_status,id,dimensions.length,categories.id,images.src"
    body = client.rest("/products", per_page=1, _fields=wanted).json()[0]
    assert list(body) == ["id", "dimensions", "stock_status"]
    assert list(body["dimensions"]) == ["length"]


def test_fields_of_one_record_keep_its_links(client, storefront):
    path = f"/products/{storefront.odd['no_sku']}"
    assert list(client.rest(path, _fields="id").json()) == ["id", "_links"]


@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        ("odd-dup", ["sku_dup_1", "sku_dup_2"]),
        ("ODD/1 2,000123", ["sku_slash", "sku_zeros"]),
        ("ODD,A", ["sku_comma"]),
        ("ODD+3&4", ["sku_plus"]),
        ("ODD-\"q'", ["sku_quote"]),
        ("ODD-Ünï-ブ", ["sku_unicode"]),
        ("ODD-VNP", ["variation_no_price"]),
        ("ODD-VP", ["variable_sku_parent"]),  # not the variation that only shows it
        (" ODD-SP ", []),
        ("ODD%20", []),
        ("ODD<b>", []),
        ("nothing-has-this", []),
    ],
)
def test_sku_finds_what_the_recorded_shop_found(client, storefront, asked, kinds):
    assert sorted(client.ids(sku=asked)) == sorted(storefront.odd[kind] for kind in kinds)


def test_search_sku_finds_parts_of_variations_too(client):
    assert client.rest("/products", search_sku="odd-130-blk").headers["X-WP-Total"] == "10"


def test_a_category_includes_what_lies_below_it(client, storefront):
    categories = storefront.store.catalogue.categories.values()
    root = next(c for c in categories if c.name == "Drinkware")
    below = client.ids(category=str(root.id))
    assert below
    assert not any(client.product(i)["categories"][0]["id"] == root.id for i in below[:3])


def test_terms_list_by_name_with_entities(client):
    answer = client.rest("/products/brands", per_page=100)
    names = [brand["name"] for brand in answer.json()]
    assert list(answer.json()[0]) == TERM_KEYS
    assert "Müller &amp; Söhne" in names
    assert names == sorted(names, key=str.casefold)
    leaf = client.rest("/products/categories", per_page=100).json()
    assert any("up" in category["_links"] for category in leaf)


def test_all_variations_are_listed_only_where_the_shop_does(client, storefront):
    address = f"{client.url}/wp-json/wc-analytics/variations"
    answer = client.get(address, params={"per_page": 100}, timeout=10)
    assert list(answer.json()[0]) == VARIATION_KEYS
    assert int(answer.headers["X-WP-Total"]) > 130
    object.__setattr__(storefront.shop, "lists_all_variations", False)
    assert client.get(address, timeout=10).json()["code"] == "rest_no_route"
    assert client.rest("/variations").json()["code"] == "rest_no_route"


def test_bodies_are_written_as_php_writes_them():
    assert encoded({"a": "é/<b>"}) == b'{"a":"\\u00e9\\/<b>"}'
