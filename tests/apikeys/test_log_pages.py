"""Staff find a request in the log by whatever they know of it; every list opens."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apikeys.addresses import pseudonym
from apikeys.last_use import last_use
from apikeys.models import ApiKey, RequestLog
from tests.apikeys.test_limit import outcomes
from tests.factories import CustomerFactory, key_of


@pytest.fixture
def alder(database):
    return CustomerFactory(slug="alder", name="Alder")


@pytest.fixture
def staff(alder) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))
    return client


@pytest.fixture
def log(alder) -> dict[str, datetime]:
    """Requests of two keys on two days."""
    days = {"2026-11-20": 20, "2026-11-21": 21}
    rows = [
        RequestLog(
            id=number, at=datetime(2026, 11, day, hour, tzinfo=UTC), key_public_id=key, method="GET",
            route=f"/v1/{key}/{day}/{hour}", status=200 if hour else 404, correlation_id=f"id-{number}",
            address=f"203.0.113.{day}",
        )
        for number, (key, day, hour) in enumerate(
            (key, day, hour)
            for key in ("aaaaaaaaaaaa", "bbbbbbbbbbbb") for day in days.values() for hour in (0, 1)
        )
    ]  # fmt: skip
    RequestLog.objects.bulk_create(rows)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("aaaaaaaaaaaa", {"/v1/aaaaaaaaaaaa/20/0", "/v1/aaaaaaaaaaaa/20/1", "/v1/aaaaaaaaaaaa/21/0",
                          "/v1/aaaaaaaaaaaa/21/1"}),
        ("tc_live_aaaaaaaaaaaa 2026-11-20", {"/v1/aaaaaaaaaaaa/20/0", "/v1/aaaaaaaaaaaa/20/1"}),
        ("2026-11-20 404", {"/v1/aaaaaaaaaaaa/20/0", "/v1/bbbbbbbbbbbb/20/0"}),
        ("id-3 2026-11-21", {"/v1/aaaaaaaaaaaa/21/1"}),
        ("203.0.113.20 2026-11-20 bbbbbbbbbbbb 200", {"/v1/bbbbbbbbbbbb/20/1"}),
        ("id-3 2026-11-20", set()),
        ("2026-11-31", set()),
    ],
)  # fmt: skip
def test_requests_are_found_by_key_day_status_address_and_id(log, staff, words, found):
    page = staff.get("/admin/apikeys/requestlog/", {"q": words}).content.decode()
    assert set(re.findall(r"/v1/[ab]+/\d+/\d", page)) == found


def test_an_address_is_found_where_addresses_are_hashed(alder, staff, settings):
    settings.HASH_ADDRESSES = True
    key = key_of(alder)
    Client(REMOTE_ADDR="203.0.113.7").get("/v1/stock", headers={"Authorization": f"Bearer {key}"})
    Client(REMOTE_ADDR="203.0.113.8").get("/v1/brands", headers={"Authorization": f"Bearer {key}"})
    shown = {
        address: set(re.findall(r"/v1/\w+", staff.get(
            "/admin/apikeys/requestlog/", {"q": address}).content.decode()))
        for address in ("203.0.113.7", pseudonym("203.0.113.7"))
    }  # fmt: skip
    assert shown == {"203.0.113.7": {"/v1/stock"}, pseudonym("203.0.113.7"): {"/v1/stock"}}


@pytest.mark.parametrize("status", [400, 401, 403, 429])
def test_a_refusal_is_no_use_of_a_key(alder, status):
    key = key_of(alder)
    outcomes(key, 2)
    used, refused = RequestLog.objects.order_by("id")
    RequestLog.objects.filter(id=used.id).update(status=200)
    RequestLog.objects.filter(id=refused.id).update(status=status)
    found = ApiKey.objects.annotate(used_at=last_use()).get(public_id=key[8:20])
    assert found.used_at == used.at


def test_what_has_no_index_is_looked_for_in_the_last_seven_days(alder, staff, clock):
    key = key_of(alder)
    outcomes(key, 1)
    path = "/admin/apikeys/requestlog/"
    RequestLog.objects.update(correlation_id="the-request-id", address="203.0.113.9")
    assert "/v1/products" in staff.get(path, {"q": "203.0.113.9"}).content.decode()
    clock.move(timedelta(days=8))
    assert "/v1/products" not in staff.get(path, {"q": "203.0.113.9"}).content.decode()
    assert "/v1/products" in staff.get(path, {"q": key[8:20]}).content.decode()
    assert "/v1/products" in staff.get(path, {"q": "the-request-id"}).content.decode()


@pytest.mark.parametrize(
    "name",
    [
        "requestlog",
        "refusedstrangers",
        "usagehour",
        "keynetwork",
        "suspicion",
        "expirynotice",
        "claimlink",
    ],
)
def test_every_list_opens(staff, name):
    assert staff.get(f"/admin/apikeys/{name}/", {"q": "aaaaaaaaaaaa"}).status_code == 200
