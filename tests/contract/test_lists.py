"""Pages of products and stock."""

from decimal import Decimal
from urllib.parse import quote, urlencode

import pytest

from catalog_mirror.records import Dimensions, Image, Weight
from tests.factories import (
    NORTHCUP,
    SKUS,
    UNPUBLISHED,
    CustomerFactory,
    SourceFactory,
    TierFactory,
    a_category,
    a_product,
    a_variant,
    allow,
    cast,
    categorized,
    client_of,
    key_of,
    mirrored,
    percent_off,
    with_terms,
)


@pytest.fixture
def people(database):
    return cast()


@pytest.fixture
def alice(people):
    return client_of(people.alice)


def skus(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [item["sku"] for item in answer.json()["data"]]


def walked(client, path: str, **query) -> list[list[str]]:
    """Return the SKUs of every page, following `next_cursor`."""
    pages = []
    cursor = {}
    while True:
        body = client.get(f"{path}?{urlencode(query | cursor, doseq=True)}").json()
        pages.append([item["sku"] for item in body["data"]])
        assert body["has_more"] is (body["next_cursor"] is not None)
        if not body["has_more"]:
            return pages
        cursor = {"cursor": body["next_cursor"]}


@pytest.mark.parametrize("path", ["/v1/products", "/v1/stock"])
def test_a_walk_covers_the_view_exactly_once(alice, path):
    for limit in (1, 2, 3, 4, 5, 500):
        pages = walked(alice, path, limit=limit)
        assert [sku for page in pages for sku in page] == list(SKUS)
        assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
        assert pages[-1]


def test_500_products_are_a_page_and_501_are_two(people):
    source = SourceFactory(slug="big")
    variants = [a_variant(f"v{i}", sku=f"BIG-{i:03}") for i in range(501)]
    mirrored(source, a_product("p9", *variants))
    alice = client_of(people.alice)
    assert [len(page) for page in walked(alice, "/v1/products", source="big", limit=500)] == [
        500,
        1,
    ]
    assert [len(page) for page in walked(alice, "/v1/stock", source="big", limit=1000)] == [501]
    assert len(skus(alice.get("/v1/products?source=big"))) == 100


def test_a_first_page_has_the_shape_of_a_middle_page_and_of_the_last(alice):
    first = alice.get("/v1/products?limit=1").json()
    middle = alice.get(f"/v1/products?limit=1&cursor={first['next_cursor']}").json()
    last = alice.get("/v1/products").json()
    assert list(first) == list(middle) == list(last) == [
        "data", "revision", "as_of", "has_more", "next_cursor",
    ]  # fmt: skip
    assert (first["has_more"], middle["has_more"], last["has_more"]) == (True, True, False)
    assert last["next_cursor"] is None
    assert set(first["data"][0]) == set(middle["data"][0])


def test_what_is_added_during_a_walk_does_not_shift_it(people, alice):
    first = alice.get("/v1/products?limit=2").json()
    mirrored(people.source, a_product("p9", a_variant("9", sku="NEW")))
    rest = alice.get(f"/v1/products?cursor={first['next_cursor']}").json()
    assert [i["sku"] for i in (*first["data"], *rest["data"])] == [*SKUS, "NEW"]


# -- filters -----------------------------------------------------------------------------------


FILTERED = [
    ("brand=northcup", ["MUG-11-BLK", "MUG-11-WHT"]),
    ("brand=inkwell&brand=northcup", ["MUG-11-BLK", "MUG-11-WHT", "PEN-01"]),
    ("brand=nobody", []),
    ("category=mugs", ["MUG-11-BLK", "MUG-11-WHT"]),
    ("category=drinkware", ["MUG-11-BLK", "MUG-11-WHT"]),
    ("category=writing&category=mugs", ["MUG-11-BLK", "MUG-11-WHT", "PEN-01"]),
    ("product=MUG-11", ["MUG-11-BLK", "MUG-11-WHT"]),
    ("sku=PEN-01", ["PEN-01"]),
    ("sku=PEN-01&sku=CAP-01&sku=NOPE", ["PEN-01", "CAP-01"]),
    (f"sku={UNPUBLISHED}", []),
    ("source=drinkware", list(SKUS)),
    ("source=other", []),
    ("brand=northcup&sku=MUG-11-WHT", ["MUG-11-WHT"]),
    ("brand=northcup&sku=PEN-01", []),
    ("brand=northcup&category=mugs&product=MUG-11&sku=MUG-11-BLK&source=drinkware", ["MUG-11-BLK"]),
]  # fmt: skip


@pytest.mark.parametrize("path", ["/v1/products", "/v1/stock"])
def test_values_of_a_filter_are_alternatives_and_filters_add_up(alice, path):
    for query, found in FILTERED:
        assert skus(alice.get(f"{path}?{query}")) == found, query


def test_two_shops_may_have_one_slug_and_the_filter_finds_both(people, alice):
    other = SourceFactory(slug="other")
    mirrored(other, a_product("p1", a_variant("1", sku="OTHER-MUG"), brand=NORTHCUP))
    found = skus(alice.get("/v1/products?brand=northcup"))
    assert found == ["MUG-11-BLK", "MUG-11-WHT", "OTHER-MUG"]


def test_a_cursor_holds_for_as_many_filters_as_a_request_may_have(people):
    """The cursor held every value: with a hundred it was longer than a cursor may be."""
    names = [f"{'A' * 90}-{i}" for i in range(100)]
    variants = [a_variant(f"v{i}", sku=sku) for i, sku in enumerate(names)]
    mirrored(people.source, a_product("p9", *variants))
    pages = walked(client_of(people.alice), "/v1/products", sku=names, limit=60)
    assert [sku for page in pages for sku in page] == names


ODD = [
    "A/B",
    "/A",
    "A/",
    "A//B",
    "A%2FB",
    "100%",
    "A B",
    "A+B",
    "A,B",
    "A'B",
    'A"B',
    "A\\B",
    "A?b=c",
    "A#B",
    "A&B=C",
    "Größe-Ä",
    "杯子",
    "☕",
    "S" * 100,
    "Ü" * 100,
    "null",
    "<b>A</b>",
    "A;DROP",
    "{A}",
]


def test_odd_skus_are_found_by_path_and_by_filter(people, alice):
    variants = [a_variant(f"v{i}", sku=sku) for i, sku in enumerate(ODD)]
    mirrored(people.source, a_product("p9", *variants))
    for sku in ODD:
        answer = alice.get(f"/v1/products/{quote(sku, safe='')}")
        assert (answer.status_code, answer.json()["sku"]) == (200, sku)
        assert skus(alice.get("/v1/products", {"sku": sku})) == [sku]
        assert skus(alice.get("/v1/stock", {"sku": sku})) == [sku]
    assert alice.get("/v1/products/A/B").json()["sku"] == "A/B"


# -- refusals ----------------------------------------------------------------------------------

BAD = [
    ("limit=0", "limit"),
    ("limit=-1", "limit"),
    ("limit=1.5", "limit"),
    ("limit=ten", "limit"),
    ("limit=", "limit"),
    ("limit=1&limit=2", "limit"),
    ("limit=99999999999", "limit"),
    ("limit=%D9%A1", "limit"),
    ("brand=", "brand"),
    ("category=%00", "category"),
    ("product=" + "p" * 301, "product"),
    ("&".join(f"sku={i}" for i in range(101)), "sku"),
    ("cursor=nonsense", "cursor"),
    ("cursor=", "cursor"),
    ("cursor=" + "A" * 3000, "cursor"),
    ("cursor=%E2%98%95", "cursor"),
    ("cursor=a&cursor=b", "cursor"),
    ("brnad=x", "brnad"),
    ("since=x", "since"),
    ("offset=5", "offset"),
]


@pytest.mark.parametrize("path", ["/v1/products", "/v1/stock"])
def test_a_bad_parameter_is_400_and_named(alice, path):
    for query, parameter in BAD:
        answer = alice.get(f"{path}?{query}")
        body = answer.json()
        told = (answer.status_code, body["code"], body["parameter"])
        assert told == (400, "invalid_parameter", parameter), query


@pytest.mark.parametrize(("path", "most"), [("/v1/products", 500), ("/v1/stock", 1000)])
def test_a_page_has_a_largest_size(alice, path, most):
    assert alice.get(f"{path}?limit={most}").status_code == 200
    answer = alice.get(f"{path}?limit={most + 1}")
    assert (answer.status_code, answer.json()["parameter"]) == (400, "limit")


def test_a_misspelt_parameter_gets_a_hint(alice):
    detail = alice.get("/v1/products?catgory=mugs").json()["detail"]
    assert detail == "There is no such parameter here. Did you mean category?"


def test_more_parameters_than_can_be_read_is_400(alice):
    """Django refuses to parse more than a thousand; that was a 500."""
    answer = alice.get("/v1/products?" + "sku=A&" * 1001)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_one_product_takes_no_parameters(alice):
    answer = alice.get("/v1/products/MUG-11-BLK?brand=northcup")
    assert (answer.status_code, answer.json()["parameter"]) == (400, "brand")


def test_a_cursor_is_bound_to_its_customer_its_list_and_its_filters(people, alice):
    cursor = alice.get("/v1/products?limit=1&brand=northcup").json()["next_cursor"]

    def parameter(client, query: str) -> str:
        answer = client.get(query)
        assert answer.status_code == 400
        return answer.json()["parameter"]

    bob = client_of(people.bob)
    assert parameter(bob, f"/v1/products?limit=1&brand=northcup&cursor={cursor}") == "cursor"
    assert parameter(alice, f"/v1/stock?limit=1&brand=northcup&cursor={cursor}") == "cursor"
    assert parameter(alice, f"/v1/changes?since={cursor}") == "since"
    assert parameter(alice, f"/v1/products?cursor={cursor}") == "cursor"
    assert parameter(alice, f"/v1/products?brand=inkwell&cursor={cursor}") == "cursor"
    tampered = ("B" if cursor[0] != "B" else "C") + cursor[1:]
    assert parameter(alice, f"/v1/products?brand=northcup&cursor={tampered}") == "cursor"


def test_a_cursor_is_good_for_every_key_of_its_customer(people, alice):
    cursor = alice.get("/v1/products?limit=3").json()["next_cursor"]
    assert skus(client_of(people.alice).get(f"/v1/products?cursor={cursor}")) == ["CAP-01"]


def test_a_cursor_says_nothing(people, alice):
    cursor = alice.get("/v1/products?limit=1&sku=MUG-11-BLK&sku=PEN-01").json()["next_cursor"]
    assert "MUG" not in cursor
    assert key_of(people.alice)[8:20] not in cursor


# -- items -------------------------------------------------------------------------------------

GOLDEN = (
    b'{"sku":"MUG-11-BLK","name":"Camp mug 11 oz, black","source":"drinkware",'
    b'"product":{"code":"MUG-11","name":"Camp mug 11 oz","url":"https://shop.example/mug-11"},'
    b'"brand":{"slug":"northcup","name":"Northcup"},'
    b'"categories":[{"slug":"mugs","name":"Mugs","path":["Drinkware","Mugs"]}],'
    b'"options":{"Color":"Black"},"attributes":{"Material":"Enamel"},'
    b'"description":"A mug.","images":[{"url":"https://shop.example/1.png","alt":"Mug"}],'
    b'"gtin":null,"weight":{"value":"0.310","unit":"kg"},'
    b'"dimensions":{"length":"10","width":"8","height":"9","unit":"cm"},'
    b'"stock":{"on_hand":120,"available":120,"status":"in_stock"},'
    b'"price":{"currency":"USD","tax_included":false,"list":"14.99","unit":"10.49",'
    b'"breaks":[{"minimum_quantity":1,"unit":"10.49","discount_percentage":"30.02","name":null,'
    b'"counted_per":"variant","basis":{"who":"tier","what":"brand","kind":"percent"}}],"next_change_at":null},'
    b'"order":{"minimum_quantity":1,"step":1,"maximum_quantity":null}}'
)


def test_an_item_is_exactly_this(database):
    source = SourceFactory(slug="drinkware")
    categorized(source, a_category("drinkware"), a_category("mugs", "drinkware"))
    mug = a_variant(
        "1",
        sku="MUG-11-BLK",
        name="Camp mug 11 oz, black",
        options={"Color": "Black"},
        attributes={"Material": "Enamel"},
        description="A mug.",
        images=(Image(url="https://shop.example/1.png", alt="Mug"),),
        weight=Weight(value="0.310", unit="kg"),
        dimensions=Dimensions(length="10", width="8", height="9", unit="cm"),
        list_price=Decimal("14.99"),
        on_hand=120,
    )
    mirrored(
        source,
        a_product(
            "p1",
            mug,
            code="MUG-11",
            name="Camp mug 11 oz",
            url="https://shop.example/mug-11",
            brand=NORTHCUP,
            category_external_ids=("mugs",),
        ),
    )
    gold = TierFactory()
    allow()
    percent_off("30", tier=gold, brand=source.brand_set.get())
    client = client_of(with_terms(CustomerFactory(), tier=gold))
    assert client.get("/v1/products/MUG-11-BLK").content == GOLDEN
    assert b'{"data":[' + GOLDEN + b"]," in client.get("/v1/products").content
    assert b'"item":' + GOLDEN + b"}" in client.get("/v1/changes").content


def test_stock_says_what_the_item_says(alice):
    items = alice.get("/v1/products").json()["data"]
    stock = alice.get("/v1/stock").json()["data"]
    assert stock == [{"sku": item["sku"], "stock": item["stock"]} for item in items]
    assert [row["stock"] for row in stock] == [
        {"on_hand": 5, "available": 5, "status": "in_stock"},
        {"on_hand": 0, "available": 0, "status": "out_of_stock"},
        {"on_hand": 5, "available": 5, "status": "in_stock"},
        {"on_hand": None, "available": None, "status": "in_stock"},
    ]
