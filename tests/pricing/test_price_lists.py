"""A kept price list quotes what the pure functions come to, whatever was quoted before."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from catalog_mirror.states import State
from customers.rulebook import Rulebook
from customers.visibility import Terms
from pricing import price_lists
from pricing.offers import Sale, sale
from pricing.price_lists import PriceList
from pricing.rule_versions import AnyVersion, OrderVersion, PriceVersion, Step

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
EDGES = [None, NOON - timedelta(hours=1), NOON, NOON + timedelta(hours=1)]

states = st.builds(
    State,
    variant_id=st.integers(1, 4),
    from_revision=st.just(0),
    until_revision=st.none(),
    sku=st.just("A"),
    is_published=st.just(True),
    source_id=st.integers(1, 2),
    brand_id=st.sampled_from([None, 1, 2]),
    product_id=st.integers(1, 2),
    category_ids=st.sampled_from([(), (1,), (1, 2)]),
    depths=st.just((0, 1)),
    list_price=st.sampled_from([None, Decimal("10.00"), Decimal("3.33")]),
    currency=st.sampled_from(["USD", "EUR"]),
    tax_included=st.booleans(),
)
named = ["source", "brand", "category", "product", "variant"]
subjects = st.one_of(st.just(("all", 0)), st.tuples(st.sampled_from(named), st.integers(1, 2)))


LADDERS = {
    "percent": [(1, "10"), (1, "33.3", 10, "40"), (5, "50")],
    "fixed": [(1, "1.50"), (1, "9", 10, "8.5"), (10, "2")],
    "contract": [(1, "1.75"), (3, "1")],
}


def steps(*given: object) -> tuple[Step, ...]:
    pairs = zip(given[::2], given[1::2], strict=True)
    return tuple(Step(quantity, Decimal(value), "") for quantity, value in pairs)


@st.composite
def rules(draw: st.DrawFn) -> list[AnyVersion]:
    drawn: list[AnyVersion] = []
    for number in range(draw(st.integers(0, 6))):
        who_what_when = (
            1,
            None,
            number,
            *draw(st.sampled_from([(None, None), (7, None), (None, 3), (None, 4)])),
            draw(subjects),
            draw(st.sampled_from(EDGES)),
            draw(st.sampled_from(EDGES)),
        )
        kind = draw(st.sampled_from([*LADDERS, "exempt", "order"]))
        priority = draw(st.integers(0, 1))
        if kind == "order":
            drawn.append(OrderVersion(*who_what_when, priority, 2, 2, None))
        elif kind == "exempt":
            since = draw(st.sampled_from(["category", "general"]))
            drawn.append(PriceVersion(*who_what_when, kind, "", priority, (), "variant", since))
        else:
            currency = draw(st.sampled_from(["USD", "EUR"]))
            chosen = steps(*draw(st.sampled_from(LADDERS[kind])))
            drawn.append(PriceVersion(*who_what_when, kind, currency, priority, chosen))
    return drawn


def tell(each: Sale) -> bytes:
    return repr(each).encode()


@given(
    rules(),
    st.lists(states, min_size=1, max_size=8),
    st.sampled_from(["USD", "EUR"]),
    st.sampled_from(["list_price", "not_sold"]),
)
def test_it_quotes_what_the_rules_say(drawn, asked, currency, unpriced):
    terms = Terms(0, None, "active", None, None, 3, currency, unpriced)
    kept = PriceList(terms, Rulebook(drawn), NOON, tell=tell)
    for state in asked:
        covering = Rulebook(drawn).covering(state)
        expected = sale(state, terms, covering, NOON)
        told = kept.told(state)
        assert (told.sale, told.words) == (expected, tell(expected))


def test_it_is_current_until_the_next_window_opens_or_closes():
    terms = Terms(0, None, "active", None, None, 3, "USD", "list_price")
    edge = NOON + timedelta(hours=1)
    rule = PriceVersion(
        1, None, 1, None, None, ("all", 0), None, edge, "percent", "USD", 0, steps(1, "10")
    )
    kept = PriceList(terms, Rulebook([rule]), NOON, tell=tell)
    assert kept.is_current(NOON)
    assert kept.is_current(edge - timedelta(microseconds=1))
    assert not kept.is_current(edge)
    assert not kept.is_current(NOON - timedelta(microseconds=1))


def test_it_keeps_no_more_than_its_bound(monkeypatch):
    monkeypatch.setattr(price_lists, "MOST_CONTESTS", 2)
    terms = Terms(0, None, "active", None, None, 3, "USD", "list_price")
    kept = PriceList(terms, Rulebook([]), NOON, tell=tell)
    for product in range(5):
        state = State(
            1, 0, None, "A", True, 1, None, product, (), (), Decimal(1), "USD", False
        )  # fmt: skip
        kept.told(state)
    assert len(kept._contests) <= 2
    assert len(kept._sales) <= 2
