"""In which quantities a variant is sold, and what is wrong with a quantity; pure functions."""

from collections.abc import Iterable
from typing import NamedTuple

from catalog_mirror.states import State
from pricing.precedence import by_what_and_who
from pricing.rule_versions import OrderVersion


class OrderTerms(NamedTuple):
    """Quantities in pieces; no maximum is None."""

    minimum_quantity: int
    step: int
    maximum_quantity: int | None


FREELY = OrderTerms(1, 1, None)


class QuantityProblem(NamedTuple):
    """Why a quantity cannot be ordered, and the nearest that can."""

    code: str
    nearest: int


def order_rank(state: State, rule: OrderVersion) -> tuple[int, ...]:
    """Return a rule's place, the lower first: what, who, the higher priority, the older rule."""
    return (*by_what_and_who(state, rule), -rule.priority, rule.id)


def order_terms(state: State, rules: Iterable[OrderVersion]) -> OrderTerms:
    """Return the terms of the one rule that wins."""
    best = min(rules, key=lambda rule: order_rank(state, rule), default=None)
    if best is None:
        return FREELY
    return OrderTerms(best.minimum_quantity, best.step, best.maximum_quantity)


def problem_of(terms: OrderTerms, quantity: int) -> QuantityProblem | None:
    """Return what is wrong with a quantity, or None."""
    if quantity < terms.minimum_quantity:
        return QuantityProblem("below_minimum", terms.minimum_quantity)
    if terms.maximum_quantity is not None and quantity > terms.maximum_quantity:
        return QuantityProblem("above_maximum", terms.maximum_quantity)
    if over := quantity % terms.step:
        up = quantity - over + terms.step
        above = terms.maximum_quantity is not None and up > terms.maximum_quantity
        return QuantityProblem("not_in_steps", quantity - over if above else up)
    return None
