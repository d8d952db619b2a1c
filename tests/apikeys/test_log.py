"""Every request is a row; strangers are rows up to a limit, then counted."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client, RequestFactory

from apikeys import admission, completions, keys
from apikeys.addresses import client_address
from apikeys.models import RefusedStrangers, RequestLog
from tests.factories import cast, client_of, client_with, key_of


@pytest.fixture
def alice(database):
    return cast().alice


def rows() -> list[tuple[str, str, int | None]]:
    return list(RequestLog.objects.order_by("id").values_list("method", "route", "status"))


def test_every_authenticated_request_is_a_row_whatever_became_of_it(alice):
    client = client_of(alice)
    client.get("/v1/products")
    client.get("/v1/products/NOPE")
    client.get("/v1/products/MUG-11-BLK")
    client.get("/v1/stock?limit=0")
    client.get("/v1/changes")
    client.get("/v1/nowhere")
    client.post("/v1/products")
    client.head("/v1/stock")
    assert rows() == [
        ("GET", "/v1/products", 200),
        ("GET", "/v1/products/{sku}", 404),
        ("GET", "/v1/products/{sku}", 200),
        ("GET", "/v1/stock", 400),
        ("GET", "/v1/changes", 200),
        ("GET", "/v1/?", 404),
        ("POST", "/v1/products", 405),
        ("HEAD", "/v1/stock", 200),
    ]


def test_a_row_says_who_asked_when_how_long_and_how_much(alice):
    key = key_of(alice)
    answer = client_with(key).get("/v1/products", headers={"X-Request-Id": "partner-0001"})
    row = RequestLog.objects.get()
    assert (row.key_public_id, row.customer_id) == (key[8:20], alice.pk)
    assert (row.correlation_id, row.address) == ("partner-0001", "127.0.0.1")
    assert row.bytes_sent == len(answer.content)
    assert 0 < row.milliseconds < 5000


def test_a_server_error_is_a_row_and_tells_the_partner_only_an_id(alice, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr("contract.api.product_page", broken)
    answer = client_of(alice).get("/v1/products")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert b"secret" not in answer.content
    assert rows() == [("GET", "/v1/products", 500)]
    assert caplog.records


def test_a_request_that_dies_between_leaves_a_row_without_a_status(alice, monkeypatch):
    def killed(*_, **__):
        raise SystemExit

    monkeypatch.setattr(completions, "add", killed)
    with pytest.raises(SystemExit):
        client_of(alice).get("/v1/products")
    assert rows() == [("GET", "/v1/products", None)]


def test_a_row_lies_in_the_partition_of_its_month(alice, clock):
    client_of(alice).get("/v1/products")
    with connection.cursor() as cursor:
        cursor.execute(
            "select tableoid::regclass::text, to_char(at, 'YYYY_MM') from apikeys_requestlog"
        )
        table, month = cursor.fetchone()
        assert table == f"apikeys_requestlog_{month}"
    clock.move(timedelta(days=365 * 3))
    client_of(alice).get("/v1/products")
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from apikeys_requestlog_other")
        assert cursor.fetchone() == (1,)


# -- strangers ---------------------------------------------------------------------------------


def test_strangers_are_rows_up_to_a_limit_an_hour_and_then_counted(alice, clock):
    stranger = Client()
    statuses = [stranger.get("/v1/products").status_code for _ in range(65)]
    assert statuses == [401] * 30 + [429] * 35
    assert RequestLog.objects.filter(key_public_id="", status=401).count() == 30
    assert RequestLog.objects.filter(key_public_id="", status=429).count() == 30
    refused = RefusedStrangers.objects.get()
    assert (refused.address, refused.refusals) == ("127.0.0.1", 65)
    assert (refused.hour.minute, refused.hour.second) == (0, 0)
    clock.move(timedelta(hours=1))
    stranger.get("/v1/products")
    assert RequestLog.objects.count() == 61
    counts = RefusedStrangers.objects.order_by("hour").values_list("refusals", flat=True)
    assert list(counts) == [65, 1]


def test_one_address_does_not_use_up_the_rows_of_another(alice):
    for _ in range(admission.STRANGERS_LOGGED + 1):
        Client(REMOTE_ADDR="198.51.100.1").get("/v1/products")
    Client(REMOTE_ADDR="198.51.100.2").get("/v1/products")
    assert RequestLog.objects.filter(address="198.51.100.1").count() == 60
    assert RequestLog.objects.filter(address="198.51.100.2").count() == 1


def test_a_stranger_s_row_names_no_key_and_no_customer(alice):
    client_with(key_of(alice)[:-1]).get("/v1/products")
    row = RequestLog.objects.get()
    assert (row.key_public_id, row.customer_id, row.status) == ("", None, 401)


def test_each_request_of_a_known_key_is_a_row_whatever_it_is_refused_for(alice, clock):
    """The strangers' limit is for strangers: of a known key nothing is only counted."""
    outside = key_of(alice, allowed_networks=["198.51.100.0/24"])
    ended = key_of(alice)
    keys.revoke(ended[8:20], actor="test", reason="leaked")
    for _ in range(61):
        Client().get("/v1/stock")
    for _ in range(3):
        clock.move(timedelta(seconds=61))
        for _ in range(9):
            client_with(outside).get("/v1/stock")
            client_with(ended).get("/v1/stock")
            Client().get(f"/v1/stock?key={outside}")
    told = RequestLog.objects.exclude(key_public_id="").values_list("key_public_id", "status")
    assert Counter(told) == {
        (outside[8:20], 403): 27, (ended[8:20], 401): 27, (outside[8:20], 400): 27,
    }  # fmt: skip
    assert sum(RefusedStrangers.objects.values_list("refusals", flat=True)) == 61


# -- addresses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer", "believed"),
    [
        (0, None, "203.0.113.7", "203.0.113.7"),
        (0, "198.51.100.1", "203.0.113.7", "203.0.113.7"),
        (1, "198.51.100.1", "10.0.0.1", "198.51.100.1"),
        (1, "6.6.6.6, 198.51.100.1", "10.0.0.1", "198.51.100.1"),
        (2, "6.6.6.6, 198.51.100.1, 10.0.0.2", "10.0.0.1", "198.51.100.1"),
        (1, "2001:DB8::1", "10.0.0.1", "2001:db8::1"),
        (1, "not an address", "10.0.0.1", None),
        (1, "203.0.113.7:5678", "10.0.0.1", "203.0.113.7"),
        (1, "[2001:db8::1]:5678", "10.0.0.1", "2001:db8::1"),
        (1, "[2001:db8::1]", "10.0.0.1", "2001:db8::1"),
        (1, "6.6.6.6, 198.51.100.1:80", "10.0.0.1", "198.51.100.1"),
        (1, "", "10.0.0.1", None),
        (0, None, "", None),
        (0, None, "fe80::1%eth0", "fe80::1"),
    ],
)
def test_only_our_own_proxies_are_believed(settings, proxies, forwarded, peer, believed):
    settings.TRUSTED_PROXIES = proxies
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = RequestFactory(REMOTE_ADDR=peer).get("/", headers=headers)
    assert client_address(request) == believed


def test_a_peer_on_the_local_link_is_served(alice):
    """An address with a zone is no `inet`: it was a 503."""
    assert client_of(alice).get("/v1/products", REMOTE_ADDR="fe80::1%eth0").status_code == 200
    assert RequestLog.objects.get().address == "fe80::1"
