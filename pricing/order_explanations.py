"""Why a quantity can be ordered, and what an order has to come to: every rule, and what decided."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from catalog_mirror.states import State
from customers.explanations import Considered, outside_window, subject_names
from customers.past import Past
from customers.visibility import RuleVersion, Terms
from pricing.order_minimums import (
    MINIMUM_COLUMNS,
    OrderMinimumVersion,
    minimum_rank,
    order_minimum,
)
from pricing.order_terms import OrderTerms, order_rank, order_terms, problem_of
from pricing.rule_versions import ORDER_COLUMNS, OrderVersion

_V = TypeVar("_V", bound=RuleVersion)

# By what two ranks differ, in their order.
_ORDER_RANKS = (
    "what it names is wider",
    "its category lies higher",
    "it is for more people",
    "its priority is lower",
    "it is newer",
)
_MINIMUM_RANKS = _ORDER_RANKS[2:]
_PROBLEMS = {
    "below_minimum": "is below the minimum",
    "above_maximum": "is above the maximum",
    "not_in_steps": "is not in steps",
}


@dataclass(frozen=True)
class Decided:
    """What it came to, also in words, and the rules that were considered, by their rank."""

    because: str
    rules: list[Considered]


@dataclass(frozen=True)
class OrderDecided(Decided):
    """Beside it the quantities in pieces; no maximum is None."""

    minimum_quantity: int
    step: int
    maximum_quantity: int | None


def explain_order(past: Past, state: State, quantity: int) -> OrderDecided:
    """Explain in which quantities a variant was sold, and whether one would do."""
    rules = past.rules("pricing_orderrule", ORDER_COLUMNS, OrderVersion).covering(state)
    holding = [rule for rule in rules if rule.holds(past.at)]
    terms = order_terms(state, holding)
    problem = problem_of(terms, quantity)
    verdict = f"{_PROBLEMS[problem.code]}; {problem.nearest} would do" if problem else "would do"
    return OrderDecided(
        f"It is sold {_sold(terms)}: {_pieces(quantity)} {verdict}.",
        _considered(rules, past, lambda rule: order_rank(state, rule), _says, _ORDER_RANKS),
        *terms,
    )


def explain_minimum(past: Past, terms: Terms) -> Decided:
    """Explain what an order of the customer had to come to."""
    rules = past.rules("pricing_orderminimum", MINIMUM_COLUMNS, OrderMinimumVersion).versions
    best = order_minimum(terms, rules, past.at)
    said = f"An order comes to {least_in_words(best)}." if best else "An order may be of any size."
    foreign = {
        rule.id: f"is in {rule.currency}, the customer's terms are in {terms.currency}"
        for rule in rules
        if rule.currency not in ("", terms.currency)
    }
    return Decided(
        said, _considered(rules, past, minimum_rank, least_in_words, _MINIMUM_RANKS, foreign)
    )


def _considered(
    rules: Iterable[_V],
    past: Past,
    rank: Callable[[_V], tuple[int, ...]],
    says: Callable[[_V], str],
    words: tuple[str, ...],
    left_out: dict[int, str] | None = None,
) -> list[Considered]:
    """Return the rules by their rank, what was left out last; the first that holds decides."""
    outcomes = {r.id: outside_window(r, past.at) or (left_out or {}).get(r.id, "") for r in rules}
    ranked = sorted(rules, key=lambda rule: (bool(outcomes[rule.id]), rank(rule)))
    names = subject_names(rule.subject for rule in ranked)
    best = next((rank(rule) for rule in ranked if not outcomes[rule.id]), None)
    return [
        Considered(
            rule=rule.id,
            says=says(rule),
            who=rule.who,
            what=names[rule.subject],
            starts_at=rule.starts_at,
            ends_at=rule.ends_at,
            outcome=outcomes[rule.id] or _place(rank(rule), best or (), words),
            decides=not outcomes[rule.id] and rank(rule) == best,
        )
        for rule in ranked
    ]


def _place(mine: tuple[int, ...], best: tuple[int, ...], words: tuple[str, ...]) -> str:
    differ = (word for word, a, b in zip(words, mine, best, strict=True) if a != b)
    word = next(differ, None)
    return f"gives way: {word}" if word else "decides"


def _says(rule: OrderVersion) -> str:
    return _sold(OrderTerms(rule.minimum_quantity, rule.step, rule.maximum_quantity))


def _sold(terms: OrderTerms) -> str:
    said = f"from {_pieces(terms.minimum_quantity)} on"
    said += f" in steps of {terms.step}" if terms.step > 1 else ""
    return said if terms.maximum_quantity is None else f"{said} up to {terms.maximum_quantity}"


def least_in_words(rule: OrderMinimumVersion) -> str:
    """Return what an order has to come to: "at least 100 USD or 12 pieces"."""
    value = rule.minimum_value and f"{rule.minimum_value:f} {rule.currency}"
    pieces = rule.minimum_quantity and _pieces(rule.minimum_quantity)
    joined = " or " if rule.needs == "any" else " and "
    return f"at least {joined.join(part for part in (value, pieces) if part)}"


def _pieces(quantity: int) -> str:
    return "1 piece" if quantity == 1 else f"{quantity} pieces"
