"""What an answer may be asked to be: packed, cut to some fields, whole; and what it tells of itself."""

import gzip
from datetime import UTC, datetime

import pytest
from django.test import override_settings
from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import spectacular_settings
from hypothesis import given
from hypothesis import strategies as st

from contract import api, encodings, fields, operations
from contract import serializers as shapes
from contract.api import Me, StockList
from contract.retirements import Retirement
from tests.factories import SKUS, a_product, a_variant, cast, client_of, mirrored


@pytest.fixture
def people(database):
    return cast()


@pytest.fixture
def alice(people):
    return client_of(people.alice)


# -- packed ------------------------------------------------------------------------------------


@pytest.mark.parametrize("accepted", ["gzip", "br, GZIP ;q=0.5", "gzip; q=1.000", "deflate,gzip"])
def test_an_answer_is_packed_for_whom_it_suits(alice, accepted):
    plain = alice.get("/v1/products?fields=sku,description,price,product")
    packed = alice.get(
        "/v1/products?fields=sku,description,price,product", headers={"Accept-Encoding": accepted}
    )
    assert packed["Content-Encoding"] == "gzip"
    assert packed["Content-Length"] == str(len(packed.content))
    assert len(packed.content) < len(plain.content) / 2
    assert b'"MUG-11-BLK"' in gzip.decompress(packed.content)


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "gzip; q=0.000", "xgzip", "br"])
def test_an_answer_is_plain_for_others(alice, accepted):
    answer = alice.get("/v1/products", headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in answer.headers
    assert [item["sku"] for item in answer.json()["data"]] == list(SKUS)


def test_a_small_answer_is_left_as_it_is(alice):
    answer = alice.get("/v1/stock", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert len(answer.json()["data"]) == 4


@given(st.text(max_size=60))
def test_no_header_is_too_odd_to_be_read(accepted):
    assert encodings.takes_gzip(accepted) in (True, False)


# -- some fields -------------------------------------------------------------------------------


def test_fields_cut_an_item_to_what_is_asked_for(alice):
    whole = alice.get("/v1/products").json()["data"]
    told = alice.get("/v1/products?fields=name,price.unit,price.breaks.basis.who,categories.slug")
    assert told.json()["data"] == [
        {
            "sku": item["sku"],
            "name": item["name"],
            "categories": [{"slug": each["slug"]} for each in item["categories"]],
            "price": {
                "unit": item["price"]["unit"],
                "breaks": [{"basis": {"who": b["basis"]["who"]}} for b in item["price"]["breaks"]],
            },
        }
        for item in whole
    ]


@pytest.mark.parametrize(
    ("asked", "members"),
    [
        ("sku", {"sku": "CAP-01"}),
        ("brand.slug", {"sku": "CAP-01", "brand": None}),
        ("stock.on_hand,stock", None),
        ("stock,stock.on_hand", None),
    ],
)
def test_fields_of_one_product(alice, asked, members):
    stock = alice.get("/v1/products/CAP-01").json()["stock"]
    told = alice.get(f"/v1/products/CAP-01?fields={asked}").json()
    assert told == (members or {"sku": "CAP-01", "stock": stock})


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("prize", "Did you mean price?"),
        ("price.units", "Did you mean price.unit?"),
        ("options.Color", "Did you mean"),
        ("", "Known are"),
        ("sku,,name", "Known are"),
        ("sku.name", "Did you mean"),
        ("x" * 10_000, "Known are"),
    ],
)
def test_a_field_that_is_none_is_400_and_names_the_nearest(alice, asked, hint):
    for where in ("/v1/products", "/v1/products/CAP-01"):
        answer = alice.get(where, {"fields": asked})
        assert (answer.status_code, answer.json()["parameter"]) == (400, "fields")
        assert hint in answer.json()["detail"]
        assert len(answer.content) < 3000


def test_every_member_of_an_item_is_a_field(alice):
    def members(value, before=""):
        if isinstance(value, list):
            return {name for each in value for name in members(each, before)}
        if not isinstance(value, dict):
            return set()
        own = {before + name for name in value}
        return own.union(*(members(each, f"{before}{name}.") for name, each in value.items()))

    free = {"options", "attributes"}  # what is in them a shop names
    seen = set()
    for item in alice.get("/v1/products").json()["data"]:
        seen |= members({name: each for name, each in item.items() if name not in free})
    known = set(fields.paths(fields.ITEM))
    assert seen <= known
    unseen = {"weight", "dimensions", "images"}  # the cast's goods have none
    assert {name for name in known - seen if name.split(".")[0] not in unseen} == free


# -- all of the stock --------------------------------------------------------------------------


def test_all_of_the_stock_is_one_answer(people, alice):
    mirrored(people.source, a_product("p9", *(a_variant(f"v{n}") for n in range(1100))))
    body = alice.get("/v1/stock?limit=all").json()
    assert (len(body["data"]), body["has_more"], body["next_cursor"]) == (1104, False, None)
    pages = [alice.get("/v1/stock?limit=1000").json()]
    pages.append(alice.get("/v1/stock", {"limit": 1000, "cursor": pages[0]["next_cursor"]}).json())
    assert [row for page in pages for row in page["data"]] == body["data"]


def test_more_than_an_answer_holds_goes_on_with_a_cursor(alice, monkeypatch):
    monkeypatch.setattr(api, "WHOLE_STOCK", 3)
    first = alice.get("/v1/stock?limit=all").json()
    assert (len(first["data"]), first["has_more"]) == (3, True)
    rest = alice.get("/v1/stock", {"limit": "all", "cursor": first["next_cursor"]}).json()
    assert [row["sku"] for row in rest["data"]] == [SKUS[3]]


@pytest.mark.parametrize("path", ["/v1/products", "/v1/changes"])
def test_all_is_for_stock_alone(alice, path):
    answer = alice.get(f"{path}?limit=all")
    assert (answer.status_code, answer.json()["parameter"]) == (400, "limit")


# -- what comes next ---------------------------------------------------------------------------


def linked(answer) -> str | None:
    link = answer.headers.get("Link")
    if link is None:
        return None
    address, relation = link.split("; ")
    assert relation == 'rel="next"'
    return address[1:-1]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/products?limit=3&fields=sku",
        "/v1/stock?limit=1&sku=PEN-01&sku=CAP-01",
        "/v1/changes?limit=1&facets=price",
    ],
)
def test_a_walk_by_links_alone_sees_everything(alice, path):
    seen, at = [], path
    while at:
        answer = alice.get(at)
        seen += [item["sku"] for item in answer.json()["data"]]
        assert answer.json()["has_more"] is ("Link" in answer.headers)
        at = linked(answer)
    assert seen == (["PEN-01", "CAP-01"] if "sku=PEN" in path else list(SKUS))


def test_a_link_too_long_for_a_header_is_left_out(alice):
    query = "&".join(f"sku={'x' * 290}{n}" for n in range(20)) + "&sku=PEN-01&sku=CAP-01&limit=1"
    answer = alice.get(f"/v1/stock?{query}")
    assert (answer.json()["has_more"], "Link" in answer.headers) == (True, False)


# -- what will go ------------------------------------------------------------------------------

OLD = Retirement(
    deprecated_at=datetime(2026, 11, 1, tzinfo=UTC),
    sunset_at=datetime(2027, 11, 1, tzinfo=UTC),
    read_on="https://example.com/docs/#stock-2",
)


class OldStock(StockList):
    route = "/v1/stock"
    retirement = OLD


class OldMe(Me):
    route = "/v1/me"
    retirement = Retirement(OLD.deprecated_at, None, "/docs/")


urlpatterns = [
    path("v1/stock", OldStock.as_view()),
    path("v1/me", OldMe.as_view()),
    path("v1/", include("contract.urls")),
]


@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.parametrize("query", ["", "?limit=0"])
def test_a_route_that_will_go_says_so_in_every_answer(alice, query):
    answer = alice.get(f"/v1/stock{query}")
    assert answer.status_code == (400 if query else 200)
    assert answer["Deprecation"] == "@1793491200"
    assert answer["Sunset"] == "Mon, 01 Nov 2027 00:00:00 GMT"
    assert (
        answer["Link"] == '<https://example.com/docs/#stock-2>; rel="deprecation"; type="text/html"'
    )


@override_settings(ROOT_URLCONF=__name__)
def test_the_link_to_the_next_page_stays_beside_it(alice):
    answer = alice.get("/v1/stock?limit=1")
    one, other = answer["Link"].split(", ")
    assert one.endswith('rel="next"')
    assert 'rel="deprecation"' in other


@override_settings(ROOT_URLCONF=__name__)
def test_a_route_that_may_stay_for_a_while_has_no_sunset(alice):
    answer = alice.get("/v1/me")
    assert (answer["Deprecation"], "Sunset" in answer.headers) == ("@1793491200", False)
    assert "Deprecation" not in alice.get("/v1/brands").headers


def test_what_is_deprecated_says_so_in_the_document(monkeypatch):
    monkeypatch.setattr(spectacular_settings, "POSTPROCESSING_HOOKS", [])

    class Old(api.Health):
        @operations.described("health", shapes.Health, deprecated=True)
        def get(self, request):
            return super().get(request)

    routes = [path("v1/health", Old.as_view()), path("v1/me", Me.as_view())]
    document = SchemaGenerator(patterns=routes).get_schema(public=True)
    assert document["paths"]["/v1/health"]["get"]["deprecated"] is True
    assert "deprecated" not in document["paths"]["/v1/me"]["get"]


# -- other sites -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/v1/products", "/v1/nowhere", "/v1/health", "/v1/products?limit=0"]
)
def test_no_page_of_another_site_may_read_an_answer(alice, path):
    origin = {"Origin": "https://elsewhere.example"}
    preflight = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    answers = [alice.get(path, headers=origin), alice.options(path, headers=origin | preflight)]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
    assert answers[1].status_code == 405


def test_a_refusal_is_kept_by_nobody(alice):
    for refused in ("/v1/products/NOPE", "/v1/nowhere", "/v1/products?limit=0"):
        assert alice.get(refused)["Cache-Control"] == "no-store"
