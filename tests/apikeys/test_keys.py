"""The form of a key, and its life."""

import re
import string
from datetime import timedelta
from hashlib import sha256
from math import log2

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.utils import IntegrityError

from apikeys import keys
from apikeys.models import ApiKey
from groundwork.models import AuditEntry
from tests.conftest import as_login
from tests.factories import CustomerFactory, cast, client_of, client_with, key_of, now

BASE62 = string.ascii_letters + string.digits


@pytest.fixture
def customer(database):
    return CustomerFactory()


@pytest.fixture
def alice(database):
    return cast().alice


def test_a_key_says_what_it_is_and_carries_190_bits(customer):
    row, key = keys.issue(actor="test", customer=customer, label="shop")
    mode, public_id, secret, checksum = re.fullmatch(
        r"tc_(live)_([0-9A-Za-z]{12})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})", key
    ).groups()
    assert (row.public_id, row.mode) == (public_id, mode)
    assert bytes(row.secret_sha256) == sha256(secret.encode()).digest()
    assert len(secret) * log2(62) > 190
    assert keys.parsed(key) == keys.PresentedKey(
        "live", public_id, sha256(secret.encode()).digest()
    )
    assert sorted(keys._ALPHABET) == sorted(BASE62)
    assert checksum not in (secret[-6:], public_id[-6:])


def test_a_sandbox_key_says_so(customer):
    row, key = keys.issue(actor="test", customer=customer, mode="test")
    assert key.startswith(f"tc_test_{row.public_id}_")


def test_the_secret_is_stored_nowhere(customer):
    row, key = keys.issue(actor="test", customer=customer)
    secret = key[-38:-6]
    row.refresh_from_db()
    held = [getattr(row, field.attname) for field in row._meta.concrete_fields]
    assert secret not in repr(held)
    entry = AuditEntry.objects.get(action="apikey.issued")
    assert (entry.subject, entry.after) == (
        f"tc_live_{row.public_id}",
        {"customer_id": customer.pk, "mode": "live"},
    )


def test_two_keys_share_nothing(customer):
    issued = [keys.issue(actor="test", customer=customer)[1] for _ in range(20)]
    assert len({key[8:20] for key in issued}) == len({key[21:53] for key in issued}) == 20


def test_a_checksum_tells_a_key_from_a_look_alike_offline(customer):
    key = key_of(customer)
    for place in (8, 25, 52, 58):
        other = key[:place] + ("x" if key[place] != "x" else "y") + key[place + 1 :]
        assert keys.parsed(other) is None
    # The CRC32 of a published vector, so that a scanner in any language agrees.
    assert keys._checksum("123456789") == "3jZRME"


def unsigned(key: str) -> str:
    return key[:-6]


MALFORMED = {
    "empty": lambda _: "",
    "no form at all": lambda _: "hunter2",
    "another checksum": lambda key: unsigned(key) + "000000",
    "another mode": lambda key: signed(key.replace("tc_live_", "tc_test_")),
    "no such mode": lambda key: signed(key.replace("tc_live_", "tc_prod_")),
    "a character more": lambda key: key + "0",
    "a character less": lambda key: key[:-1],
    "a space within": lambda key: key[:30] + " " + key[31:],
    "beyond ASCII": lambda key: key[:-1] + "é",
    "unknown id": lambda key: signed(key[:8] + "0" * 12 + key[20:]),
    "another secret": lambda key: signed(key[:21] + "0" * 32 + key[53:]),
}


def signed(key: str) -> str:
    return unsigned(key) + keys._checksum(unsigned(key))


def refusal(key: str | None) -> tuple[int, dict[str, object], str]:
    client = client_with(key) if key is not None else client_with("")
    answer = client.get("/v1/products")
    body = answer.json()
    assert re.fullmatch("t[0-9a-f]{11}-[0-9a-f]{20}", body.pop("request_id"))
    return answer.status_code, body, answer["WWW-Authenticate"]


REFUSAL = (
    401,
    {
        "type": "about:blank",
        "title": "No valid key",
        "status": 401,
        "code": "key_refused",
        "detail": "Send a valid key: `Authorization: Bearer tc_live_...`.",
    },
    'Bearer realm="tradecounter"',
)


def test_every_bad_key_gets_the_same_401(alice):
    key = key_of(alice)
    for wrong, made in MALFORMED.items():
        assert refusal(made(key)) == REFUSAL, wrong


def test_a_revoked_key_gets_the_same_401_at_the_next_request(alice):
    key = key_of(alice)
    client = client_with(key)
    assert client.get("/v1/products").status_code == 200
    keys.revoke(key[8:20], actor="test", reason="leaked")
    assert client.get("/v1/products").status_code == 401
    assert refusal(key) == REFUSAL


def test_an_expired_key_gets_the_same_401_and_not_a_moment_before(alice, clock):
    key = key_of(alice, expires_at=now() + timedelta(hours=1))
    assert client_with(key).get("/v1/products").status_code == 200
    clock.move(timedelta(minutes=59))
    assert client_with(key).get("/v1/products").status_code == 200
    clock.move(timedelta(minutes=1))
    assert refusal(key) == REFUSAL


@pytest.mark.parametrize("scheme", ["Basic", "Token", ""])
def test_another_scheme_is_refused(alice, client, scheme):
    answer = client.get("/v1/products", headers={"Authorization": f"{scheme} {key_of(alice)}"})
    assert answer.status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(alice, client, scheme):
    answer = client.get("/v1/products", headers={"Authorization": f"{scheme} {key_of(alice)}"})
    assert answer.status_code == 200


def test_a_customer_may_hold_several_keys(alice):
    first, second = key_of(alice), key_of(alice)
    keys.revoke(first[8:20], actor="test", reason="rotated")
    assert client_with(second).get("/v1/products").status_code == 200


def test_revoking_twice_keeps_the_first_time_and_is_noted_once(customer):
    row, _ = keys.issue(actor="test", customer=customer)
    keys.revoke(row.public_id, actor="ann", reason="leaked")
    row.refresh_from_db()
    first = row.revoked_at
    keys.revoke(row.public_id, actor="bob", reason="again")
    row.refresh_from_db()
    assert (row.revoked_at, row.revoked_reason) == (first, "leaked")
    entries = AuditEntry.objects.filter(action="apikey.revoked").values_list("actor", "after")
    assert list(entries) == [("ann", {"reason": "leaked"})]


def test_revoking_what_does_not_exist_says_so(database):
    with pytest.raises(keys.NoSuchKey, match="no key nobody"):
        keys.revoke("nobody", actor="test", reason="")


@pytest.mark.parametrize(
    "change",
    [
        "revoked_at = null",
        "revoked_at = now() + interval '1 day'",
        "secret_sha256 = sha256('other')",
        "public_id = 'other'",
        "mode = 'test'",
        "customer_id = customer_id + 1",
    ],
)
def test_the_database_itself_refuses_to_bring_a_key_back(customer, change):
    row, _ = keys.issue(actor="test", customer=customer)
    keys.revoke(row.public_id, actor="test", reason="leaked")
    before = ApiKey.objects.filter(pk=row.pk).values().get()
    with pytest.raises(IntegrityError, match=r"final|never becomes another"):
        as_login(f"update apikeys_apikey set {change}")
    connection.close()
    assert ApiKey.objects.filter(pk=row.pk).values().get() == before


def test_the_database_itself_refuses_to_delete_a_key(customer):
    keys.issue(actor="test", customer=customer)
    with pytest.raises(IntegrityError, match="never deleted"):
        as_login("delete from apikeys_apikey")
    connection.close()
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("limit", [0, 6001])
def test_a_limit_that_no_window_holds_is_refused(customer, limit):
    with pytest.raises(ValidationError):
        keys.issue(actor="test", customer=customer, requests_a_minute=limit)
    assert (ApiKey.objects.count(), AuditEntry.objects.count()) == (0, 0)


def test_a_key_reads_as_its_customer_alone(alice):
    other = CustomerFactory()
    assert client_of(alice).get("/v1/products").status_code == 200
    assert client_of(other).get("/v1/products").status_code == 403
