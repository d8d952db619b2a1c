"""Breaks as people give them: made exact, or refused with the reason; the database says the same."""

from decimal import Decimal

import orjson
import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog_mirror import revisions
from groundwork.models import AuditEntry
from pricing.entry import add_price_rule, change_price_rule
from pricing.ladders import LadderRefused, column_of, ladder_of, refuse_unsound
from pricing.models import OrderMinimum, OrderRule, PriceRule
from pricing.rule_versions import Step, steps_of
from tests.factories import CustomerFactory, newest_revision

FIRST = Step(1, Decimal(9), "")


def test_start_and_end_quantities_are_taken_too():
    steps = ladder_of(
        FIRST,
        [
            {"start_qty": 10, "end_qty": 49, "value": "8", "name": "Case"},
            {"start_qty": "50", "end_qty": "", "value": "7"},
        ],
    )
    assert steps == (FIRST, Step(10, Decimal(8), "Case"), Step(50, Decimal(7), ""))


def test_without_a_first_price_the_breaks_tell_the_whole_ladder(database):
    ranges = [
        {"start_qty": 10, "end_qty": 49, "value": "8", "name": "Case"},
        {"start_qty": 50, "value": "7"},
    ]
    rule = add_price_rule(actor="ann", kind="fixed", currency="USD", breaks=ranges)
    assert (rule.minimum_quantity, rule.amount, rule.name) == (10, Decimal(8), "Case")
    assert rule.breaks == [{"minimum_quantity": 50, "value": "7", "name": ""}]


def test_a_change_is_made_exact_beside_what_stands_when_it_is_written(database, monkeypatch):
    """Another's change commits after this one was asked for, and before it has the lock."""
    rule = add_price_rule(actor="ann", kind="fixed", amount="9", currency="USD")
    writing = revisions.writing

    def another_first(*args, **options):
        monkeypatch.setattr(revisions, "writing", writing)
        change_price_rule(rule.rule_uid, actor="ben", amount="5")
        return writing(*args, **options)

    monkeypatch.setattr(revisions, "writing", another_first)
    dear = [{"minimum_quantity": 10, "value": "8"}]
    with pytest.raises(ValidationError, match="the price would rise"):
        change_price_rule(rule.rule_uid, actor="ann", breaks=dear)
    held = PriceRule.objects.get(rule_uid=rule.rule_uid, until_revision=None)
    assert (held.amount, held.breaks) == (Decimal(5), [])


def test_steps_come_back_from_the_column_as_they_went_in():
    steps = (Step(10, Decimal("8.1234"), "Case"), Step(50, Decimal("1E+1"), ""))
    assert steps_of(orjson.dumps(column_of(steps)).decode()) == steps


@pytest.mark.parametrize(
    ("breaks", "reason"),
    [
        ([{"start_qty": 10, "end_qty": 50, "value": "8"}, {"start_qty": 50, "value": "7"}], "overlap"),
        ([{"start_qty": 10, "end_qty": 40, "value": "8"}, {"start_qty": 50, "value": "7"}], "gap"),
        ([{"start_qty": 10, "end_qty": 40, "value": "8"}], "leave its end_qty empty"),
        ([{"minimum_quantity": 5, "start_qty": 5, "value": "8"}], "not both"),
        ([{"minimum_quantity": "5.5", "value": "8"}], "whole number"),
        ([{"minimum_quantity": True, "value": "8"}], "whole number"),
        ([{"minimum_quantity": 5, "value": 8.1}], "as text"),
        ([{"minimum_quantity": 5, "value": "eight"}], "no number"),
        ([{"minimum_quantity": 5}], "exact value"),
        ([{"minimum_quantity": 5, "value": "8", "vlaue": "7"}], "says nothing of vlaue"),
        ([{"minimum_quantity": 5, "value": "8", "name": "x" * 101}], "100 characters"),
        ([{"minimum_quantity": 5, "value": "8", "name": "A|B"}], "no bars"),
        (["5:8"], "a quantity with its value"),
        ("5:8", "a list"),
        ({"minimum_quantity": 5}, "a list"),
        ([{"minimum_quantity": n, "value": "8"} for n in range(2, 54)], "at most 50"),
    ],
)  # fmt: skip
def test_breaks_that_cannot_be_read_are_refused_with_the_reason(breaks, reason):
    with pytest.raises(LadderRefused, match=reason):
        ladder_of(FIRST, breaks)


@pytest.mark.parametrize(
    ("kind", "steps", "reason"),
    [
        ("fixed", [(1, "9"), (10, "9.01")], "would rise"),
        ("percent", [(1, "10"), (10, "9")], "would rise"),
        ("fixed", [(10, "9"), (10, "8")], "does not lie above"),
        ("fixed", [(10, "9"), (5, "8")], "does not lie above"),
        ("fixed", [(0, "9")], "Use 1 or more"),
        ("fixed", [(2**31, "9")], "cannot be ordered"),
        ("fixed", [(1, "-0.01")], "negative"),
        ("fixed", [(1, "1.00001")], "more than 4 decimals"),
        ("percent", [(1, "100.1")], "more than all"),
        ("fixed", [(1, "1e12")], "larger than a price"),
        ("fixed", [(1, "NaN")], "no number"),
        ("fixed", [(1, "Infinity")], "no number"),
    ],
)
def test_an_unsound_ladder_is_refused_with_the_reason(kind, steps, reason):
    with pytest.raises(LadderRefused, match=reason):
        refuse_unsound(kind, [Step(quantity, Decimal(value), "") for quantity, value in steps])


def test_a_refused_rule_names_the_field_and_changes_nothing(database):
    before = (newest_revision(), AuditEntry.objects.count())
    for says, field in (
        ({"kind": "fixed", "amount": "-1"}, "amount"),
        ({"kind": "percent", "percent": 10.5}, "percent"),
        ({"kind": "percent", "percent": "ten"}, "percent"),
        ({"kind": "fixed", "amount": "9", "breaks": [{"minimum_quantity": 5, "value": "10"}]}, "breaks"),
        ({"kind": "fixed"}, "__all__"),
        ({"kind": "contract", "amount": "9"}, "__all__"),
        ({"kind": "fixed", "amount": "9", "counted_per": "category"}, "__all__"),
        ({"kind": "exempt"}, "__all__"),
    ):  # fmt: skip
        with pytest.raises(ValidationError) as refused:
            add_price_rule(actor="ann", **{"currency": "USD"} | says)
        assert field in refused.value.message_dict
    assert (newest_revision(), AuditEntry.objects.count()) == before
    assert not PriceRule.objects.exists()


def test_a_ladder_is_kept_exactly_and_changed_as_a_whole(database):
    rule = add_price_rule(
        actor="ann",
        kind="fixed",
        amount="9.50",
        currency="USD",
        breaks=[{"start_qty": 10, "value": "8.1234"}],
    )
    assert rule.breaks == [{"minimum_quantity": 10, "value": "8.1234", "name": ""}]
    with pytest.raises(ValidationError, match="would rise"):
        change_price_rule(rule.rule_uid, actor="ann", amount="8")
    cheaper = change_price_rule(rule.rule_uid, actor="ann", amount="8.50")
    assert (cheaper.amount, cheaper.breaks) == (Decimal("8.50"), rule.breaks)


def test_two_equal_rules_are_refused(database):
    bob = CustomerFactory()
    says = {"kind": "fixed", "currency": "USD", "customer": bob}
    add_price_rule(actor="ann", amount="9", **says)
    with pytest.raises(ValidationError, match="is there already"):
        add_price_rule(actor="ann", amount="8", **says)
    add_price_rule(actor="ann", amount="8", priority=1, **says)
    assert PriceRule.objects.count() == 2


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (OrderRule, {"minimum_quantity": 5, "step": 2}),
        (OrderRule, {"minimum_quantity": 4, "step": 2, "maximum_quantity": 7}),
        (OrderRule, {"minimum_quantity": 4, "maximum_quantity": 3}),
        (OrderRule, {"minimum_quantity": 0}),
        (OrderRule, {"step": 0}),
        (OrderMinimum, {}),
        (OrderMinimum, {"minimum_value": Decimal(5)}),
        (OrderMinimum, {"minimum_value": Decimal(0), "currency": "USD"}),
        (OrderMinimum, {"minimum_quantity": 5, "currency": "USD"}),
        (PriceRule, {"kind": "fixed", "amount": Decimal("1.00001"), "currency": "USD"}),
        (PriceRule, {"kind": "fixed", "amount": Decimal(1), "currency": "usd"}),
    ],
)  # fmt: skip
def test_the_database_refuses_what_no_rule_may_say(database, model, says):
    with revisions.writing("test", touches_rules=True) as revision:
        with pytest.raises(DatabaseError), transaction.atomic():
            model(from_revision=revision.number, **says).save(force_insert=True)
        raise revisions.NothingToWrite
    assert not model.objects.exists()


VALUES = ["0", "1", "1.5", "9.99", "10", "99.9999", "100", "101", "-1", "1.00001"]
ladders = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(VALUES)), min_size=1, max_size=4)


def test_code_and_database_refuse_the_same_ladders(database):
    sound = """select pricing_ladder_is_sound(%s, %s, %s, %s, %s)
                      and (%s::numeric >= 0 and scale(%s) <= 4 and %s >= 1)
                      and (%s <> 'percent' or %s <= 100)"""

    @given(st.sampled_from(["fixed", "percent"]), ladders)
    @settings(max_examples=300, deadline=None)
    def agree(kind, drawn):
        steps = [Step(quantity, Decimal(value), "") for quantity, value in drawn]
        first = steps[0].value
        percent, amount = (first, None) if kind == "percent" else (None, first)
        quantity = steps[0].minimum_quantity
        breaks = orjson.dumps(column_of(steps[1:])).decode()
        with connection.cursor() as cursor:
            cursor.execute(
                sound,
                [kind, percent, amount, quantity, breaks, first, first, quantity, kind, first],
            )
            (by_database,) = cursor.fetchone()
        try:
            refuse_unsound(kind, steps)
            by_code = True
        except LadderRefused:
            by_code = False
        assert by_code == by_database

    agree()
