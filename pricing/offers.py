"""What a customer pays for a variant: one rule wins at each quantity, nothing stacks; pure functions.

The order of precedence is that of `docs/pricing.md`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from catalog_mirror.states import State
from customers.visibility import Terms
from pricing.amounts import discount_percentage, reduced, stated
from pricing.order_terms import OrderTerms, order_terms
from pricing.precedence import by_what_and_who
from pricing.rule_versions import EXEMPT, PERCENT, AnyVersion, OrderVersion, PriceVersion, Step

# A contract price is a fixed price that was promised to one customer.
KINDS = ("contract", "fixed", "percent")
# From which discounts an exemption frees a product: those of its categories, or all wider ones.
EXEMPTIONS = {"category": ("category",), "general": ("brand", "source", "all")}


@dataclass(frozen=True, slots=True)
class Rung:
    """A quantity break, with the rule that it comes from."""

    minimum_quantity: int
    unit: Decimal
    discount_percentage: Decimal | None
    name: str
    who: str
    what: str
    kind: str
    counted_per: str = "variant"


@dataclass(frozen=True, slots=True)
class Offer:
    """The price terms as served. No rungs: not sold to this customer, or not in its currency."""

    currency: str
    tax_included: bool
    list_price: Decimal | None
    rungs: tuple[Rung, ...]
    next_change_at: datetime | None

    @property
    def unit(self) -> Decimal | None:
        """The price of one piece; None where it is sold in larger quantities only, or not at all."""
        return self.rungs[0].unit if self.rungs and self.rungs[0].minimum_quantity == 1 else None


class Sale(NamedTuple):
    """All that an item says of buying it."""

    offer: Offer
    order: OrderTerms


class Candidate(NamedTuple):
    """A price rule that may win, with its rank: the lower comes first."""

    rank: tuple[int, ...]
    rule: PriceVersion


class Contest(NamedTuple):
    """The rules that variants under the same subjects share; only list prices differ between them."""

    candidates: tuple[Candidate, ...]
    order: OrderTerms
    next_change_at: datetime | None
    quantities: tuple[int, ...]  # at which a price may begin, one piece among them, ascending
    counts_together: bool  # whether any of them counts other variants beside


class Winner(NamedTuple):
    """The rule that decides at a quantity; `rule` is None for the list price itself."""

    unit: Decimal
    rule: PriceVersion | None
    step: Step


Quantity = Callable[[PriceVersion], int]


def sale(state: State, terms: Terms, rules: Iterable[AnyVersion], at: datetime) -> Sale:
    """Return what the customer pays, and how it orders. `rules` cover the state and are in force."""
    return sold(state, terms, contest(state, terms, rules, at))


def contest(state: State, terms: Terms, rules: Iterable[AnyVersion], at: datetime) -> Contest:
    """Return the rules that may decide; the variant's list price matters only in being there."""
    mine = [rule for rule in rules if rule.reaches(terms) and _is_in(rule, terms.currency)]
    holding = [rule for rule in mine if rule.holds(at)]
    prices = [rule for rule in holding if isinstance(rule, PriceVersion)]
    has_list_price = state.currency == terms.currency and state.list_price is not None
    exempt = {
        what for rule in prices if rule.kind == EXEMPT for what in EXEMPTIONS[rule.exempt_from]
    }
    candidates = [
        Candidate(_precedence(state, rule), rule)
        for rule in prices
        if rule.kind != EXEMPT
        and (rule.kind != PERCENT or (has_list_price and rule.subject[0] not in exempt))
    ]
    return Contest(
        tuple(sorted(candidates, key=lambda each: (each.rank, each.rule.id))),
        order_terms(state, (rule for rule in holding if isinstance(rule, OrderVersion))),
        _next_boundary(mine, at),
        _quantities(candidates),
        any(rule.counted_per != "variant" for rule in prices),
    )


def sold(state: State, terms: Terms, between: Contest) -> Sale:
    """Return what a contest comes to for one variant."""
    listed = listed_for(state, terms)
    offer = Offer(
        currency=terms.currency,
        tax_included=state.tax_included,
        list_price=None if listed is None else stated(listed, terms.currency),
        rungs=tuple(_ladder(between, listed, terms)),
        next_change_at=between.next_change_at,
    )
    return Sale(offer, between.order)


def listed_for(state: State, terms: Terms) -> Decimal | None:
    """Return the list price where it is in the customer's currency: there is no silent exchange."""
    return state.list_price if state.currency == terms.currency else None


def winner(
    between: Contest, listed: Decimal | None, terms: Terms, quantity: Quantity
) -> Winner | None:
    """Return what decides at a quantity, which a rule may count in its own way."""
    best: Winner | None = None
    best_rank: tuple[int, ...] = ()
    for rank, rule in between.candidates:
        if best and rank > best_rank:
            break
        step = rule.step_at(quantity(rule))
        if step is None:
            continue
        unit = _unit(rule, step, listed)
        if best is None or unit < best.unit:
            best, best_rank = Winner(unit, rule, step), rank
    if best is None and listed is not None and terms.unpriced != "not_sold":
        return Winner(stated(listed, terms.currency), None, Step(1, listed, ""))
    return best


def rung(won: Winner, listed: Decimal | None, minimum_quantity: int) -> Rung:
    """Return a winner as it is told."""
    saved = discount_percentage(listed, won.unit)
    if won.rule is None:
        return Rung(minimum_quantity, won.unit, saved, "", "everyone", "all", "list")
    rule = won.rule
    basis = (won.step.name, rule.who, rule.subject[0], rule.kind, rule.counted_per)
    return Rung(minimum_quantity, won.unit, saved, *basis)


def _quantities(candidates: Iterable[Candidate]) -> tuple[int, ...]:
    steps = (step for each in candidates for step in each.rule.steps)
    return tuple(sorted({1, *(step.minimum_quantity for step in steps)}))


def _ladder(between: Contest, listed: Decimal | None, terms: Terms) -> Iterator[Rung]:
    """Yield the breaks; one that is dearer than a smaller quantity's takes the lower price."""
    lowest = None
    for quantity in between.quantities:
        won = winner(between, listed, terms, lambda _, quantity=quantity: quantity)  # type: ignore[misc]
        if won and (lowest is None or won.unit < lowest):
            lowest = won.unit
            yield rung(won, listed, quantity)


def _is_in(rule: AnyVersion, currency: str) -> bool:
    return isinstance(rule, OrderVersion) or rule.kind == EXEMPT or rule.currency == currency


def _precedence(state: State, rule: PriceVersion) -> tuple[int, ...]:
    return (
        *by_what_and_who(state, rule),
        KINDS.index(rule.kind),
        -rule.priority,
    )


def _unit(rule: PriceVersion, step: Step, listed: Decimal | None) -> Decimal:
    """Return the unit price: the fixed amount, or so much off the list price; rounded once, half up."""
    if rule.kind != PERCENT:
        return stated(step.value, rule.currency)
    if listed is None:
        raise ValueError("A percentage off no list price is no price.")
    return reduced(listed, step.value, rule.currency)


def _next_boundary(rules: Iterable[AnyVersion], at: datetime) -> datetime | None:
    boundaries = (b for rule in rules for b in (rule.starts_at, rule.ends_at) if b and b > at)
    return min(boundaries, default=None)
