"""Keys: Basic over https, OAuth 1.0a over http, and a key that only reads."""

import base64
import hmac
import secrets

import pytest
import requests

from demo.storefront.auth import signature_of
from tests.demo.recorded import (
    CANNOT_LIST,
    NO_WRITES,
    NONCE_REUSED,
    WRONG_SECRET,
    WRONG_SIGNATURE,
)

LIST = "/wp-json/wc/v3/products"


@pytest.fixture
def signed(storefront, clock):
    """Return a maker of signed queries for the shop."""

    def make(url, *, secret="", nonce="", at=None, method="GET", digest="HMAC-SHA256", **query):
        pairs = [
            *query.items(),
            ("oauth_consumer_key", storefront.shop.consumer_key),
            ("oauth_nonce", nonce or secrets.token_hex(8)),
            ("oauth_signature_method", digest),
            ("oauth_timestamp", str(int(at or clock().timestamp()))),
        ]
        signature = signature_of(
            method=method,
            url=url,
            pairs=pairs,
            secret=secret or storefront.shop.consumer_secret,
            digest=digest,
        )
        return [*pairs, ("oauth_signature", signature)]

    return make


def plain(url, **options):
    return requests.get(url + LIST, timeout=10, **options)


def test_signature_is_that_of_the_rfc():
    # The parameters and their base string are those of RFC 5849, 3.4.1, shortened.
    base = b"GET&http%3A%2F%2Fexample.com%2Fr&a2%3Dr%2520b%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D"
    signature = signature_of(
        method="get",
        url="http://example.com/r",
        pairs=[("b5", "=%3D"), ("a3", "a"), ("c@", ""), ("a2", "r b")],
        secret="s",
        digest="HMAC-SHA256",
    )
    assert signature == base64.b64encode(hmac.digest(b"s&", base, "sha256")).decode()


def test_without_a_key_nothing_is_listed(client):
    answer = plain(client.url)
    assert (answer.status_code, answer.json()) == (401, CANNOT_LIST)


def test_basic_counts_over_https_only(client):
    assert plain(client.url, auth=client.auth).json() == CANNOT_LIST
    https = {"X-Forwarded-Proto": "https"}
    assert plain(client.url, auth=client.auth, headers=https).status_code == 200
    key, secret = client.auth
    query = {"consumer_key": key, "consumer_secret": secret}
    assert plain(client.url, params=query, headers=https).status_code == 200


def test_unknown_key_and_wrong_secret_are_told_apart(client):
    https = {"X-Forwarded-Proto": "https"}
    unknown = plain(client.url, auth=("ck_unknown", client.auth[1]), headers=https)
    assert (unknown.status_code, unknown.json()) == (401, CANNOT_LIST)
    wrong = plain(client.url, auth=(client.auth[0], "cs_wrong"), headers=https)
    assert (wrong.status_code, wrong.json()) == (401, WRONG_SECRET)


@pytest.mark.parametrize("digest", ["HMAC-SHA256", "HMAC-SHA1"])
def test_oauth_over_http(client, signed, digest):
    query = signed(client.url + LIST, per_page="3", sku="ODD/1 2,é+&", digest=digest)
    answer = plain(client.url, params=query)
    assert answer.status_code == 200
    assert len(answer.json()) == 1
    assert answer.json()[0]["permalink"].startswith("http://127.0.0.1:")


def test_oauth_in_the_header(client, signed):
    fields = ", ".join(
        f'{name}="{requests.utils.quote(value, safe="")}"'
        for name, value in signed(client.url + LIST)
    )
    assert plain(client.url, headers={"Authorization": f"OAuth {fields}"}).status_code == 200


def test_wrong_signature(client, signed):
    answer = plain(client.url, params=signed(client.url + LIST, secret="cs_wrong"))
    assert (answer.status_code, answer.json()) == (401, WRONG_SIGNATURE)
    tampered = [*signed(client.url + LIST), ("page", "2")]
    assert plain(client.url, params=tampered).json() == WRONG_SIGNATURE


def test_nonce_is_refused_the_second_time(client, signed):
    query = signed(client.url + LIST, nonce="once")
    assert plain(client.url, params=query).status_code == 200
    answer = plain(client.url, params=query)
    assert (answer.status_code, answer.json()) == (401, NONCE_REUSED)


@pytest.mark.parametrize("seconds", [-901, 901])
def test_timestamp_outside_a_quarter_of_an_hour(client, signed, clock, seconds):
    at = clock().timestamp() + seconds
    answer = plain(client.url, params=signed(client.url + LIST, at=at))
    assert (answer.status_code, answer.json()["message"]) == (401, "Invalid timestamp.")


def test_half_an_oauth_query_names_what_is_missing(client, signed):
    query = [pair for pair in signed(client.url + LIST) if pair[0] != "oauth_nonce"]
    answer = plain(client.url, params=query)
    assert answer.status_code == 401
    assert answer.json()["message"] == "Missing OAuth parameter oauth_nonce"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_key_does_not_write(client, storefront, method):
    path = f"{client.url}{LIST}/{storefront.odd['no_sku']}"
    before = client.product(storefront.odd["no_sku"])
    answer = client.request(method, path, json={"regular_price": "1"}, timeout=10)
    assert (answer.status_code, answer.json()) == (401, NO_WRITES)
    assert client.product(storefront.odd["no_sku"]) == before


def test_without_a_key_a_wrong_parameter_and_a_missing_product_are_named_first(client, storefront):
    address = f"{client.url}{LIST}"
    assert requests.get(f"{address}?page=0", timeout=10).status_code == 400
    assert requests.get(f"{address}/99999999", timeout=10).status_code == 404
    refused = requests.get(f"{address}/{storefront.odd['no_sku']}", timeout=10)
    assert (refused.status_code, refused.json()["message"]) == (
        401,
        "Sorry, you cannot view this resource.",
    )


def test_oauth_works_over_https_too(client, signed):
    https = client.url.replace("http:", "https:")
    query = signed(https + LIST)
    answer = plain(client.url, params=query, headers={"X-Forwarded-Proto": "https"})
    assert answer.status_code == 200
