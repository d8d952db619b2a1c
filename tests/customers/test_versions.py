"""Rules and terms as versions: added, changed, withdrawn, never rewritten."""

from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.utils import IntegrityError

from catalog_mirror.models import Brand, Revision
from customers import versions
from customers.models import CustomerTerms, VisibilityRule
from groundwork.correlation import correlated
from groundwork.models import AuditEntry
from pricing.models import PriceRule
from tests.conftest import as_login
from tests.factories import (
    CustomerFactory,
    SourceFactory,
    TierFactory,
    allow,
    cast,
    fixed_price,
    newest_revision,
    now,
    percent_off,
    with_terms,
    withdrawn,
)


@pytest.fixture
def people(database):
    return cast()


def in_force(model) -> list[tuple[int, int | None]]:
    return list(model.objects.order_by("id").values_list("from_revision", "until_revision"))


def test_a_new_rule_is_in_force_from_its_revision_on(database):
    source = SourceFactory()
    rule = allow(source=source)
    assert (rule.from_revision, rule.until_revision) == (1, None)
    rule.refresh_from_db()
    assert (rule.subject_kind, rule.subject_id) == ("source", source.pk)
    assert Revision.objects.get(number=1).touches_rules


def test_a_rule_on_nothing_in_particular_is_on_all(database):
    rule = allow()
    rule.refresh_from_db()
    assert (rule.subject_kind, rule.subject_id) == ("all", 0)


def test_a_change_closes_one_version_and_opens_the_next(database):
    rule = percent_off("10", source=SourceFactory(), name="Spring")
    after = versions.change(PriceRule, rule.rule_uid, actor="ann", percent=Decimal(20))
    assert after.rule_uid == rule.rule_uid
    assert after.pk != rule.pk
    assert (after.percent, after.name, after.source_id) == (Decimal(20), "Spring", rule.source_id)
    assert in_force(PriceRule) == [(1, 2), (2, None)]


def test_a_change_may_name_rows_or_their_ids(database):
    rule = allow(source=SourceFactory())
    tier, customer = TierFactory(), CustomerFactory()
    after = versions.change(VisibilityRule, rule.rule_uid, actor="ann", tier=tier)
    assert after.tier_id == tier.pk
    after = versions.change(
        VisibilityRule, rule.rule_uid, actor="ann", tier=None, customer_id=customer.pk
    )
    assert (after.tier_id, after.customer_id) == (None, customer.pk)


def test_a_withdrawal_closes_the_rule(database):
    rule = allow()
    withdrawn(rule)
    assert in_force(VisibilityRule) == [(1, 2)]
    for change in (
        lambda: versions.withdraw(VisibilityRule, rule.rule_uid, actor="ann"),
        lambda: versions.change(VisibilityRule, rule.rule_uid, actor="ann", effect="deny"),
    ):
        with pytest.raises(versions.NoOpenVersion, match="is not in force"):
            change()
    assert newest_revision() == 2


def test_terms_that_were_never_given_are_missed_in_words(database):
    with pytest.raises(versions.NoOpenVersion, match="Give it some first"):
        versions.terms_of(CustomerFactory().pk)


def test_every_step_is_audited_with_what_was_and_what_is(database):
    with correlated("the-request-1"):
        rule = versions.add(
            PriceRule, actor="ann", kind="percent", percent=Decimal("10.5"), currency="USD"
        )
        versions.change(PriceRule, rule.rule_uid, actor="bob", percent=Decimal(20))
        versions.withdraw(PriceRule, rule.rule_uid, actor="eve")
    opened, changed, ended = AuditEntry.objects.order_by("id")
    assert [(e.actor, e.action) for e in (opened, changed, ended)] == [
        ("ann", "pricerule.opened"),
        ("bob", "pricerule.changed"),
        ("eve", "pricerule.withdrawn"),
    ]
    assert {e.subject for e in (opened, changed, ended)} == {str(rule.rule_uid)}
    assert {e.correlation_id for e in (opened, changed, ended)} == {"the-request-1"}
    assert (opened.before, opened.after["percent"]) == (None, "10.5")
    assert (changed.before["percent"], changed.after["percent"]) == ("10.5", "20")
    assert changed.before["kind"] == changed.after["kind"] == "percent"
    assert (ended.before["percent"], ended.after) == ("20", None)


# -- what a rule must not say ------------------------------------------------------------------


def refused(add) -> None:
    before = (newest_revision(), AuditEntry.objects.count())
    with pytest.raises(ValidationError):
        add()
    assert (newest_revision(), AuditEntry.objects.count()) == before


@pytest.mark.parametrize("make", [allow, lambda **says: percent_off("10", **says)])
def test_two_whos_two_whats_or_a_window_back_to_front_are_refused(people, make):
    at = now()
    refused(lambda: make(customer=people.bob, tier=people.gold))
    refused(lambda: make(source=people.source, brand=people.northcup))
    refused(lambda: make(category=people.mugs, product=people.mug, brand=people.northcup))
    refused(lambda: make(starts_at=at, ends_at=at))
    refused(lambda: make(starts_at=at, ends_at=at - timedelta(seconds=1)))


@pytest.mark.parametrize(
    "says",
    [
        {"kind": "percent", "percent": Decimal("100.0001")},
        {"kind": "percent", "percent": Decimal("-0.0001")},
        {"kind": "percent", "percent": Decimal("10.00001")},
        {"kind": "percent"},
        {"kind": "percent", "percent": Decimal(10), "amount": Decimal(1)},
        {"kind": "percent", "amount": Decimal(1)},
        {"kind": "fixed", "amount": Decimal("-0.01")},
        {"kind": "fixed", "amount": Decimal("0.00001")},
        {"kind": "fixed", "percent": Decimal(10)},
        {"kind": "fixed"},
        {"kind": "free"},
    ],
)
def test_a_price_rule_says_one_price_within_bounds(database, says):
    refused(lambda: versions.add(PriceRule, actor="ann", currency="USD", **says))


@pytest.mark.parametrize(
    "says", [{"kind": "percent", "percent": 100}, {"kind": "fixed", "amount": 0}]
)
def test_a_price_of_nothing_is_a_price(database, says):
    versions.add(PriceRule, actor="ann", currency="USD", **says)
    assert PriceRule.objects.count() == 1


def test_an_effect_that_does_not_exist_is_refused(database):
    refused(lambda: versions.add(VisibilityRule, actor="ann", effect="maybe"))


def test_a_customer_has_one_open_set_of_terms(people):
    refused(lambda: with_terms(people.bob))


def test_terms_whose_contract_ends_before_it_starts_are_refused(database):
    customer, at = CustomerFactory(), now()
    refused(lambda: with_terms(customer, contract_starts_at=at, contract_ends_at=at))
    refused(lambda: with_terms(customer, status="dormant"))


def test_a_change_that_is_refused_leaves_the_open_version(people):
    rule = fixed_price("5")
    before = in_force(PriceRule)
    refused(lambda: versions.change(PriceRule, rule.rule_uid, actor="ann", amount=Decimal(-1)))
    assert in_force(PriceRule) == before


# -- the database holds it too -----------------------------------------------------------------


RULES = ("customers_visibilityrule", "customers_customerterms", "pricing_pricerule")
REWRITES = (
    "delete from {table}",
    "update {table} set from_revision = from_revision - 1",
    "update {table} set until_revision = 100, from_revision = from_revision - 1",
    "update {table} set until_revision = null",
    "update {table} set rule_uid = gen_random_uuid()",
)


def test_the_database_itself_refuses_to_rewrite_a_version(people):
    for table, statement in product(RULES, REWRITES):
        with pytest.raises(IntegrityError, match="is only ever closed"):
            as_login(statement.format(table=table))
        connection.close()


def test_a_closed_version_is_not_closed_again(database):
    withdrawn(allow())
    with pytest.raises(IntegrityError, match="is only ever closed"):
        as_login("update customers_visibilityrule set until_revision = 99")
    connection.close()
    assert in_force(VisibilityRule) == [(1, 2)]


def test_an_audit_entry_is_neither_changed_nor_deleted(people):
    for statement in (
        "delete from groundwork_auditentry",
        "update groundwork_auditentry set actor = 'x'",
    ):
        with pytest.raises(IntegrityError, match="append-only"):
            as_login(statement)
        connection.close()
    assert set(AuditEntry.objects.values_list("actor", flat=True)) == {"test"}


def test_what_a_rule_names_is_not_deleted_under_it(people):
    with pytest.raises(IntegrityError):
        as_login("delete from catalog_mirror_brand where slug = 'northcup'")
    connection.close()
    assert Brand.objects.filter(slug="northcup").exists()


def test_terms_are_read_from_the_open_version(people):
    uid = versions.terms_of(people.alice.pk).rule_uid
    versions.change(CustomerTerms, uid, actor="ann", tier=None)
    assert versions.terms_of(people.alice.pk).tier_id is None
    assert CustomerTerms.objects.filter(customer=people.alice).count() == 2
