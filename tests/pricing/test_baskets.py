"""Lines bought together: what is counted together, what is refused, what is short."""

from decimal import Decimal

import pytest

from customers.rulebook import Rulebook
from pricing.baskets import Line, basket
from pricing.order_minimums import OrderMinimumVersion, order_minimum, shortfall
from pricing.order_terms import FREELY, OrderTerms, order_terms, problem_of
from pricing.price_lists import PriceList
from pricing.rule_versions import OrderVersion
from tests.customers.test_visibility import AT, a_state, terms
from tests.pricing.test_offers import SUBJECTS, WHO, a_rule

MUG_BLACK = a_state(variant_id=5, sku="MUG-BLK", product_id=4, list_price=Decimal(10))
MUG_WHITE = a_state(variant_id=6, sku="MUG-WHT", product_id=4, list_price=Decimal(10))
PEN = a_state(
    variant_id=7, sku="PEN", product_id=9, list_price=Decimal(2), category_ids=(), depths=()
)
CUP = a_state(variant_id=8, sku="CUP", product_id=10, list_price=Decimal(10))


def bought(rules, *lines, minimum=None):
    """Return the basket of (state, quantity) pairs; a text instead of a state is an unknown SKU."""
    prices = PriceList(terms(), Rulebook(rules), AT, tell=lambda _: b"")
    asked = [
        Line(state, quantity, None) if isinstance(state, str) else Line(state.sku, quantity, state)
        for state, quantity in lines
    ]
    return basket(asked, prices, minimum)


def units(made) -> list[str | None]:
    return [str(p.rung.unit) if p and p.rung else None for _, p in made.lines]


def an_order_rule(minimum=1, step=1, maximum=None, who="everyone", what="all", **says):
    return OrderVersion(
        from_revision=1,
        until_revision=None,
        subject=SUBJECTS[what],
        minimum_quantity=minimum,
        step=step,
        maximum_quantity=maximum,
        **WHO[who],
        **{"id": 1, "starts_at": None, "ends_at": None, "priority": 0} | says,
    )


def a_minimum(value=None, quantity=None, needs="all", who="everyone", **says):
    return OrderMinimumVersion(
        from_revision=1,
        until_revision=None,
        subject=("all", 0),
        minimum_value=None if value is None else Decimal(value),
        minimum_quantity=quantity,
        needs=needs,
        **WHO[who],
        **{
            "id": 1,
            "starts_at": None,
            "ends_at": None,
            "priority": 0,
            "currency": "" if value is None else "USD",
        }
        | says,
    )


def test_each_variant_is_counted_by_itself():
    rules = [a_rule("9 10:8")]
    assert units(bought(rules, (MUG_BLACK, 9), (MUG_WHITE, 10))) == ["9.00", "8.00"]


def test_lines_of_one_sku_are_counted_together():
    assert units(bought([a_rule("9 10:8")], (MUG_BLACK, 4), (MUG_BLACK, 6))) == ["8.00", "8.00"]


def test_a_rule_may_count_a_product_together():
    rules = [a_rule("9 10:8", counted_per="product")]
    made = bought(rules, (MUG_BLACK, 4), (MUG_WHITE, 6), (PEN, 10), (CUP, 9))
    assert units(made) == ["8.00", "8.00", "8.00", "9.00"]


def test_a_rule_may_count_its_category_together():
    rules = [a_rule("9 20:8", what="shallow", counted_per="category"), a_rule("1.50")]
    made = bought(rules, (MUG_BLACK, 8), (CUP, 12), (PEN, 50))
    assert units(made) == ["8.00", "8.00", "1.50"]


def test_together_is_never_dearer_than_alone():
    """Together a line reaches a rule of a higher rank that costs more; it keeps its own break."""
    rules = [
        a_rule("10:9", "customer", counted_per="product"),
        a_rule("9.50 5:7", "tier"),
    ]
    made = bought(rules, (MUG_BLACK, 6), (MUG_WHITE, 4))
    assert units(made) == ["7.00", "9.00"]


def test_more_pieces_together_never_raise_the_price():
    """Above 50 a rule of a higher rank costs more; what 10 together cost is still good."""
    rules = [
        a_rule("50:9", "customer", "product", counted_per="product"),
        a_rule("10:8", what="brand", counted_per="product"),
    ]
    for quantity in (5, 9, 200):
        assert units(bought(rules, (MUG_BLACK, quantity), (MUG_WHITE, 50))) == ["8.00", "8.00"]


def test_an_unknown_sku_is_a_line_without_a_price():
    made = bought([], ("NOPE", 3), (PEN, 2))
    assert made.lines[0][1] is None
    assert (made.is_ok, made.value, made.quantity) == (False, Decimal("4.00"), 2)


@pytest.mark.parametrize(
    ("quantity", "problem"),
    [
        (1, ("below_minimum", 6)),
        (6, None),
        (7, ("not_in_steps", 9)),
        (12, None),
        (13, ("above_maximum", 12)),
        (11, ("not_in_steps", 12)),
    ],
)
def test_a_quantity_that_cannot_be_ordered_names_the_nearest(quantity, problem):
    assert problem_of(OrderTerms(6, 3, 12), quantity) == problem
    made = bought([an_order_rule(6, 3, 12)], (PEN, quantity))
    assert made.is_ok == (problem is None)
    assert made.quantity == (0 if problem else quantity)


def test_the_minimum_counts_all_lines_of_a_sku():
    made = bought([an_order_rule(6)], (PEN, 3), (PEN, 3))
    assert made.is_ok


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], FREELY),
        ([an_order_rule(6), an_order_rule(12, what="variant")], (12, 1, None)),
        ([an_order_rule(6, what="deep"), an_order_rule(12, what="shallow")], (6, 1, None)),
        ([an_order_rule(6, who="tier"), an_order_rule(12, who="customer")], (12, 1, None)),
        ([an_order_rule(6, priority=1), an_order_rule(12)], (6, 1, None)),
        ([an_order_rule(6, id=2), an_order_rule(12, id=1)], (12, 1, None)),
        ([an_order_rule(6, 6), an_order_rule(1, 1, 10, priority=-1)], (6, 6, None)),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_one_order_rule_wins_whole(rules, expected, order):
    assert order_terms(MUG_BLACK, rules[::order]) == expected


@pytest.mark.parametrize(
    ("minimum", "value", "quantity", "short"),
    [
        (None, "0", 0, None),
        (a_minimum("100"), "99.99", 500, (Decimal("0.01"), None)),
        (a_minimum("100"), "100", 0, None),
        (a_minimum(quantity=50), "0", 49, (None, 1)),
        (a_minimum("100", 50), "100", 49, (None, 1)),
        (a_minimum("100", 50), "99", 50, (Decimal(1), None)),
        (a_minimum("100", 50), "99", 49, (Decimal(1), 1)),
        (a_minimum("100", 50), "100", 50, None),
        (a_minimum("100", 50, "any"), "100", 0, None),
        (a_minimum("100", 50, "any"), "0", 50, None),
        (a_minimum("100", 50, "any"), "99", 49, (Decimal(1), 1)),
        (a_minimum("100", needs="any"), "99", 49, (Decimal(1), None)),
    ],
)
def test_a_minimum_is_by_value_or_quantity_one_or_both(minimum, value, quantity, short):
    lacks = shortfall(minimum, value=Decimal(value), quantity=quantity)
    assert (lacks and (lacks.value, lacks.quantity)) == short


def test_one_minimum_wins():
    everyone, tier, mine = (
        a_minimum("1"),
        a_minimum("2", who="tier"),
        a_minimum("3", who="customer"),
    )
    euros = a_minimum("4", who="customer", currency="EUR", priority=9)
    ended = a_minimum("5", who="customer", ends_at=AT, priority=9)
    assert order_minimum(terms(), [everyone, tier, mine, euros, ended], AT) is mine
    assert order_minimum(terms(), [everyone, tier], AT) is tier
    assert order_minimum(terms(tier_id=None), [everyone, tier], AT) is everyone
    assert order_minimum(terms(), [a_minimum("2", who="other tier")], AT) is None


def test_a_basket_below_its_minimum_is_not_ok_and_says_what_it_lacks():
    made = bought([], (PEN, 10), minimum=a_minimum("25", 12))
    assert (made.is_ok, made.shortfall.value, made.shortfall.quantity) == (
        False,
        Decimal("5.00"),
        2,
    )
    assert bought([], (PEN, 13), minimum=a_minimum("25", 12)).is_ok
