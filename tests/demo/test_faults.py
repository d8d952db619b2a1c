"""Faults reach the client as shops' failures do, and end when told."""

import threading
import time

import pytest
import requests

LIST = "/products"


def test_down_drops_the_connection_and_clear_ends_it(client, storefront):
    storefront.faults.set("down")
    with pytest.raises(requests.ConnectionError):
        client.rest(LIST)
    storefront.faults.clear()
    assert client.rest(LIST).status_code == 200


def test_slow_keeps_the_client_waiting_until_cleared(client, storefront):
    storefront.faults.set("slow", seconds=30)
    threading.Timer(0.1, storefront.faults.clear).start()
    started = time.monotonic()
    assert client.rest(LIST).status_code == 200
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("kind", "status", "type_", "text"),
    [
        ("html", 200, "text/html", "<!DOCTYPE html>"),
        ("unauthorized", 401, "application/json", '{"code":"woocommerce_rest_cannot_view"'),
        ("throttled", 429, "application/json", '{"code":"too_many_requests"'),
        ("empty", 200, "application/json", "[]"),
        ("failing", 503, "text/html", "<h1>Error</h1>"),
    ],
)
def test_answers_in_place_of_the_real_one(client, storefront, kind, status, type_, text):
    storefront.faults.set(kind)
    answer = client.rest(LIST)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith(type_)
    assert answer.text.startswith(text)


def test_throttled_says_when_to_come_back(client, storefront):
    storefront.faults.set("throttled", retry_after="17")
    assert client.rest(LIST).headers["Retry-After"] == "17"


def test_half_is_broken_json_in_a_whole_answer(client, storefront):
    storefront.faults.set("half")
    with pytest.raises(requests.JSONDecodeError):
        client.rest(LIST).json()


def test_cut_breaks_off_in_mid_body(client, storefront):
    storefront.faults.set("cut")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        client.rest(LIST)


def test_a_fault_can_wait_for_one_address_and_end_by_itself(client, storefront):
    storefront.faults.set("failing", path="page=2", after=1, times=1, status=500)
    statuses = [client.rest(LIST, page=page).status_code for page in (1, 2, 2, 2)]
    assert statuses == [200, 200, 500, 200]


def test_the_page_stays_up_during_a_fault(client, storefront):
    storefront.faults.set("failing")
    assert client.get(client.url, timeout=10).status_code == 200
