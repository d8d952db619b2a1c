"""A preview is what becomes true when the draft is saved."""

from datetime import timedelta
from decimal import Decimal

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract import previews
from contract.previews import Example, preview, preview_minimum, preview_terms
from customers import versions
from customers.models import CustomerTerms, VisibilityRule
from groundwork.models import AuditEntry
from pricing.models import OrderMinimum, OrderRule, PriceRule
from tests.factories import (
    allow,
    cast,
    client_of,
    deny,
    fixed_price,
    newest_revision,
    now,
    seen_by,
    terms_changed,
    variant,
    withdrawn,
)


@pytest.fixture
def people(database):
    return cast()


def counts(found) -> tuple[int, int, int]:
    return found.appear.count, found.vanish.count, found.repriced.count


def test_a_grant_says_what_appears_and_to_whom(people):
    before = (newest_revision(), AuditEntry.objects.count(), VisibilityRule.objects.count())
    found = preview(VisibilityRule(effect="allow", customer=people.carol, brand=people.northcup))
    assert counts(found) == (2, 0, 0)
    assert (found.reached, found.customers, found.goods) == (1, 1, 2)
    assert [(e.customer, e.sku) for e in found.appear.examples] == [
        ("carol", "MUG-11-BLK"),
        ("carol", "MUG-11-WHT"),
    ]
    assert found.appear.examples[0].before == ""
    assert '"unit":"10.00"' in found.appear.examples[0].after
    after = (newest_revision(), AuditEntry.objects.count(), VisibilityRule.objects.count())
    assert after == before


def test_a_denial_for_everyone_vanishes_for_those_who_see_it(people):
    found = preview(VisibilityRule(effect="deny", brand=people.northcup))
    assert counts(found) == (0, 4, 0)  # Alice and Bob see two each
    assert (found.reached, found.customers) == (4, 3)  # Dave's contract has ended


def test_a_preview_that_takes_long_says_of_how_many_it_tells(people, monkeypatch):
    monkeypatch.setattr(previews, "LONGEST", -1.0)
    found = preview(VisibilityRule(effect="deny"))
    assert (found.reached, found.customers) == (4, 1)
    assert counts(found) == (0, 4, 0)  # Alice's


def test_a_price_says_what_costs_something_else(people):
    draft = PriceRule(kind="fixed", amount=Decimal(1), currency="USD", tier=people.gold)
    found = preview(draft)
    assert counts(found) == (0, 0, 4)
    example = found.repriced.examples[0]
    assert ('"unit":"7.00"' in example.before, '"unit":"1.00"' in example.after) == (True, True)
    assert preview(OrderRule(minimum_quantity=6, customer=people.bob)).repriced.count == 2


def test_a_change_is_previewed_against_what_it_replaces(people):
    rule = fixed_price("8", customer=people.bob, variant=variant("MUG-11-BLK"))
    dearer = PriceRule(
        kind="fixed", amount=Decimal(9), currency="USD", customer=people.bob, variant=rule.variant
    )
    assert preview(dearer, replaces=rule).repriced.count == 1
    same = PriceRule(kind="fixed", amount=Decimal(8), currency="USD", customer=people.bob)
    same.variant = rule.variant
    assert counts(preview(same, replaces=rule)) == (0, 0, 0)


def _terms_of(customer, **says) -> CustomerTerms:
    stands = CustomerTerms.objects.get(customer=customer, until_revision=None)
    names = ("tier", "status", "contract_starts_at", "contract_ends_at", "currency", "unpriced")
    said = {name: getattr(stands, name) for name in names} | says
    return CustomerTerms(customer=customer, **said)


def test_other_terms_say_what_appears_vanishes_and_costs_something_else(people):
    assert (len(seen_by(people.alice)), seen_by(people.carol)) == (4, {})
    before = (newest_revision(), AuditEntry.objects.count())
    assert counts(preview_terms(_terms_of(people.alice))) == (0, 0, 0)
    assert counts(preview_terms(_terms_of(people.alice, status="suspended"))) == (0, 4, 0)
    ends = now() - timedelta(days=1)
    assert counts(preview_terms(_terms_of(people.alice, contract_ends_at=ends))) == (0, 4, 0)
    promoted = preview_terms(_terms_of(people.carol, tier=people.gold))
    assert (newest_revision(), AuditEntry.objects.count()) == before
    terms_changed(people.carol, tier=people.gold)
    assert counts(promoted) == (len(seen_by(people.carol)), 0, 0) == (4, 0, 0)


def test_other_terms_say_what_orders_come_to(people):
    says = {"minimum_value": Decimal(500), "currency": "USD", "tier": people.gold}
    versions.add(OrderMinimum, actor="ann", **says)
    found = preview_terms(_terms_of(people.bob, tier=people.gold))
    assert found.orders.examples == [Example("bob", "", "any size", "at least 500 USD")]
    assert preview_terms(_terms_of(people.bob)).orders.count == 0


def test_terms_that_do_not_hold_before_or_after_are_of_no_customer_with_a_contract(people):
    terms_changed(people.bob, status="suspended")
    told = [preview_terms(_terms_of(people.bob, status=each)) for each in ("suspended", "active")]
    assert [(each.reached, each.customers) for each in told] == [(1, 0), (1, 1)]


def test_who_leaves_a_tier_pays_what_everyone_pays(people):
    found = preview_terms(_terms_of(people.alice, tier=None))
    terms_changed(people.alice, tier=None)
    left = seen_by(people.alice)
    assert found.vanish.count + len(left) == 4
    for example in found.repriced.examples:
        assert f'"unit":"{left[example.sku]}"' in example.after


def test_an_order_minimum_says_whose_orders_come_to_something_else(people):
    draft = OrderMinimum(minimum_value=Decimal(100), currency="USD", customer=people.bob)
    found = preview_minimum(draft)
    assert (found.reached, found.customers) == (1, 1)
    assert found.orders.examples == [Example("bob", "", "any size", "at least 100 USD")]
    stands = versions.add(
        OrderMinimum, actor="ann", minimum_value=Decimal(100), currency="USD", customer=people.bob
    )
    more = OrderMinimum(minimum_value=Decimal(200), currency="USD", customer=people.bob)
    [example] = preview_minimum(more, replaces=stands).orders.examples
    assert (example.before, example.after) == ("at least 100 USD", "at least 200 USD")
    wider = OrderMinimum(minimum_quantity=12)
    found = preview_minimum(wider)
    assert [e.customer for e in found.orders.examples] == ["alice", "carol"]
    assert OrderMinimum.objects.count() == 1


def test_a_withdrawal_is_a_preview_without_a_draft(people):
    rule = deny(customer=people.alice, variant=variant("PEN-01"))
    assert counts(preview(None, replaces=rule)) == (1, 0, 0)


def test_another_customer_s_rule_moves_nothing_for_anyone_else(people):
    mine = allow(customer=people.alice)
    draft = VisibilityRule(effect="deny", customer=people.bob)
    found = preview(draft, replaces=mine)
    assert (found.reached, counts(found)) == (2, (0, 2, 0))


def shown(people) -> dict[tuple[str, str], bytes]:
    """Return what everyone is told of buying everything it sees."""
    views = {}
    for who in ("alice", "bob", "carol"):
        data = client_of(getattr(people, who)).get("/v1/products?limit=500").json()["data"]
        for item in data:
            views[who, item["sku"]] = orjson.dumps([item["price"], item["order"]])
    return views


def test_what_was_previewed_is_what_happens(people):
    since = now() - timedelta(days=1)
    whos = [{}, {"tier": people.gold}, {"customer": people.bob}, {"customer": people.carol}]
    whats = [{}, {"brand": people.northcup}, {"category": people.mugs}, {"product": people.mug},
             {"variant": variant("PEN-01")}]  # fmt: skip
    says = [
        (VisibilityRule, {"effect": "allow"}),
        (VisibilityRule, {"effect": "deny"}),
        (PriceRule, {"kind": "fixed", "amount": Decimal("4.44"), "currency": "USD"}),
        (PriceRule, {"kind": "percent", "percent": Decimal(50), "currency": "USD"}),
        (PriceRule, {"kind": "exempt", "exempt_from": "general"}),
        (OrderRule, {"minimum_quantity": 6, "step": 3}),
    ]

    @given(st.sampled_from(whos), st.sampled_from(whats), st.sampled_from(says))
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    def agree(who, what, say):
        model, said = say
        said = {**said, "starts_at": since}  # so that it is equal to none of the cast's
        before, found = shown(people), preview(model(**who, **what, **said))
        rule = versions.add(model, actor="test", **who, **what, **said)
        after = shown(people)
        assert counts(found) == (
            len(after.keys() - before.keys()),
            len(before.keys() - after.keys()),
            sum(before[key] != after[key] for key in before.keys() & after.keys()),
        )
        withdrawn(rule)

    agree()
