"""Questions nobody means well by: refused by name, at no cost, and never with a 500."""

import orjson
import pytest
from django.test import Client

from contract.cursors import sealed
from tests.factories import SKUS, cast, client_of

ODD = [
    "\0",
    "a\0b",
    "\ud800".encode("utf-8", "surrogatepass"),
    b"\xff\xfe",
    "x" * 10_000,
    "'; drop table x; --",
    "%s%(sku)s",
    "{}",
    "\u202e",
    "\U0001f4a9" * 70,
    " ",
    "\r\nSet-Cookie: a=b",
]


@pytest.fixture
def people(database):
    return cast()


@pytest.fixture
def alice(people):
    return client_of(people.alice)


def test_a_thousand_odd_skus_are_400(alice):
    for path in ("/v1/products", "/v1/stock", "/v1/pricing"):
        answer = alice.get(path, {"sku": ODD * 84})
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
        hundreds = alice.get(path, {"sku": [f"ODD-{n}" for n in range(101)]})
        assert (hundreds.status_code, hundreds.json()["parameter"]) == (400, "sku")


def test_a_thousand_odd_skus_in_a_body_are_priced_or_400(alice):
    def post(skus):
        body = {"items": [{"sku": sku} for sku in skus]}
        return alice.post("/v1/pricing", orjson.dumps(body), content_type="application/json")

    answer = post([f"'odd' {n} \u202e\n%s" for n in range(1000)])
    assert {line["status"] for line in answer.json()["data"]} == {"not_found"}
    for sku in ("\0", "x" * 301, ""):
        answer = post([*SKUS, sku])
        assert (answer.status_code, answer.json()["parameter"]) == (400, "items[4].sku")
    answer = alice.post(
        "/v1/pricing", b'{"items": [{"sku": "\\ud800"}]}', content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_body")


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
@pytest.mark.parametrize(
    "path", ["/v1/products", "/v1/stock", "/v1/changes", "/v1/pricing", "/v1/brands", "/v1/me"]
)
def test_nothing_odd_is_a_500(alice, path, odd):
    for name in ("sku", "brand", "cursor", "since", "limit", "fields", "facets", "quantity"):
        answer = alice.get(path, {name: [odd]})
        assert answer.status_code in (200, 400), (name, answer.content)
    assert alice.get(path, {odd: "1"}).json()["code"] == "invalid_parameter"


@pytest.mark.parametrize(
    "odd", ["%00", "%FF", "%ED%A0%80", "..", "%2F", "%0D%0A", "a" * 5000, "%25", "%F0%9F%92%A9"]
)
def test_no_odd_sku_in_the_path_is_a_500(alice, odd):
    assert alice.get(f"/v1/products/{odd}").status_code in (400, 404)


@pytest.mark.parametrize(
    ("path", "name", "hint"),
    [
        ("/v1/products?skus=1", "skus", "Did you mean sku?"),
        ("/v1/stock?fields=sku", "fields", "There is no such parameter here."),
        ("/v1/changes?sinse=1", "sinse", "Did you mean since?"),
        ("/v1/changes?limits=1", "limits", "Did you mean limit?"),
        ("/v1/pricing?sku=a&quantities=1", "quantities", "Did you mean quantity?"),
        ("/v1/me?verbose=1", "verbose", "It takes none."),
    ],
)
def test_an_unknown_parameter_is_named_with_the_nearest_that_is_known(alice, path, name, hint):
    answer = alice.get(path)
    assert (answer.status_code, answer.json()["parameter"]) == (400, name)
    assert hint in answer.json()["detail"]


@pytest.mark.parametrize(
    "limit", ["0", "-1", "501", "1.0", "1e2", "", " 1", "+1", "٣", "9" * 5000, "ALL"]
)
@pytest.mark.parametrize("path", ["/v1/products", "/v1/changes"])
def test_a_limit_out_of_range_is_400(alice, path, limit):
    answer = alice.get(path, {"limit": limit})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "limit")


def test_a_cursor_that_was_sealed_for_something_else_is_400(people, alice):
    """As another version of this program might have: of our key, and not to be read."""
    for kind, content in (("changes", []), ("changes", [1, 2, 3]), ("changes", [1, ["x"], None, 0, 2]),
                          ("changes", [1, None, None, 0, 2, [7]]), ("products", [1, "x"])):  # fmt: skip
        cursor = sealed(people.alice.pk, kind, content)
        for path, name in (
            ("/v1/changes", "since"),
            ("/v1/products", "cursor"),
            ("/v1/stock", "cursor"),
        ):
            answer = alice.get(path, {name: cursor})
            assert (answer.status_code, answer.json()["parameter"]) == (400, name), (kind, content)


def test_a_stranger_s_odd_question_is_401_and_nothing_else(people):
    for path in ("/v1/products?limit=0", "/v1/changes?since=x", "/v1/nowhere", "/v1/products/%00"):
        assert Client().get(path).status_code == 401
