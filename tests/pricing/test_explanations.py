"""What is explained is what was served, now and for any past instant; and why."""

import json
from datetime import timedelta
from decimal import Decimal
from functools import partial
from io import StringIO
from random import Random

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from catalog_mirror.models import Revision
from catalog_mirror.past import NothingThen
from customers import versions
from customers.explanations import explain_visibility
from pricing.entry import add_price_rule
from pricing.explanations import NoSuchPrice, explain_price
from pricing.models import OrderMinimum, OrderRule, PriceRule
from pricing.order_terms import OrderTerms
from tests.factories import (
    NORTHCUP,
    a_product,
    a_variant,
    allow,
    cast,
    client_of,
    deny,
    fixed_price,
    mirrored,
    now,
    percent_off,
    terms_changed,
    variant,
    withdrawn,
)


@pytest.fixture
def people(database):
    return cast()


def outcomes(explanation) -> list[tuple[str, str]]:
    return [(rule.says, rule.outcome) for rule in explanation.rules]


def test_every_rule_is_told_with_what_decided(people):
    alice, mug = people.alice, people.mug
    hour = timedelta(hours=1)
    won = add_price_rule(
        actor="ann", kind="fixed", amount="8", currency="USD", customer=alice, product=mug,
        breaks=[{"minimum_quantity": 50, "value": "7", "name": "Pallet"}],
    )  # fmt: skip
    fixed_price("6", product=mug)
    fixed_price("6.5", customer=alice, product=mug, priority=-1)
    percent_off("50", customer=alice, product=mug)
    fixed_price("5", customer=alice, variant=variant("MUG-11-BLK"), minimum_quantity=100)
    fixed_price("4", customer=alice, variant=variant("MUG-11-BLK"), ends_at=now() - hour)
    fixed_price("3", customer=alice, variant=variant("MUG-11-BLK"), currency="EUR")
    percent_off("90", category=people.mugs)
    add_price_rule(actor="ann", kind="exempt", exempt_from="category", product=mug)
    found = explain_price(alice, "MUG-11-BLK", quantity=60, at=None)
    assert (found.unit, found.list_price, found.currency) == (Decimal("7.00"), Decimal(10), "USD")
    assert found.because == f"Rule {won.pk} gives 7 from 50 pieces on (Pallet)."
    told = dict(outcomes(found))
    assert told["fixed 100: 5 USD"] == "begins at 100 pieces"
    assert told["fixed 1: 8 USD, 50: 7 USD"] == "decides"
    assert told["fixed 1: 6.5 USD"] == "gives way: its priority is lower"
    assert told["percent 1: 50 %"] == "gives way: its kind comes later"
    assert told["fixed 1: 6 USD"] == "gives way: it is for more people"
    assert told["percent 1: 30 %"] == "gives way: what it names is wider"
    assert told["percent 1: 90 %"] == "is a discount that it is exempt from"
    assert told["exempt from category discounts"] == "frees it from discounts on category"
    assert told["fixed 1: 3 EUR"] == "is in EUR, the customer's terms are in USD"
    assert told["fixed 1: 4 USD"].startswith("ended on ")
    assert len(found.rules) == 10


def test_a_rule_that_is_dearer_than_a_smaller_quantity_says_so(people):
    fixed_price("6", tier=people.gold, variant=variant("PEN-01"), minimum_quantity=10)
    found = explain_price(people.alice, "PEN-01", quantity=20, at=None)
    assert found.unit == Decimal("1.75")
    assert ("fixed 10: 6 USD", "is dearer than a smaller quantity's price") in outcomes(found)


def test_without_a_rule_it_is_the_list_price_or_nothing(people):
    found = explain_price(people.bob, "PEN-01", quantity=1, at=None)
    assert (found.unit, found.because) == (
        Decimal("2.50"),
        "No rule gives a price, so it is the list price.",
    )
    terms_changed(people.bob, unpriced="not_sold")
    found = explain_price(people.bob, "PEN-01", quantity=1, at=None)
    assert (found.unit, found.because) == (
        None,
        "No rule gives a price, and the terms say: not sold without one.",
    )
    terms_changed(people.bob, currency="EUR")
    found = explain_price(people.bob, "PEN-01", quantity=1, at=None)
    assert found.because == "No rule gives a price, and there is no list price in EUR."


def test_what_is_not_there_has_no_price(people):
    with pytest.raises(NoSuchPrice, match="No variant carried NOPE"):
        explain_price(people.alice, "NOPE", quantity=1, at=None)
    with pytest.raises(NoSuchPrice, match="outside the customer's contract"):
        explain_price(people.dave, "PEN-01", quantity=1, at=None)
    with pytest.raises(NothingThen, match="Ask for a later time"):
        explain_price(people.alice, "PEN-01", quantity=1, at=now() - timedelta(days=9000))


def test_every_order_rule_is_told_with_what_decided(people):
    alice, mug = people.alice, people.mug
    orders = partial(versions.add, OrderRule, actor="ann")
    orders(minimum_quantity=6, step=6, maximum_quantity=60, customer=alice, product=mug)
    orders(minimum_quantity=2, product=mug)
    orders(minimum_quantity=3, customer=alice, product=mug, priority=-1)
    orders(minimum_quantity=4, customer=alice, variant=variant("MUG-11-BLK"), ends_at=now())
    found = explain_price(alice, "MUG-11-BLK", quantity=8, at=None).order
    assert found.because == (
        "It is sold from 6 pieces on in steps of 6 up to 60: 8 pieces is not in steps; 12 would do."
    )
    told = outcomes(found)
    assert told[:3] == [
        ("from 6 pieces on in steps of 6 up to 60", "decides"),
        ("from 3 pieces on", "gives way: its priority is lower"),
        ("from 2 pieces on", "gives way: it is for more people"),
    ]
    assert told[3][0] == "from 4 pieces on"
    assert told[3][1].startswith("ended on ")
    freely = explain_price(alice, "PEN-01", quantity=1, at=None).order
    assert (freely.because, freely.rules) == (
        "It is sold from 1 piece on: 1 piece would do.",
        [],
    )


def test_every_order_minimum_is_told_with_what_decided(people):
    minimum = partial(versions.add, OrderMinimum, actor="ann")
    minimum(minimum_value=Decimal(500), currency="USD", minimum_quantity=50, needs="any")
    minimum(minimum_quantity=10, tier=people.gold)
    minimum(minimum_value=Decimal(90), currency="EUR", customer=people.alice)
    found = explain_price(people.alice, "PEN-01", quantity=1, at=None).minimum
    assert found.because == "An order comes to at least 10 pieces."
    assert outcomes(found) == [
        ("at least 10 pieces", "decides"),
        ("at least 500 USD or 50 pieces", "gives way: it is for more people"),
        ("at least 90 EUR", "is in EUR, the customer's terms are in USD"),
    ]
    assert explain_price(people.bob, "PEN-01", quantity=1, at=None).minimum.because == (
        "An order comes to at least 500 USD or 50 pieces."
    )


def test_an_answer_given_between_a_stamp_and_its_commit_is_explained_by_its_revision(people):
    allow(customer=people.alice)
    body = client_of(people.alice).get("/v1/products").json()
    served = next(item for item in body["data"] if item["sku"] == "PEN-01")["price"]["unit"]
    fixed_price("0.01", customer=people.alice, variant=variant("PEN-01"))
    Revision.objects.filter(number__gt=body["revision"]).update(recorded_at=body["as_of"])
    later = explained("explain_price", people, "PEN-01", body["as_of"])
    exact = explained("explain_price", people, "PEN-01", body["as_of"], revision=body["revision"])
    assert (later["unit"], exact["unit"]) == ("0.01", served)
    assert explained("explain_visibility", people, "PEN-01", None, revision=1)["visible"] is False


@pytest.mark.parametrize(
    ("who", "sku", "visible", "because"),
    [
        ("alice", "PEN-01", True, "A rule allows it and none denies it."),
        ("bob", "PEN-01", False, "No rule allows it."),
        ("carol", "PEN-01", False, "No rule allows it."),
        ("dave", "PEN-01", False, "The time lies outside the customer's contract."),
        ("alice", "MUG-99", False, "It was not published."),
        ("alice", "NOPE", False, "No variant carried this SKU then."),
    ],
)
def test_why_a_sku_is_seen_or_not(people, who, sku, visible, because):
    found = explain_visibility(getattr(people, who), sku, at=None)
    assert (found.visible, found.because) == (visible, because)


def test_a_denial_overrules_and_a_window_is_told(people):
    deny(brand=people.inkwell)
    allow(customer=people.alice, brand=people.inkwell, starts_at=now() + timedelta(days=1))
    found = explain_visibility(people.alice, "PEN-01", at=None)
    assert (found.visible, found.because) == (False, "A rule denies it, and one is enough.")
    first, *rest = [(rule.says, rule.what, rule.outcome) for rule in found.rules]
    assert first == ("deny", "brand inkwell", "decides")
    assert ("allow", "everything", "overruled by a denial") in rest
    assert any(outcome.startswith("begins on") for _, _, outcome in rest)


def test_prices_of_100_random_moments_are_reproduced_afterwards(people, clock):
    """Rules, windows, list prices, SKUs and tiers move; what was served is written down, then asked for."""
    dice = Random(4711)  # noqa: S311 - repeatable, not secret
    client = client_of(people.alice)
    served, rules = [], []

    def add_rule() -> None:
        opens = dice.choice([None, now() + timedelta(seconds=dice.randrange(-9, 9))])
        says = dice.choice([{}, {"customer": people.alice}, {"tier": people.gold}])
        what = dice.choice([{}, {"brand": people.northcup}, {"product": people.mug}])
        amount = Decimal(dice.randrange(1, 900)) / 100
        says |= {"starts_at": opens, "priority": len(rules)} | what
        rules.append(fixed_price(str(amount), minimum_quantity=dice.choice([1, 1, 5]), **says))

    def order_in() -> None:
        least = dice.randrange(1, 9)
        says = {"minimum_quantity": least, "maximum_quantity": dice.choice([None, least * 9])}
        versions.add(OrderRule, actor="ann", step=least, priority=len(served), **says)

    def relist() -> None:
        price = Decimal(dice.randrange(100, 2000)) / 100
        held = a_variant("1", sku=dice.choice(["MUG-11-BLK", "MUG-NEW"]), list_price=price)
        mirrored(people.source, a_product("p1", held, code="MUG-11", brand=NORTHCUP))

    moves = [
        add_rule,
        add_rule,
        order_in,
        relist,
        lambda: rules and withdrawn(rules.pop(dice.randrange(len(rules)))),
        lambda: terms_changed(people.alice, tier=dice.choice([None, people.gold])),
        lambda: deny(customer=people.alice, brand=people.inkwell, starts_at=now()),
    ]
    allow(customer=people.alice)
    for _ in range(100):
        dice.choice(moves)()
        clock.move(timedelta(seconds=dice.randrange(1, 5)))
        body = client.get("/v1/products").json()
        served.append(
            (body["as_of"], {each["sku"]: each["price"] | each["order"] for each in body["data"]})
        )
    assert len({json.dumps(prices) for _, prices in served}) > 40
    compared = 0
    for at, prices in served:
        for sku in ("MUG-11-BLK", "MUG-NEW", "PEN-01"):
            visible = explained("explain_visibility", people, sku, at)["visible"]
            assert visible == (sku in prices)
            if not visible:
                continue
            for quantity in (1, 5):
                found = explained("explain_price", people, sku, at, quantity=quantity)
                reached = [b for b in prices[sku]["breaks"] if b["minimum_quantity"] <= quantity]
                assert found["unit"] == (reached[-1]["unit"] if reached else None)
                for name in OrderTerms._fields:
                    assert found["order"][name] == prices[sku][name]
                compared += 1
    assert compared > 200
    assert PriceRule.objects.count() > 20


def explained(name: str, people, sku: str, at: str | None, **options) -> dict:
    out = StringIO()
    call_command(name, customer="alice", sku=sku, at=at, json=True, stdout=out, **options)
    return json.loads(out.getvalue())


def test_a_terminal_is_told_in_a_sentence_and_a_table(people):
    out = StringIO()
    call_command("explain_price", customer="bob", sku="MUG-11-BLK", quantity=3, stdout=out)
    heading, columns, rule = out.getvalue().splitlines()[:3]
    assert heading.startswith(
        "MUG-11-BLK costs 9.99 USD a piece for bob at 3 pieces, list price 10"
    )
    assert columns.split() == ["rule", "says", "who", "what", "starts_at", "ends_at", "outcome"]
    assert "product MUG-11" in rule
    assert rule.rstrip().endswith("decides")
    out = StringIO()
    call_command("explain_visibility", customer="carol", sku="PEN-01", stdout=out)
    assert out.getvalue().startswith("carol does not see PEN-01 (")
    assert out.getvalue().rstrip().endswith("No rule covers it.")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"customer": "alicia"}, "There is no customer alicia. Did you mean alice?"),
        ({"customer": "zoe"}, "There is no customer zoe."),
        ({"at": "yesterday"}, "Write it with its offset"),
        ({"at": "2026-03-03T12:00:00"}, "Write it with its offset"),
        ({"at": "1999-03-03T12:00:00+00:00"}, "Ask for a later time"),
        ({"revision": 10**20}, "There is no revision 100000000000000000000"),
        ({"quantity": 0}, "1 or more"),
        ({"sku": "NOPE"}, "No variant carried NOPE then"),
    ],
)
def test_a_wrong_question_is_one_line_and_an_exit_code(people, options, told):
    with pytest.raises(CommandError, match=told) as refused:
        call_command("explain_price", **{"customer": "alice", "sku": "PEN-01"} | options)
    assert refused.value.returncode == 2
