"""How a key may be presented, from where, and for what; and who is refused unheard."""

import logging
import re
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.test import Client

from apikeys import admission, keys
from apikeys.models import (
    ApiKey,
    FailureWindow,
    KeyNetwork,
    RefusedStrangers,
    RequestLog,
    RequestWindow,
    Suspicion,
)
from groundwork import logs
from tests.conftest import as_login
from tests.factories import CustomerFactory, cast, client_with, key_of, now

HERE, NEIGHBOR, ELSEWHERE = "203.0.113.7", "203.0.113.200", "198.51.100.9"


@pytest.fixture
def alice(database):
    return cast().alice


def asked(key: str = "", address: str = HERE, path: str = "/v1/stock", **headers: str):
    if key:
        headers["Authorization"] = f"Bearer {key}"
    return Client(REMOTE_ADDR=address).get(path, headers=headers)


def told(answer) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def suspicions() -> dict[tuple[str, str], int]:
    return {(s.kind, s.subject): s.count for s in Suspicion.objects.all()}


def unknown_key(number: int = 0) -> str:
    body = f"tc_live_{number:012d}_{'s' * 32}"
    return body + keys._checksum(body)


# -- one header, and nowhere else --------------------------------------------------------------


def test_two_authorization_headers_are_400_with_a_reason_and_logged(alice):
    key = key_of(alice)
    answer = asked(Authorization=f"Bearer {key},Bearer {key}")
    assert told(answer) == (400, "two_authorizations")
    assert answer.json()["detail"] == "Send one `Authorization` header, with one key."
    row = RequestLog.objects.get()
    assert (row.key_public_id, row.customer_id, row.status) == ("", None, 400)
    assert RequestWindow.objects.get().instants == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1/stock?key={key}",
        "/v1/stock?limit=1&a={key}&b=c",
        "/v1/products/{key}",
        "/v1/nowhere/{key}/at/all",
        "/v1/stock?{escaped}",
    ],
)
def test_a_key_in_the_address_is_400_even_beside_a_good_header(alice, path):
    key = key_of(alice)
    escaped = "".join(f"%{ord(c):02x}" for c in key)
    answer = asked(key, path=path.format(key=key, escaped=escaped))
    assert told(answer) == (400, "key_in_url")
    assert key.encode() not in answer.content
    assert RequestLog.objects.get().status == 400
    assert suspicions() == {("exposed", key[8:20]): 1}
    assert RequestWindow.objects.get().instants == []


def test_a_key_in_the_address_that_is_none_of_ours_alarms_nobody(alice):
    assert told(asked(path=f"/v1/stock?key={unknown_key()}")) == (400, "key_in_url")
    assert suspicions() == {}


def test_no_log_line_ever_holds_a_key_or_a_claim_link(capsys, settings):
    before = logging.root.handlers[:]
    try:
        logs.configure({"level": "INFO", "json": True})
        logging.getLogger("django.request").warning(
            "Bad Request: %s", f"/v1/products/{unknown_key()}"
        )
        logging.getLogger("x").error("Gone: /claim/tc_claim_abc, and tc_test_000000000001_half")
        said = capsys.readouterr().err
    finally:
        logging.root.handlers[:] = before
    assert "/v1/products/tc_live_000000000000_[secret]" in said
    assert "Gone: /claim/tc_claim_[secret], and tc_test_000000000001_[secret]" in said
    assert "sss" not in said


@pytest.mark.parametrize("given", ["{key}", "id-{short}", "my.tc_test_{id}"])
def test_a_key_given_as_a_request_id_is_not_taken_for_one(alice, given):
    key = key_of(alice)
    offered = given.format(key=key, short=key[:55], id=key[8:20])
    answer = asked(key, **{"X-Request-Id": offered})
    assert answer.status_code == 200
    assert re.fullmatch("t[0-9a-f]{11}-[0-9a-f]{20}", answer["X-Request-Id"])
    assert RequestLog.objects.get().correlation_id == answer["X-Request-Id"]


@pytest.mark.parametrize(
    "given", ["tc_live_short", "hunter2", "tc_live_" + "0" * 12 + "_" + "s" * 38]
)
def test_a_malformed_key_is_401_without_a_look_at_the_keys_and_logged(alice, given, monkeypatch):
    asked_for = []
    real = admission.exchange

    def noting(*parts, **kwargs):
        asked_for.extend(params["public_id"] for part in parts for _, params in part)
        return real(*parts, **kwargs)

    monkeypatch.setattr(admission, "exchange", noting)
    assert told(asked(given)) == (401, "key_refused")
    assert asked_for == [""]  # the statement looks nothing up for no id
    assert RequestLog.objects.get().status == 401
    assert suspicions() == {}


# -- refusals are limited by address -----------------------------------------------------------


def test_after_thirty_failures_a_minute_an_address_is_refused_unheard(alice, clock):
    assert {told(asked(unknown_key(n))) for n in range(30)} == {(401, "key_refused")}
    clock.move(timedelta(seconds=20))
    barred = asked(unknown_key())
    assert told(barred) == (429, "too_many_failures")
    assert 38 <= int(barred["Retry-After"]) <= 41
    assert suspicions() == {("unknown", HERE): 30}  # nothing was looked up for the last
    assert told(asked(unknown_key(), ELSEWHERE)) == (401, "key_refused")
    clock.move(timedelta(seconds=41))
    assert told(asked(unknown_key())) == (401, "key_refused")
    assert len(FailureWindow.objects.get(source=HERE).instants) == 30


def test_a_key_that_was_used_from_here_passes_whatever_its_neighbors_do(alice):
    known, fresh = key_of(alice), key_of(alice)
    assert asked(known).status_code == 200
    for _ in range(31):
        asked(unknown_key())
    assert asked(known).status_code == 200
    assert told(asked(fresh)) == (429, "too_many_failures")
    assert RequestWindow.objects.get(key__public_id=fresh[8:20]).instants == []


def test_a_successor_is_known_where_its_predecessor_was(alice):
    old = key_of(alice)
    asked(old)
    _, new = keys.rotate(old[8:20], actor="test")
    for _ in range(31):
        asked(unknown_key())
    assert asked(new).status_code == 200
    assert suspicions() == {("unknown", HERE): 30}


def test_a_key_that_has_ended_passes_a_barred_address_no_more(alice):
    key = key_of(alice)
    asked(key)
    keys.revoke(key[8:20], actor="test", reason="leaked")
    statuses = [asked(key).status_code for _ in range(40)]
    assert statuses == [401] * 30 + [429] * 10
    assert suspicions() == {("revoked", key[8:20]): 30}


def test_the_addresses_of_one_ipv6_subscriber_count_together(alice):
    for n in range(30):
        asked(unknown_key(), f"2001:db8:1:2::{n:x}")
    assert asked(unknown_key(), "2001:db8:1:2:ffff::1").status_code == 429
    assert asked(unknown_key(), "2001:db8:1:3::1").status_code == 401
    assert RefusedStrangers.objects.get(refusals=31).address == "2001:db8:1:2::"


def test_the_limit_of_failures_takes_no_place_of_a_key(alice):
    key = key_of(alice, requests_a_minute=2)
    for _ in range(5):
        asked(key[:-1] + ("0" if key[-1] != "0" else "1"))
    assert [asked(key).status_code for _ in range(3)] == [200, 200, 429]


def test_a_caller_without_an_address_bars_nobody(alice):
    """All of them are one: whoever failed thirty times barred every key of such an installation."""
    assert {told(asked(unknown_key(n), "")) for n in range(40)} == {(401, "key_refused")}
    assert asked(key_of(alice), "").status_code == 200
    assert FailureWindow.objects.count() == 0
    assert RefusedStrangers.objects.get().refusals == 40


def test_a_new_key_meant_for_a_network_is_heard_there_whatever_its_neighbors_do(alice):
    meant = key_of(alice, allowed_networks=["203.0.0.0/16"])
    elsewhere = key_of(alice, allowed_networks=["198.51.100.0/24"])
    ended = key_of(alice, allowed_networks=["203.0.0.0/16"])
    keys.revoke(ended[8:20], actor="test", reason="leaked")
    for _ in range(31):
        asked(unknown_key())
    assert [told(asked(key)) for key in (elsewhere, ended)] == [(429, "too_many_failures")] * 2
    assert asked(meant).status_code == 200


@pytest.fixture
def unreadable(alice):
    """Lets the application read of keys what it is told alone; `all` of it at the end."""

    def let(columns: str) -> None:
        name = connection.settings_dict["NAME"]
        as_login(f'revoke select on apikeys_apikey from "{name}_app"')
        if columns:
            as_login(f'grant select ({columns}) on apikeys_apikey to "{name}_app"')
        connection.close()  # a plan that is kept was allowed already

    yield let
    connection.close()
    name = connection.settings_dict["NAME"]
    as_login(f'grant select on apikeys_apikey to "{name}_app"')


def admitted(key: str) -> str:
    return admission.admit(
        keys.parsed(key), method="GET", route="/v1/stock", correlation_id="c", address=HERE
    ).outcome


def test_the_database_reads_no_key_for_a_malformed_one(alice, unreadable):
    unreadable("")
    assert admitted("tc_live_short") == "refused"
    with pytest.raises(DatabaseError, match="permission denied for table apikeys_apikey"):
        admitted(unknown_key())


def test_the_database_reads_no_secret_for_a_barred_caller(alice, unreadable):
    key = key_of(alice)
    for _ in range(30):
        asked(unknown_key())
    unreadable("public_id, mode, allowed_networks, revoked_at, expires_at")
    assert [admitted(each) for each in (key, unknown_key(), "")] == ["barred"] * 3
    as_login("delete from apikeys_failurewindow")
    with pytest.raises(DatabaseError, match="permission denied for table apikeys_apikey"):
        admitted(key)


# -- networks ----------------------------------------------------------------------------------


def test_a_key_is_refused_outside_its_networks_and_its_row_names_it(alice):
    key = key_of(alice, allowed_networks=["203.0.113.0/25", "2001:db8::/48"])
    assert asked(key).status_code == 200
    assert asked(key, "2001:db8::5").status_code == 200
    assert asked(key, "::ffff:203.0.113.7").status_code == 200
    assert told(asked(key, NEIGHBOR)) == (403, "network_not_allowed")
    assert told(asked(key, "")) == (403, "network_not_allowed")
    rows = RequestLog.objects.filter(status=403).values_list("key_public_id", "customer_id")
    assert list(rows) == [(key[8:20], alice.pk)] * 2
    assert len(RequestWindow.objects.get().instants) == 3
    assert suspicions()[("outside", key[8:20])] == 2


def test_a_network_never_seen_for_a_key_is_counted_and_its_first_is_not(alice):
    key = key_of(alice)
    asked(key)
    asked(key, NEIGHBOR)  # the same /24
    assert suspicions() == {}
    for address in (ELSEWHERE, HERE, ELSEWHERE):
        asked(key, address)
    assert suspicions() == {("new_network", key[8:20]): 1}
    networks = KeyNetwork.objects.order_by("id").values_list("key_public_id", "network")
    assert list(networks) == [(key[8:20], "203.0.113.0/24"), (key[8:20], "198.51.100.0/24")]


def test_a_crash_that_empties_the_window_makes_no_network_new(alice):
    key = key_of(alice)
    asked(key)
    asked(key, ELSEWHERE)
    RequestWindow.objects.all().delete()
    assert [asked(key, address).status_code for address in (HERE, ELSEWHERE)] == [200, 200]
    assert suspicions() == {("new_network", key[8:20]): 1}
    assert len(RequestWindow.objects.get().instants) == 2


def test_hashed_addresses_are_pseudonyms_everywhere_and_allow_lists_still_hold(alice, settings):
    settings.HASH_ADDRESSES = True
    key = key_of(alice, allowed_networks=["203.0.113.0/24"])
    assert asked(key).status_code == 200
    assert asked(key, ELSEWHERE).status_code == 403
    said = {str(row.address) for row in RequestLog.objects.all()}
    said |= {row.network for row in KeyNetwork.objects.all()}
    said |= {row.address for row in RefusedStrangers.objects.all()}
    said |= {row.source for row in FailureWindow.objects.all()}
    assert len(said) == 3  # two addresses and a network
    assert all(address.startswith("fd") for address in said)
    assert asked(key, HERE).status_code == 200
    assert len({row.address for row in RequestLog.objects.filter(status=200)}) == 1


@pytest.mark.parametrize("network", ["203.0.113.7/24", "nowhere", "203.0.113.0/33", "1.2.3"])
def test_what_is_no_network_is_refused_before_anything_is_written(alice, network):
    with pytest.raises(keys.ValidationError, match="is no network"):
        key_of(alice, allowed_networks=[network])
    assert ApiKey.objects.count() == 0


# -- scopes, modes, limits ---------------------------------------------------------------------


def test_a_key_with_scopes_opens_these_alone(alice):
    client = client_with(key_of(alice, scopes=["stock"]))
    assert client.get("/v1/stock").status_code == 200
    assert client.get("/v1/me").json()["key"]["scopes"] == ["stock"]
    for path in (
        "/v1/products",
        "/v1/products/PEN-01",
        "/v1/changes",
        "/v1/brands",
        "/v1/categories",
    ):
        answer = client.get(path)
        assert (*told(answer), answer.json()["detail"]) == (
            403, "scope_missing", "This key is not for `catalogue`.",
        )  # fmt: skip
    assert told(client.get("/v1/pricing?sku=PEN-01")) == (403, "scope_missing")
    assert client.get("/v1/nowhere").status_code == 404


def test_an_unknown_scope_is_refused(alice):
    with pytest.raises(keys.ValidationError, match="There is no scope everything"):
        key_of(alice, scopes=["everything"])
    assert ApiKey.objects.count() == 0


@pytest.mark.parametrize("mode", ["live", "test"])
def test_the_admission_names_the_key(alice, mode):
    ends = now() + timedelta(days=3)
    key = key_of(alice, mode=mode, label="shop", expires_at=ends)
    admitted = admission.admit(
        keys.parsed(key), method="GET", route="/v1/me", correlation_id="c", address=HERE
    )
    assert (admitted.outcome, admitted.mode, admitted.public_id) == ("admitted", mode, key[8:20])
    assert (admitted.label, admitted.expires_at) == ("shop", ends)
    stranger = admission.admit(None, method="GET", route="/", correlation_id="c", address=HERE)
    assert (stranger.outcome, stranger.mode, stranger.public_id) == ("refused", "", "")


def test_a_caller_without_an_address_is_served(alice):
    assert asked(key_of(alice), "").status_code == 200
    assert RequestLog.objects.get().address is None
    assert KeyNetwork.objects.count() == 0


def test_another_customer_s_key_is_none_of_its_neighbor_s(alice):
    asked(key_of(alice))
    asked(key_of(CustomerFactory()))
    assert KeyNetwork.objects.count() == 2
    assert suspicions() == {}
