"""Rotation without an outage: both keys work through the overlap and at its last second, not after."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.utils import IntegrityError

from apikeys import keys
from apikeys.limits import limit_customer
from apikeys.models import ApiKey, CustomerLimit
from groundwork.models import AuditEntry
from tests.apikeys.test_limit import outcomes
from tests.conftest import as_login
from tests.factories import CustomerFactory, cast, client_with, key_of, now


@pytest.fixture
def customer(database):
    return CustomerFactory()


def row_of(key: str) -> ApiKey:
    return ApiKey.objects.get(public_id=key[8:20])


def frozen_at(moment) -> None:
    """Let the database's clock stand at a moment, for as long as the test likes."""
    as_login(
        "create or replace function clock.clock_timestamp() returns timestamptz language sql volatile "
        f"security definer as $$ select timestamptz '{moment.isoformat()}' $$"
    )


@pytest.fixture
def thawed(database):
    yield
    as_login(
        "create or replace function clock.clock_timestamp() returns timestamptz language sql volatile "
        "security definer as "
        "$$ select pg_catalog.clock_timestamp() + (select by from clock.moved) $$"
    )


def test_both_keys_work_through_the_overlap_to_its_last_second_and_not_after(thawed):
    alice = cast().alice
    old = key_of(alice, label="shop")
    started = now()
    frozen_at(started)
    _, new = keys.rotate(old[8:20], actor="ann")
    ends = started + timedelta(days=30)
    assert row_of(old).expires_at == ends
    statuses = []
    for moment in (
        started,
        started + timedelta(days=15),
        ends - timedelta(seconds=1),
        ends - timedelta(microseconds=1),
        ends,
        ends + timedelta(seconds=1),
    ):
        frozen_at(moment)
        statuses.append([client_with(k).get("/v1/stock").status_code for k in (old, new)])
    assert statuses == [[200, 200]] * 4 + [[401, 200]] * 2


def test_each_of_both_is_limited_by_itself(customer, clock):
    old = key_of(customer)
    _, new = keys.rotate(old[8:20], actor="ann")
    assert outcomes(old, 61) == ["admitted"] * 60 + ["limited"]
    assert outcomes(new, 61) == ["admitted"] * 60 + ["limited"]


def test_the_successor_says_what_its_predecessor_said(customer):
    old = key_of(
        customer,
        label="shop",
        scopes=["stock"],
        requests_a_minute=7,
        allowed_networks=["203.0.113.0/24"],
        mode="test",
    )
    successor, new = keys.rotate(old[8:20], actor="ann")
    assert new.startswith("tc_test_")
    assert {name: getattr(successor, name) for name in keys.SAYS} == {
        "customer_id": customer.pk,
        "mode": "test",
        "label": "shop",
        "scopes": ["stock"],
        "requests_a_minute": 7,
        "allowed_networks": ["203.0.113.0/24"],
    }
    assert (successor.predecessor, successor.expires_at) == (row_of(old), None)
    entry = AuditEntry.objects.get(action="apikey.rotated")
    assert (entry.actor, entry.subject) == ("ann", f"tc_test_{old[8:20]}")
    assert entry.before == {"expires_at": None}
    assert entry.after["successor"] == str(successor)


def test_an_overlap_never_lengthens_a_life(customer):
    soon = now() + timedelta(days=3)
    old = key_of(customer, expires_at=soon)
    keys.rotate(old[8:20], actor="ann", overlap_days=30)
    assert row_of(old).expires_at == soon


def test_without_an_overlap_the_old_key_ends_at_once(customer):
    old = key_of(customer)
    _, new = keys.rotate(old[8:20], actor="ann", overlap_days=0)
    assert (outcomes(old, 1), outcomes(new, 1)) == (["refused"], ["admitted"])


def test_a_key_is_rotated_once_and_one_that_ended_not_at_all(customer):
    old, ended = key_of(customer), key_of(customer)
    keys.rotate(old[8:20], actor="ann")
    keys.revoke(ended[8:20], actor="ann", reason="leaked")
    for key, why in ((old, "was rotated already"), (ended, "has ended")):
        with pytest.raises(keys.KeyNotRotated, match=why):
            keys.rotate(key[8:20], actor="ann")
    with pytest.raises(keys.NoSuchKey):
        keys.rotate("nobody", actor="ann")
    assert ApiKey.objects.count() == 3


def test_a_successor_that_was_revoked_lets_the_key_be_rotated_again(customer):
    old = key_of(customer)
    lost, _ = keys.rotate(old[8:20], actor="ann")
    keys.revoke(lost.public_id, actor="ann", reason="lost on the way")
    _, new = keys.rotate(old[8:20], actor="ann")
    assert outcomes(new, 1) == ["admitted"]


def test_of_eight_who_rotate_at_once_one_does(customer):
    old = key_of(customer)

    def rotate(_: int) -> bool:
        try:
            keys.rotate(old[8:20], actor="ann")
        except keys.KeyNotRotated:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(rotate, range(8))) == [False] * 7 + [True]
    assert ApiKey.objects.count() == 2


def test_the_database_itself_refuses_a_second_successor(customer):
    old = key_of(customer)
    keys.rotate(old[8:20], actor="ann")
    with pytest.raises(IntegrityError, match="one_successor_a_key"):
        as_login(
            "insert into apikeys_apikey (public_id, secret_sha256, mode, customer_id, label, scopes, "
            "predecessor_id, revoked_reason) select 'other', secret_sha256, mode, customer_id, '', '{}', "
            "id, '' from apikeys_apikey where predecessor_id is null"
        )
    connections.close_all()
    assert ApiKey.objects.count() == 2


def test_nothing_is_rotated_where_the_new_key_cannot_be_delivered(customer):
    old = key_of(customer)

    def full(*_):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        keys.rotate(old[8:20], actor="ann", deliver=full)
    assert ApiKey.objects.count() == 1
    assert row_of(old).expires_at is None
    assert AuditEntry.objects.filter(action="apikey.rotated").count() == 0


def test_a_successor_lasts_as_long_as_its_predecessor_was_meant_to(customer):
    old = key_of(customer, expires_at=now() + timedelta(days=90))
    lasts = row_of(old).expires_at - row_of(old).created_at
    aged = timedelta(days=60)
    ApiKey.objects.update(
        created_at=row_of(old).created_at - aged, expires_at=row_of(old).expires_at - aged
    )
    before = now()
    successor, _ = keys.rotate(old[8:20], actor="ann")
    assert before + lasts <= successor.expires_at <= now() + lasts
    named = now() + timedelta(days=1)
    third, _ = keys.rotate(successor.public_id, actor="ann", expires_at=named)
    assert third.expires_at == named


def test_an_overlap_is_no_lifetime(customer):
    """A permanent key that is rotated again, as its successor was lost, has a permanent one."""
    old = key_of(customer)
    lost, _ = keys.rotate(old[8:20], actor="ann")
    keys.rotate(lost.public_id, actor="ann", overlap_days=0)
    for key in ApiKey.objects.exclude(public_id=old[8:20]):
        keys.revoke(key.public_id, actor="ann", reason="lost on the way")
    successor, _ = keys.rotate(old[8:20], actor="ann")
    assert successor.expires_at is None


def test_a_successor_that_expired_stands_in_nobody_s_way(customer, clock):
    old = key_of(customer)
    short, _ = keys.rotate(old[8:20], actor="ann", expires_at=now() + timedelta(days=1))
    clock.move(timedelta(days=2))
    _, new = keys.rotate(old[8:20], actor="bob")
    assert outcomes(new, 1) == ["admitted"]
    short.refresh_from_db()
    assert (short.revoked_at is not None, short.revoked_reason) == (
        True, "expired; its predecessor is rotated again",
    )  # fmt: skip
    assert AuditEntry.objects.get(action="apikey.revoked").actor == "bob"
    with pytest.raises(keys.KeyNotRotated, match="was rotated already"):
        keys.rotate(old[8:20], actor="ann")


# -- what may change of a key ------------------------------------------------------------------


def test_a_change_is_in_force_at_the_next_request_and_audited(customer):
    key = key_of(customer, label="old")
    keys.change(key[8:20], actor="ann", label="new", requests_a_minute=1)
    assert outcomes(key, 2) == ["admitted", "limited"]
    entry = AuditEntry.objects.get(action="apikey.changed")
    assert entry.before == {"customer_id": customer.pk, "mode": "live", "label": "old"}
    assert entry.after == {
        "customer_id": customer.pk, "mode": "live", "label": "new", "requests_a_minute": 1,
    }  # fmt: skip


def test_a_revoked_key_stays_as_it_is(customer):
    key = key_of(customer, label="old")
    keys.revoke(key[8:20], actor="ann", reason="leaked")
    with pytest.raises(ValidationError, match="stays as it is"):
        keys.change(key[8:20], actor="ann", label="new")
    assert row_of(key).label == "old"


def test_an_expired_key_stays_as_it_is(customer, clock):
    """Changing its end brought it back, though everybody had been told that it was over."""
    ends = now() + timedelta(days=1)
    key = key_of(customer, expires_at=ends)
    clock.move(timedelta(days=2))
    for says in ({"expires_at": None}, {"label": "new"}):
        with pytest.raises(ValidationError, match="has expired stays as it is"):
            keys.change(key[8:20], actor="ann", **says)
    assert (row_of(key).expires_at, row_of(key).label) == (ends, "")


def test_no_change_ends_a_key_in_the_past(customer):
    key = key_of(customer)
    with pytest.raises(ValidationError, match="Revoke it to end it now"):
        keys.change(key[8:20], actor="ann", expires_at=now() - timedelta(seconds=1))
    assert row_of(key).expires_at is None


def test_nothing_makes_a_key_another_customer_s(customer):
    with pytest.raises(TypeError, match="customer"):
        keys.change("nobody", actor="ann", customer=customer)


# -- limits ------------------------------------------------------------------------------------


def test_a_key_s_own_limit_goes_before_its_customer_s_and_that_before_60(customer, clock):
    own, common = key_of(customer, requests_a_minute=2), key_of(customer)
    limit_customer(customer, requests_a_minute=3, actor="ann")
    assert outcomes(own, 3) == ["admitted"] * 2 + ["limited"]
    assert outcomes(common, 4) == ["admitted"] * 3 + ["limited"]
    limit_customer(customer, requests_a_minute=None, actor="ann")
    assert outcomes(common, 58) == ["admitted"] * 57 + ["limited"]
    assert list(
        AuditEntry.objects.filter(action="customer.limited")
        .order_by("id")
        .values_list("after", flat=True)
    ) == [{"requests_a_minute": 3}, {"requests_a_minute": None}]


@pytest.mark.parametrize("limit", [0, 6001])
def test_a_customer_s_limit_that_no_window_holds_is_refused(customer, limit):
    with pytest.raises(ValidationError):
        limit_customer(customer, requests_a_minute=limit, actor="ann")
    assert (CustomerLimit.objects.count(), AuditEntry.objects.count()) == (0, 0)
