"""The published table of precedence, and the arithmetic of prices."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from pricing.amounts import at_decimals, decimals_of
from pricing.offers import Offer, Rung, sale
from pricing.rule_versions import AnyVersion, PriceVersion, Step
from tests.customers.test_visibility import AT, SECOND, a_state, terms

SUBJECTS = {
    "variant": ("variant", 5),
    "product": ("product", 4),
    "deep": ("category", 31),
    "shallow": ("category", 30),
    "brand": ("brand", 2),
    "source": ("source", 1),
    "all": ("all", 0),
}
WHO = {
    "customer": {"customer_id": 9, "tier_id": None},
    "tier": {"customer_id": None, "tier_id": 7},
    "everyone": {"customer_id": None, "tier_id": None},
    "other tier": {"customer_id": None, "tier_id": 8},
}


def a_rule(prices: str, who: str = "everyone", what: str = "all", **says) -> PriceVersion:
    """Return a rule: "25%" is a percentage off, "7.50" a fixed price, "9 10:8 50:7" a ladder."""
    steps = []
    for each in prices.split():
        quantity, _, price = each.rpartition(":")
        steps.append(Step(int(quantity or 1), Decimal(price.rstrip("%")), says.pop("name", "")))
    return PriceVersion(
        from_revision=1,
        until_revision=None,
        subject=SUBJECTS[what],
        steps=tuple(steps),
        **WHO[who],
        **{
            "id": 1,
            "starts_at": None,
            "ends_at": None,
            "kind": "percent" if prices.endswith("%") else "fixed",
            "currency": "USD",
            "priority": 0,
        }
        | says,
    )


def exempt(what: str, since: str = "general", who: str = "everyone", **says) -> PriceVersion:
    """Return an exemption from category or general discounts."""
    return replace(a_rule("", who, what, **says), kind="exempt", currency="", exempt_from=since)


def offer(state, said, rules: list[AnyVersion], at) -> Offer:
    return sale(state, said, rules, at).offer


def ladder(rules, list_price: str | None = "10", **says) -> str:
    """Return the breaks as they are told, "1:10.00 10:8.00"."""
    rungs = offered(rules, list_price, **says).rungs
    return " ".join(f"{rung.minimum_quantity}:{rung.unit}" for rung in rungs)


def offered(rules, list_price: str | None, **says) -> Offer:
    listed = None if list_price is None else Decimal(list_price)
    said = terms(**{k: v for k, v in says.items() if k in ("currency", "unpriced", "tier_id")})
    state = a_state(list_price=listed, currency=says.get("source_currency", "USD"))
    return offer(state, said, rules, AT)


def unit(rules, list_price: str | None = "10", **says) -> str | None:
    price = offered(rules, list_price, **says).unit
    return None if price is None else str(price)


@dataclass
class Row:
    """One line of the table: the rules, which are told in any order, and the price that results."""

    why: str
    rules: list[PriceVersion]
    result: str | None
    says: dict = field(default_factory=dict)


TABLE = [
    # The awkward ones first.
    Row(
        "a tier's live rule follows a customer's expired one",
        [a_rule("5", "customer", ends_at=AT), a_rule("20%", "tier")],
        "8.00",
    ),
    Row(
        "an expired rule on the variant gives way to one on everything",
        [a_rule("5", what="variant", ends_at=AT), a_rule("20%")],
        "8.00",
    ),
    Row("fixed over percent, though dearer", [a_rule("9.50"), a_rule("50%", priority=9)], "9.50"),
    Row(
        "a contract price over a fixed one, though dearer",
        [a_rule("9.50", "customer", kind="contract"), a_rule("1", "customer", priority=9)],
        "9.50",
    ),
    Row(
        "a contract price on a brand gives way to a fixed price on the variant",
        [a_rule("5", "customer", "brand", kind="contract"), a_rule("9", "everyone", "variant")],
        "9.00",
    ),
    Row(
        "of nested categories the deepest, though dearer",
        [a_rule("5%", what="deep"), a_rule("50%", what="shallow")],
        "9.50",
    ),
    Row("exempt from general: not off everything", [a_rule("50%"), exempt("variant")], "10.00"),
    Row(
        "exempt from general: not off the brand",
        [a_rule("50%", what="brand"), exempt("product")],
        "10.00",
    ),
    Row(
        "exempt from general: not off the source",
        [a_rule("50%", what="source"), exempt("product")],
        "10.00",
    ),
    Row(
        "exempt from general: still off the category",
        [a_rule("50%", what="deep"), exempt("variant")],
        "5.00",
    ),
    Row(
        "exempt from category: not off the category",
        [a_rule("50%", what="deep"), exempt("variant", "category")],
        "10.00",
    ),
    Row(
        "exempt from category: the general discount follows",
        [a_rule("50%", what="deep"), a_rule("10%"), exempt("variant", "category")],
        "9.00",
    ),
    Row(
        "exempt from both",
        [
            a_rule("50%", what="deep"),
            a_rule("10%"),
            exempt("variant", "category"),
            exempt("variant"),
        ],
        "10.00",
    ),
    Row("a fixed price is no discount", [a_rule("5"), exempt("variant")], "5.00"),
    Row(
        "a discount on the product itself is neither",
        [a_rule("50%", what="product"), exempt("variant"), exempt("variant", "category")],
        "5.00",
    ),
    Row("an exemption that has ended", [a_rule("50%"), exempt("variant", ends_at=AT)], "5.00"),
    Row(
        "an exemption of another tier",
        [a_rule("50%"), exempt("variant", who="other tier")],
        "5.00",
    ),
    Row(
        "an exemption counts in any currency",
        [a_rule("50%", currency="EUR"), exempt("variant")],
        "10.00",
        {"currency": "EUR", "source_currency": "EUR"},
    ),
    Row("below the first rung: the next rule", [a_rule("10:5", "customer"), a_rule("20%")], "8.00"),
    Row("below the first rung: the list price", [a_rule("10:5", "customer")], "10.00"),
    Row(
        "below the first rung and not sold: no price of one",
        [a_rule("10:5", "customer")],
        None,
        {"unpriced": "not_sold"},
    ),
    Row("half a cent", [a_rule("50%")], "0.03", {"list_price": "0.05"}),
    Row("three decimals", [a_rule("10%")], "1.112", {"list_price": "1.235"}),
    Row("four decimals", [a_rule("33.3333%")], "0.8231", {"list_price": "1.2346"}),
    Row("a price of 0 is a price", [a_rule("0", what="variant"), a_rule("5%")], "0.00"),
    Row(
        "another currency's contract price is no price",
        [a_rule("1", "customer", "variant", kind="contract", currency="EUR"), a_rule("10%")],
        "9.00",
    ),
    Row("no rule: the list price", [], "10.00"),
    Row("no rule, not sold", [], None, {"unpriced": "not_sold"}),
    Row("no rule, no list price", [], None, {"list_price": None}),
    Row("a percentage off the list price", [a_rule("25%")], "7.50"),
    Row("a fixed price", [a_rule("7.77")], "7.77"),
    Row("a fixed price needs no list price", [a_rule("7.77")], "7.77", {"list_price": None}),
    Row("a percentage of no list price is none", [a_rule("25%")], None, {"list_price": None}),
    Row(
        "then the next rule applies",
        [a_rule("25%", what="variant"), a_rule("7")],
        "7.00",
        {"list_price": None},
    ),
    Row("a rule sells what is else not sold", [a_rule("25%")], "7.50", {"unpriced": "not_sold"}),
    Row("a fixed price above the list price stands", [a_rule("12")], "12.00"),
    Row(
        "variant before product", [a_rule("9", what="variant"), a_rule("1", what="product")], "9.00"
    ),
    Row("product before category", [a_rule("9", what="product"), a_rule("1", what="deep")], "9.00"),
    Row("deeper before shallower", [a_rule("9", what="deep"), a_rule("1", what="shallow")], "9.00"),
    Row("category before brand", [a_rule("9", what="shallow"), a_rule("1", what="brand")], "9.00"),
    Row("brand before source", [a_rule("9", what="brand"), a_rule("1", what="source")], "9.00"),
    Row("source before all", [a_rule("9", what="source"), a_rule("1", what="all")], "9.00"),
    Row(
        "what before who",
        [a_rule("9", "everyone", "variant"), a_rule("1", "customer", "product")],
        "9.00",
    ),
    Row(
        "depth before who",
        [a_rule("9", "everyone", "deep"), a_rule("1", "customer", "shallow")],
        "9.00",
    ),
    Row("customer before tier", [a_rule("9", "customer"), a_rule("1", "tier")], "9.00"),
    Row("tier before everyone", [a_rule("9", "tier"), a_rule("1", "everyone")], "9.00"),
    Row("who before kind", [a_rule("10%", "customer"), a_rule("1", "tier")], "9.00"),
    Row("fixed before percent", [a_rule("9"), a_rule("99%")], "9.00"),
    Row("kind before priority", [a_rule("9"), a_rule("99%", priority=5)], "9.00"),
    Row("the higher priority", [a_rule("9", priority=1), a_rule("1", priority=0)], "9.00"),
    Row("a negative priority comes last", [a_rule("9"), a_rule("1", priority=-1)], "9.00"),
    Row("priority before price", [a_rule("10%", priority=1), a_rule("50%")], "9.00"),
    Row("the lower price", [a_rule("9"), a_rule("8")], "8.00"),
    Row("the larger percentage is the lower price", [a_rule("10%"), a_rule("20%")], "8.00"),
    Row("another tier's rule does not reach", [a_rule("1", "other tier", "variant")], "10.00"),
    Row("no tier, no tier's rule", [a_rule("1", "tier")], "10.00", {"tier_id": None}),
    Row("a window to come", [a_rule("1", starts_at=AT + SECOND)], "10.00"),
    Row("a window from now on", [a_rule("1", starts_at=AT)], "1.00"),
    Row("a window until now", [a_rule("1", ends_at=AT)], "10.00"),
    Row("another currency's rule is no rule", [a_rule("1", currency="EUR")], "10.00"),
    Row("no silent exchange", [a_rule("25%", currency="EUR")], None, {"currency": "EUR"}),
    Row(
        "a fixed price in one's own currency",
        [a_rule("8.50", currency="EUR")],
        "8.50",
        {"currency": "EUR"},
    ),
    Row("nothing stacks", [a_rule("10%", what="brand"), a_rule("10%", what="all")], "9.00"),
    Row("all of it off", [a_rule("100%")], "0.00"),
    Row("a fixed price of nothing", [a_rule("0")], "0.00"),
    Row("a list price of nothing", [a_rule("25%")], "0.00", {"list_price": "0"}),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.why)
@pytest.mark.parametrize("order", [1, -1])
def test_one_rule_wins(row, order):
    assert unit(row.rules[::order], **row.says) == row.result


@dataclass
class Ladder:
    """Rules, and the breaks that they come to together."""

    why: str
    rules: list[PriceVersion]
    result: str
    says: dict = field(default_factory=dict)


LADDERS = [
    Ladder("one price", [a_rule("9")], "1:9.00"),
    Ladder("a ladder of prices", [a_rule("9 10:8 50:7")], "1:9.00 10:8.00 50:7.00"),
    Ladder("a ladder of percentages", [a_rule("10% 10:20% 50:30%")], "1:9.00 10:8.00 50:7.00"),
    Ladder(
        "below the first rung, the list price", [a_rule("10:8 50:7")], "1:10.00 10:8.00 50:7.00"
    ),
    Ladder(
        "below the first rung, the next rule and its breaks",
        [a_rule("50:6", "customer"), a_rule("9 20:8 60:5", "tier")],
        "1:9.00 20:8.00 50:6.00",
    ),
    Ladder(
        "three rules, one below the other",
        [a_rule("50:6", "customer"), a_rule("20:8", "tier"), a_rule("9")],
        "1:9.00 20:8.00 50:6.00",
    ),
    Ladder(
        "a rung dearer than a smaller quantity's takes the lower price",
        [a_rule("10:9", "customer"), a_rule("7", "tier")],
        "1:7.00",
    ),
    Ladder(
        "only the dearer rungs do",
        [a_rule("10:9 50:6", "customer"), a_rule("7", "tier")],
        "1:7.00 50:6.00",
    ),
    Ladder("a rung that saves nothing is not told", [a_rule("9 10:9 50:8")], "1:9.00 50:8.00"),
    Ladder(
        "not sold below the first rung",
        [a_rule("10:8 50:7")],
        "10:8.00 50:7.00",
        {"unpriced": "not_sold"},
    ),
    Ladder("no list price", [a_rule("10:8")], "10:8.00", {"list_price": None}),
    Ladder("percentages of no list price", [a_rule("1:10% 10:20%")], "", {"list_price": None}),
    Ladder(
        "of equal rules the lower price at each quantity",
        [a_rule("9 10:8", id=1), a_rule("9.50 10:7", id=2)],
        "1:9.00 10:7.00",
    ),
    Ladder(
        "a break at half a cent", [a_rule("0% 10:50%")], "1:0.05 10:0.03", {"list_price": "0.05"}
    ),
    Ladder("a break at nothing", [a_rule("9 10:0")], "1:9.00 10:0.00"),
    Ladder("exempt, the whole ladder", [a_rule("10% 10:20%"), exempt("variant")], "1:10.00"),
]


@pytest.mark.parametrize("row", LADDERS, ids=lambda row: row.why)
@pytest.mark.parametrize("order", [1, -1])
def test_breaks_come_from_the_rules_that_reach_them(row, order):
    assert ladder(row.rules[::order], **row.says) == row.result


def test_the_table_is_as_long_as_was_promised():
    assert len(TABLE) + len(LADDERS) >= 60


def test_each_break_carries_its_own_basis():
    rules = [a_rule("50:6", "customer", "brand", name="Pallet"), a_rule("10%", "tier")]
    rungs = offered(rules, "10").rungs
    told = [(rung.minimum_quantity, rung.name, rung.who, rung.what, rung.kind) for rung in rungs]
    assert told == [(1, "", "tier", "all", "percent"), (50, "Pallet", "customer", "brand", "fixed")]


def test_of_equal_rules_the_lower_id_wins():
    """Both give the same price; the basis tells which one it was."""
    rules = [a_rule("9", id=8, name="later"), a_rule("9", id=7, name="earlier")]
    price = offer(a_state(list_price=Decimal(10)), terms(), rules, AT)
    assert [rung.name for rung in price.rungs] == ["earlier"]


@pytest.mark.parametrize(
    ("list_price", "percent", "result"),
    [
        ("0.05", "50%", "0.03"),
        ("0.15", "50%", "0.08"),
        ("2.50", "1%", "2.48"),
        ("10.01", "50%", "5.01"),
        ("10.03", "50%", "5.02"),
        ("14.99", "30%", "10.49"),
        ("0.01", "50%", "0.01"),
        ("0.01", "51%", "0.00"),
        ("10", "33.3333%", "6.67"),
        ("1.005", "50%", "0.503"),
        ("0.001", "50%", "0.001"),
        ("0.0505", "50%", "0.0253"),
        ("0.0001", "50%", "0.0001"),
        ("999999999999.9999", "50%", "500000000000.0000"),
        ("10.5000", "0%", "10.50"),
    ],
)
def test_rounding_is_once_and_half_up_to_the_price_s_own_decimals(list_price, percent, result):
    assert unit([a_rule(percent)], list_price) == result


@pytest.mark.parametrize(
    ("price", "currency", "decimals"),
    [
        ("10", "USD", 2),
        ("10.5", "USD", 2),
        ("10.123", "USD", 3),
        ("10.1230", "USD", 3),
        ("10.1234", "USD", 4),
        ("1000", "JPY", 0),
        ("1000.50", "JPY", 1),
        ("1", "KWD", 3),
        ("1.1234", "KWD", 4),
        ("0", "USD", 2),
        ("1E+3", "USD", 2),
        ("1E+3", "JPY", 0),
    ],
)
def test_a_price_is_stated_with_its_own_decimals_and_no_fewer_than_its_currency_has(
    price, currency, decimals
):
    assert decimals_of(Decimal(price), currency) == decimals


def test_yen_have_no_decimals():
    said = {"currency": "JPY", "source_currency": "JPY"}
    assert unit([a_rule("15%", currency="JPY")], "1001", **said) == "851"
    assert unit([], "1001.0000", **said) == "1001"


def test_half_a_cent_rounds_away_from_zero():
    assert str(at_decimals(Decimal("0.005"), 2)) == "0.01"
    assert str(at_decimals(Decimal("0.0049999"), 2)) == "0.00"


@pytest.mark.parametrize(
    ("rule", "rung"),
    [
        (
            a_rule("30%", "tier", "brand"),
            Rung(1, Decimal("10.49"), Decimal("30.02"), "", "tier", "brand", "percent"),
        ),
        (
            a_rule("20", "customer", "deep", name="Net"),
            Rung(1, Decimal("20.00"), Decimal("-33.42"), "Net", "customer", "category", "fixed"),
        ),
        (None, Rung(1, Decimal("14.99"), Decimal("0.00"), "", "everyone", "all", "list")),
    ],
)
def test_a_price_carries_its_basis(rule, rung):
    state = a_state(list_price=Decimal("14.9900"))
    assert offer(state, terms(), [rule] if rule else [], AT).rungs == (rung,)


@pytest.mark.parametrize("listed", [None, Decimal(0)])
def test_a_discount_off_nothing_is_not_told(listed):
    price = offer(a_state(list_price=listed), terms(), [a_rule("5")], AT)
    assert price.rungs[0].discount_percentage is None


def test_the_list_price_is_told_in_one_s_own_currency_only():
    state = a_state(list_price=Decimal("10.0000"), tax_included=True)
    price = offer(state, terms(), [], AT)
    assert (price.list_price, price.tax_included, price.currency) == (Decimal("10.00"), True, "USD")
    price = offer(state, terms(currency="EUR"), [], AT)
    assert (price.list_price, price.unit, price.currency) == (None, None, "EUR")


def test_the_next_change_is_the_next_boundary_of_any_rule_that_may_apply():
    hour = timedelta(hours=1)
    rules = [
        a_rule("9", starts_at=AT - hour, ends_at=AT + 3 * hour),
        a_rule("8", starts_at=AT + 2 * hour),
        a_rule("7", "other tier", starts_at=AT + hour),
        a_rule("6", currency="EUR", starts_at=AT + hour),
    ]
    assert offer(a_state(), terms(), rules, AT).next_change_at == AT + 2 * hour
    assert offer(a_state(), terms(), rules, AT + 2 * hour).next_change_at == AT + 3 * hour
    assert offer(a_state(), terms(), rules, AT + 3 * hour).next_change_at is None
