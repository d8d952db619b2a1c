"""A kept price list quotes what the pure functions come to, whatever was quoted before."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from catalog_mirror.states import State
from customers.rulebook import Rulebook
from customers.visibility import Terms
from pricing import price_lists
from pricing.offers import PriceVersion, offer_of, quote
from pricing.price_lists import PriceList

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


@st.composite
def rules(draw: st.DrawFn) -> list[PriceVersion]:
    drawn = []
    for number in range(draw(st.integers(0, 5))):
        fixed = draw(st.booleans())
        drawn.append(
            PriceVersion(
                1,
                None,
                number,
                *draw(st.sampled_from([(None, None), (7, None), (None, 3), (None, 4)])),
                draw(subjects),
                draw(st.sampled_from(EDGES)),
                draw(st.sampled_from(EDGES)),
                "fixed" if fixed else "percent",
                None if fixed else draw(st.sampled_from([Decimal(10), Decimal("33.3")])),
                draw(st.sampled_from([Decimal("1.50"), Decimal(9)])) if fixed else None,
                draw(st.sampled_from(["USD", "EUR"])),
                draw(st.integers(0, 1)),
                "",
            )
        )
    return drawn


@given(
    rules(),
    st.lists(states, min_size=1, max_size=8),
    st.sampled_from(["USD", "EUR"]),
    st.sampled_from(["list_price", "not_sold"]),
)
def test_it_quotes_what_the_rules_say(drawn, asked, currency, unpriced):
    terms = Terms(0, None, "active", None, None, 3, currency, unpriced)
    kept = PriceList(terms, Rulebook(drawn), NOON)
    for state in asked:
        covering = Rulebook(drawn).covering(state)
        assert kept.quote(state) == quote(state, terms, covering, NOON)
        offer_of(kept.quote(state))


def test_it_is_current_until_the_next_window_opens_or_closes():
    terms = Terms(0, None, "active", None, None, 3, "USD", "list_price")
    edge = NOON + timedelta(hours=1)
    rule = PriceVersion(
        1, None, 1, None, None, ("all", 0), None, edge, "percent", Decimal(10), None, "USD", 0, ""
    )
    kept = PriceList(terms, Rulebook([rule]), NOON)
    assert kept.is_current(NOON)
    assert kept.is_current(edge - timedelta(microseconds=1))
    assert not kept.is_current(edge)
    assert not kept.is_current(NOON - timedelta(microseconds=1))


def test_it_keeps_no_more_than_its_bound(monkeypatch):
    monkeypatch.setattr(price_lists, "MOST_CONTESTS", 2)
    terms = Terms(0, None, "active", None, None, 3, "USD", "list_price")
    kept = PriceList(terms, Rulebook([]), NOON)
    for product in range(5):
        state = State(
            1, 0, None, "A", True, 1, None, product, (), (), Decimal(1), "USD", False
        )  # fmt: skip
        kept.quote(state)
    assert len(kept._contests) <= 2
