"""What is kept in process memory is never stale."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from contract import snapshots
from customers import entitlements
from tests.conftest import as_login
from tests.factories import (
    SKUS,
    allow,
    cast,
    client_of,
    deny,
    now,
    seen_by,
    terms_changed,
    withdrawn,
)


@pytest.fixture
def people(database):
    return cast()


@pytest.fixture
def compilations(monkeypatch):
    """Count how often an entitlement is compiled."""
    counted = []
    compile_one = entitlements.compiled

    def counting(*args, **kwargs):
        counted.append(1)
        return compile_one(*args, **kwargs)

    monkeypatch.setattr(snapshots, "compiled", counting)
    return counted


def test_a_second_request_compiles_nothing(people, compilations):
    seen_by(people.alice)
    seen_by(people.alice)
    assert len(compilations) == 1


def test_a_change_of_the_mirror_compiles_nothing(people, compilations):
    seen_by(people.alice)
    as_login("update catalog_mirror_revision set touches_rules = false where number = 99")
    people.source.name = "Else"
    people.source.save()
    seen_by(people.alice)
    assert len(compilations) == 1


def test_each_customer_s_is_its_own(people):
    assert set(seen_by(people.alice)) == set(SKUS)
    assert set(seen_by(people.bob)) == {"MUG-11-BLK", "MUG-11-WHT"}
    assert seen_by(people.carol) == {}
    assert set(seen_by(people.alice)) == set(SKUS)


def test_a_rule_is_in_force_at_the_next_request(people):
    assert "PEN-01" not in seen_by(people.bob)
    rule = allow(customer=people.bob, brand=people.inkwell)
    assert "PEN-01" in seen_by(people.bob)
    denied = deny(brand=people.inkwell)
    assert "PEN-01" not in seen_by(people.bob)
    withdrawn(denied)
    assert "PEN-01" in seen_by(people.bob)
    withdrawn(rule)
    assert "PEN-01" not in seen_by(people.bob)


def test_a_move_to_another_tier_is_in_force_at_the_next_request(people):
    assert seen_by(people.carol) == {}
    terms_changed(people.carol, tier=people.gold)
    assert seen_by(people.carol)["PEN-01"] == "1.75"
    terms_changed(people.carol, tier=None)
    assert seen_by(people.carol) == {}


def test_a_window_opens_and_closes_by_the_clock_alone(people, clock, compilations):
    at = now()
    allow(
        customer=people.carol,
        brand=people.inkwell,
        starts_at=at + timedelta(minutes=10),
        ends_at=at + timedelta(minutes=20),
    )
    client = client_of(people.carol)

    def skus():
        return [item["sku"] for item in client.get("/v1/products").json()["data"]]

    assert skus() == []
    clock.move(timedelta(minutes=9))
    assert skus() == []
    assert len(compilations) == 1
    clock.move(timedelta(minutes=1))
    assert skus() == ["PEN-01"]
    clock.move(timedelta(minutes=9))
    assert skus() == ["PEN-01"]
    assert len(compilations) == 2
    clock.move(timedelta(minutes=1))
    assert skus() == []


def test_a_contract_begins_and_ends_by_the_clock_alone(people, clock):
    at = now()
    terms_changed(
        people.alice,
        contract_starts_at=at + timedelta(hours=1),
        contract_ends_at=at + timedelta(hours=2),
    )
    client = client_of(people.alice)

    def status():
        return client.get("/v1/products").status_code

    assert status() == 403
    clock.move(timedelta(hours=1))
    assert status() == 200
    clock.move(timedelta(hours=1))
    assert status() == 403


def test_a_clock_that_went_back_compiles_again(people, clock, compilations):
    seen_by(people.alice)
    clock.move(timedelta(seconds=30))
    allow(customer=people.bob, source=people.source)
    seen_by(people.bob)
    compiled = len(compilations)
    kept = snapshots._kept[people.bob.pk].entitlement
    assert not kept.is_current(kept.rules, kept.valid_from - timedelta(microseconds=1))
    assert kept.is_current(kept.rules, kept.valid_from)
    assert len(compilations) == compiled


def test_a_number_that_a_restored_backup_gave_out_again_is_not_trusted(people, compilations):
    assert set(seen_by(people.bob)) == {"MUG-11-BLK", "MUG-11-WHT"}
    # As if another life had taken the same number for a rule that is not the one kept in memory.
    as_login(
        "update catalog_mirror_revision set nonce = gen_random_uuid() where touches_rules;"
        "set session_replication_role = replica;"
        f"delete from customers_visibilityrule where customer_id = {people.bob.pk};"
        "set session_replication_role = origin"
    )
    assert seen_by(people.bob) == {}
    assert len(compilations) == 2


def test_an_entitlement_without_a_rule_s_revision_is_never_kept(people):
    seen_by(people.alice)
    kept = snapshots._kept[people.alice.pk].entitlement
    assert not replace(kept, rules=None).is_current(None, now())
    assert not kept.is_current(uuid4(), now())


def test_the_oldest_entitlement_makes_room(people, monkeypatch):
    monkeypatch.setattr(snapshots, "_MOST_KEPT", 1)
    seen_by(people.alice)
    seen_by(people.bob)
    assert list(snapshots._kept) == [people.bob.pk]


def test_a_customer_without_terms_is_outside_any_contract(people):
    as_login(
        "set session_replication_role = replica;"
        f"delete from customers_customerterms where customer_id = {people.carol.pk};"
        "set session_replication_role = origin"
    )
    assert client_of(people.carol).get("/v1/products").status_code == 403
