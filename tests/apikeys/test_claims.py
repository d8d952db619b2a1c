"""A claim link: one POST makes and shows the key, then it is dead; a GET changes nothing."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.test import Client

from apikeys import claims, keys
from apikeys.models import ApiKey, ClaimLink
from groundwork.models import AuditEntry
from tests.apikeys.test_limit import outcomes
from tests.factories import CustomerFactory, key_of, now

KEY = re.compile(r"tc_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}")


@pytest.fixture
def customer(database):
    return CustomerFactory(slug="alder", name="Alder & Sons")


def offered(customer, **says) -> str:
    return claims.offer(actor="ann", customer=customer, **says)[1]


def path(token: str) -> str:
    return f"/claim/{token}"


def test_a_get_shows_what_will_be_and_changes_nothing_however_often(customer):
    token = offered(customer, label="shop")
    before = ClaimLink.objects.values().get()
    for method in ("get", "head", "get"):
        answer = getattr(Client(), method)(path(token))
        assert answer.status_code == 200
        assert not KEY.search(answer.content.decode())
    assert "An API key for Alder &amp; Sons" in answer.content.decode()
    assert ClaimLink.objects.values().get() == before
    assert ApiKey.objects.count() == 0


def test_one_post_makes_and_shows_the_key_and_then_the_link_is_dead(customer):
    token = offered(customer, label="shop", scopes=["stock"], requests_a_minute=9)
    page = Client().post(path(token)).content.decode()
    (key,) = KEY.findall(page)
    row = ApiKey.objects.get()
    assert (row.public_id, row.customer, row.label) == (key[8:20], customer, "shop")
    assert (row.scopes, row.requests_a_minute, row.predecessor) == (["stock"], 9, None)
    assert outcomes(key, 1) == ["admitted"]
    for method in ("get", "post"):
        answer = getattr(Client(), method)(path(token))
        assert (answer.status_code, b"was used already" in answer.content) == (410, True)
        assert not KEY.search(answer.content.decode())
    assert ApiKey.objects.count() == 1
    link = ClaimLink.objects.get()
    assert (link.key, link.claimed_at is not None) == (row, True)
    actions = AuditEntry.objects.order_by("id").values_list("actor", "action")
    by = f"claim link {link.pk}"
    assert list(actions) == [
        ("ann", "claimlink.offered"), (by, "apikey.issued"), (by, "claimlink.claimed"),
    ]  # fmt: skip


def test_of_two_posts_at_once_one_gets_the_key(customer):
    token = offered(customer)

    def post(_: int) -> int:
        try:
            return Client().post(path(token)).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(post, range(8))) == [200] + [410] * 7
    assert ApiKey.objects.count() == 1


def test_it_expires_in_seven_days_and_not_a_second_before(customer, clock):
    token = offered(customer)
    clock.move(timedelta(days=7) - timedelta(seconds=5))
    assert Client().get(path(token)).status_code == 200
    clock.move(timedelta(seconds=6))
    for method in ("get", "post"):
        answer = getattr(Client(), method)(path(token))
        assert (answer.status_code, b"has expired" in answer.content) == (410, True)
    assert ApiKey.objects.count() == 0


@pytest.mark.parametrize("token", ["nothing", "tc_claim_" + "0" * 43])
def test_an_unknown_link_is_404(customer, token):
    offered(customer)
    for method in ("get", "post"):
        assert getattr(Client(), method)(path(token)).status_code == 404
    assert ApiKey.objects.count() == 0


def test_the_token_is_stored_nowhere(customer):
    token = offered(customer)
    row = ClaimLink.objects.values().get()
    entries = list(AuditEntry.objects.values())
    assert token[9:] not in repr(row) + repr(entries)
    assert len(token) == 9 + 43


def test_the_page_is_kept_nowhere_framed_nowhere_and_loads_nothing_from_elsewhere(customer):
    answer = Client().get(path(offered(customer)))
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert answer["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )
    assert not answer.cookies
    assert b"<script" not in answer.content
    assert Client().put(path("x")).status_code == 405


def test_the_overlap_starts_when_the_link_is_claimed(customer, clock):
    old = key_of(customer, label="shop")
    _, token = claims.offer_successor(old[8:20], actor="ann", overlap_days=10)
    assert ApiKey.objects.get().expires_at is None
    clock.move(timedelta(days=5))
    claimed_at = now()
    page = Client().post(path(token)).content.decode()
    (new,) = KEY.findall(page)
    assert f"tc_live_{old[8:20]}</code>, works until" in page
    ends = ApiKey.objects.get(public_id=old[8:20]).expires_at
    assert claimed_at + timedelta(days=10) <= ends <= now() + timedelta(days=10)
    successor = ApiKey.objects.get(public_id=new[8:20])
    assert (successor.predecessor.public_id, successor.label) == (old[8:20], "shop")
    assert (outcomes(old, 1), outcomes(new, 1)) == (["admitted"], ["admitted"])


def test_a_link_to_a_successor_dies_with_the_revocation_of_its_key(customer):
    old = key_of(customer)
    _, token = claims.offer_successor(old[8:20], actor="ann")
    keys.revoke(old[8:20], actor="ann", reason="the contract ended")
    assert Client().post(path(token)).status_code == 410
    assert ApiKey.objects.count() == 1


def test_a_link_to_the_successor_of_a_key_that_expired_meanwhile_still_makes_one(customer, clock):
    old = key_of(customer, expires_at=now() + timedelta(days=1))
    _, token = claims.offer_successor(old[8:20], actor="ann")
    clock.move(timedelta(days=2))
    assert Client().post(path(token)).status_code == 200
    assert ApiKey.objects.exclude(public_id=old[8:20]).get().predecessor is None


def test_a_link_dies_with_the_rotation_of_its_key_by_hand(customer, clock):
    """Its POST was a 500, and after the overlap it made a second key that worked."""
    old = key_of(customer)
    link, token = claims.offer_successor(old[8:20], actor="ann")
    keys.rotate(old[8:20], actor="bob", overlap_days=1)
    link.refresh_from_db()
    assert link.withdrawn_at is not None
    entry = AuditEntry.objects.get(action="claimlink.withdrawn")
    assert (entry.actor, entry.subject) == ("bob", str(link))
    for by in (timedelta(0), timedelta(days=2)):
        clock.move(by)
        for method in ("get", "post"):
            assert getattr(Client(), method)(path(token)).status_code == 410
    assert ApiKey.objects.count() == 2


def test_a_link_to_a_successor_of_a_key_that_has_one_is_dead(customer):
    """As one that was rotated by processes that withdrew nothing."""
    old = key_of(customer)
    token = claims.offer_successor(old[8:20], actor="ann")[1]
    keys.rotate(old[8:20], actor="bob")
    ClaimLink.objects.update(withdrawn_at=None)
    for method in ("get", "post"):
        answer = getattr(Client(), method)(path(token))
        assert (answer.status_code, b"its key has a successor" in answer.content) == (410, True)
    assert ApiKey.objects.count() == 2


def test_a_key_that_is_not_rotated_after_all_leaves_its_link_dead_and_whole(customer, monkeypatch):
    token = claims.offer_successor(key_of(customer)[8:20], actor="ann")[1]

    def ended(*_, **__):
        raise keys.KeyNotRotated("It has ended.")

    monkeypatch.setattr(keys, "rotate", ended)
    answer = Client().post(path(token))
    assert (answer.status_code, b"makes no key any more" in answer.content) == (410, True)
    assert (ApiKey.objects.count(), ClaimLink.objects.get().claimed_at) == (1, None)


def test_of_a_claim_and_a_rotation_at_once_one_makes_the_successor(customer):
    for _ in range(10):
        old = key_of(customer)
        token = claims.offer_successor(old[8:20], actor="ann")[1]

        def post(token: str = token) -> int:
            try:
                return Client().post(path(token)).status_code
            finally:
                connections.close_all()

        def rotate(old: str = old) -> int:
            try:
                keys.rotate(old[8:20], actor="bob")
            except keys.KeyNotRotated:
                return 410
            finally:
                connections.close_all()
            return 200

        with ThreadPoolExecutor(2) as pool:
            told = [each.result() for each in (pool.submit(post), pool.submit(rotate))]
        assert sorted(told) == [200, 410]
        assert ApiKey.objects.filter(predecessor__public_id=old[8:20]).count() == 1


def test_the_key_of_a_link_lasts_as_long_as_the_one_it_replaces(customer, clock):
    for waits in (timedelta(0), timedelta(days=2)):
        old = key_of(customer, expires_at=now() + timedelta(days=1))
        lasts = ApiKey.objects.get(public_id=old[8:20])
        token = claims.offer_successor(old[8:20], actor="ann")[1]
        clock.move(waits)
        Client().post(path(token))
        ends = ApiKey.objects.latest("pk").expires_at
        assert timedelta(0) <= now() + (lasts.expires_at - lasts.created_at) - ends
        assert ends - now() > timedelta(hours=23)


def test_one_link_a_key_is_open_and_a_dead_one_stands_in_nobody_s_way(customer, clock):
    old = key_of(customer)
    first, _ = claims.offer_successor(old[8:20], actor="ann")
    with pytest.raises(keys.KeyNotRotated, match="is open"):
        claims.offer_successor(old[8:20], actor="ann")
    assert claims.withdraw(first.pk, actor="ann") is True
    assert claims.withdraw(first.pk, actor="ann") is False
    claims.offer_successor(old[8:20], actor="ann")
    clock.move(timedelta(days=8))
    _, token = claims.offer_successor(old[8:20], actor="ann")
    assert Client().get(path(token)).status_code == 200
    assert ClaimLink.objects.count() == 3


def test_a_withdrawn_link_makes_no_key(customer):
    link, token = claims.offer(actor="ann", customer=customer)
    claims.withdraw(link.pk, actor="ann")
    assert Client().post(path(token)).status_code == 410
    assert ApiKey.objects.count() == 0


def test_no_link_offers_what_no_key_may_say(customer):
    with pytest.raises(keys.ValidationError, match="is no network"):
        offered(customer, allowed_networks=["nowhere"])
    assert (ClaimLink.objects.count(), AuditEntry.objects.count()) == (0, 0)
