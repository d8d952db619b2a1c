"""Several lines bought together: quantities counted as the rules say, prices, what is short; pure."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from catalog_mirror.states import State
from customers.visibility import Terms
from pricing.offers import Contest, Rung, Sale, listed_for, rung, winner
from pricing.order_minimums import OrderMinimumVersion, Shortfall, shortfall
from pricing.order_terms import QuantityProblem, problem_of
from pricing.price_lists import PriceList, Told
from pricing.rule_versions import PriceVersion


class Line(NamedTuple):
    """What is asked for; `state` is None where the customer sees no such SKU."""

    sku: str
    quantity: int
    state: State | None


class Priced(NamedTuple):
    """A line that was found. `rung` is None where it is not sold to this customer at this quantity."""

    line: Line
    told: Told
    rung: Rung | None
    problem: QuantityProblem | None
    total: Decimal | None

    @property
    def is_ok(self) -> bool:
        return self.rung is not None and self.problem is None


@dataclass(frozen=True, slots=True)
class Basket:
    """The lines in the order they were asked for, each with its price where it was found."""

    lines: Sequence[tuple[Line, Priced | None]]
    value: Decimal
    quantity: int
    minimum: OrderMinimumVersion | None
    shortfall: Shortfall | None

    @property
    def is_ok(self) -> bool:
        return (
            bool(self.lines)
            and self.shortfall is None
            and all(priced is not None and priced.is_ok for _, priced in self.lines)
        )


class Counts:
    """How many pieces of a basket a rule counts for a line."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = [(line.state, line.quantity) for line in lines if line.state]
        self.of_variant: dict[int, int] = defaultdict(int)
        for state, quantity in self._lines:
            self.of_variant[state.variant_id] += quantity

    @cached_property
    def _of_product(self) -> Mapping[int, int]:
        counts: dict[int, int] = defaultdict(int)
        for state, quantity in self._lines:
            counts[state.product_id] += quantity
        return counts

    @cached_property
    def _of_category(self) -> Mapping[int, int]:
        counts: dict[int, int] = defaultdict(int)
        for state, quantity in self._lines:
            for category in state.category_ids:
                counts[category] += quantity
        return counts

    def counted_for(self, state: State) -> Callable[[PriceVersion], int]:
        def quantity(rule: PriceVersion) -> int:
            if rule.counted_per == "product":
                return self._of_product[state.product_id]
            if rule.counted_per == "category":
                return self._of_category[rule.subject[1]]
            return self.of_variant[state.variant_id]

        return quantity


def basket(lines: Sequence[Line], prices: PriceList, minimum: OrderMinimumVersion | None) -> Basket:
    """Price lines that are bought together, and hold them against the order's minimum."""
    counts = Counts(lines)
    evaluated = [
        (line, _priced(line, line.state, prices, counts) if line.state else None) for line in lines
    ]
    good = [priced for _, priced in evaluated if priced and priced.is_ok]
    value = sum((priced.total for priced in good if priced.total is not None), Decimal(0))
    quantity = sum(priced.line.quantity for priced in good)
    return Basket(
        evaluated, value, quantity, minimum, shortfall(minimum, value=value, quantity=quantity)
    )


def _priced(line: Line, state: State, prices: PriceList, counts: Counts) -> Priced:
    told = prices.told(state)
    quantity = counts.of_variant[state.variant_id]
    reached = _reached(told.sale, quantity)
    if told.between.counts_together:
        reached = _together(state, prices.terms, told.between, counts, reached)
    total = reached.unit * line.quantity if reached else None
    return Priced(line, told, reached, problem_of(told.sale.order, quantity), total)


def _reached(sale: Sale, quantity: int) -> Rung | None:
    """Return the break that a quantity of this variant alone reaches."""
    reached = None
    for each in sale.offer.rungs:
        if each.minimum_quantity > quantity:
            break
        reached = each
    return reached


def _together(
    state: State, terms: Terms, between: Contest, counts: Counts, alone: Rung | None
) -> Rung | None:
    """Return the break reached with what the rules count beside; never dearer than alone."""
    listed, counted = listed_for(state, terms), counts.counted_for(state)
    # As in the ladder, what is dearer than a smaller quantity takes the lower price.
    found = (
        winner(between, listed, terms, lambda rule, most=most: min(counted(rule), most))  # type: ignore[misc]
        for most in between.quantities
    )
    won = min((each for each in found if each), key=lambda each: each.unit, default=None)
    if won is None or (alone and alone.unit <= won.unit):
        return alone
    return rung(won, listed, won.step.minimum_quantity)
