"""Why a price is what it is: every rule that covers the SKU, and what decided for or against it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from catalog_mirror.states import Subject
from customers.explanations import Considered, no_contract, outside_window, subject_names
from customers.models import Customer
from customers.past import Past
from customers.visibility import Terms
from pricing.offers import (
    EXEMPTIONS,
    Contest,
    Winner,
    contest,
    listed_for,
    winner,
)
from pricing.order_explanations import Decided, OrderDecided, explain_minimum, explain_order
from pricing.rule_versions import EXEMPT, PERCENT, PRICE_COLUMNS, PriceVersion, price_version

# By what two ranks differ, in their order.
_RANKS = (
    "what it names is wider",
    "its category lies higher",
    "it is for more people",
    "its kind comes later",
    "its priority is lower",
)


@dataclass(frozen=True)
class PriceExplanation:
    """`unit` is None where the SKU is not sold to the customer at this quantity."""

    customer: str
    sku: str
    quantity: int
    at: datetime
    revision: int
    currency: str
    list_price: Decimal | None
    unit: Decimal | None
    because: str
    rules: list[Considered]
    order: OrderDecided
    minimum: Decided


class NoSuchPrice(Exception):
    """There was no such SKU, or no contract, at that instant."""


def explain_price(
    customer: Customer,
    sku: str,
    *,
    quantity: int,
    at: datetime | None,
    revision: int | None = None,
    past: Past | None = None,
) -> PriceExplanation:
    """Explain the unit price of a quantity at an instant and a revision; neither is now.

    Whoever asks more gives the `past` to ask of, so that all answers are of one moment.
    Raise `NoSuchPrice`, and `catalog_mirror.past.NothingThen` where nothing was there yet. Whether the
    customer sees the SKU is another question (`customers.explanations`).
    """
    past = past or Past(customer, at, revision)
    state, terms = past.state(sku), past.terms
    if terms is None or no_contract(terms, past.at):
        raise NoSuchPrice(no_contract(terms, past.at))
    if state is None:
        raise NoSuchPrice(f"No variant carried {sku} then.")
    rules = past.rules("pricing_pricerule", PRICE_COLUMNS, price_version).covering(state)
    between = contest(state, terms, rules, past.at)
    listed = listed_for(state, terms)
    won = _lowest(between, listed, terms, quantity)
    names = subject_names(rule.subject for rule in rules)
    case = _Case(terms, listed, between, won, quantity, past.at, names)
    return PriceExplanation(
        customer=customer.slug,
        sku=sku,
        quantity=quantity,
        at=past.at,
        revision=past.revision,
        currency=terms.currency,
        list_price=listed,
        unit=won.unit if won else None,
        because=_because(won, listed, terms),
        rules=[case.considered(rule) for rule in case.in_order(rules)],
        order=explain_order(past, state, quantity),
        minimum=explain_minimum(past, terms),
    )


def _lowest(between: Contest, listed: Decimal | None, terms: Terms, quantity: int) -> Winner | None:
    """Return what decides at the quantity, or at a smaller one that is cheaper."""
    found = (
        winner(between, listed, terms, lambda _, at=at: at)  # type: ignore[misc]
        for at in between.quantities
        if at <= quantity
    )
    return min((won for won in found if won), key=lambda won: won.unit, default=None)


def _because(won: Winner | None, listed: Decimal | None, terms: Terms) -> str:
    if won is None and listed is None:
        return f"No rule gives a price, and there is no list price in {terms.currency}."
    if won is None:
        return "No rule gives a price, and the terms say: not sold without one."
    if won.rule is None:
        return "No rule gives a price, so it is the list price."
    step = won.step
    value = f"{step.value:f} % off" if won.rule.kind == PERCENT else f"{step.value:f}"
    named = f" ({step.name})" if step.name else ""
    return f"Rule {won.rule.id} gives {value} from {step.minimum_quantity} pieces on{named}."


@dataclass(frozen=True)
class _Case:
    """What the rules are held against."""

    terms: Terms
    listed: Decimal | None
    between: Contest
    won: Winner | None
    quantity: int
    at: datetime
    names: Mapping[Subject, str]

    def in_order(self, rules: Iterable[PriceVersion]) -> list[PriceVersion]:
        """Return the candidates by their rank, then what was left out."""
        candidates = [each.rule for each in self.between.candidates]
        return [*candidates, *(rule for rule in rules if rule not in candidates)]

    def considered(self, rule: PriceVersion) -> Considered:
        decides = self.won is not None and self.won.rule == rule
        return Considered(
            rule=rule.id,
            says=_says(rule),
            who=rule.who,
            what=self.names[rule.subject],
            starts_at=rule.starts_at,
            ends_at=rule.ends_at,
            outcome="decides" if decides else self._outcome(rule),
            decides=decides,
        )

    def _outcome(self, rule: PriceVersion) -> str:
        rank = self._rank(rule)
        best = self._rank(self.won.rule) if self.won else None
        if rank is None:
            return self._left_out(rule)
        if rule.step_at(self.quantity) is None:
            return f"begins at {rule.steps[0].minimum_quantity} pieces"
        if best is None or rank < best:
            return "is dearer than a smaller quantity's price"
        for words, mine, theirs in zip(_RANKS, rank, best, strict=True):
            if mine != theirs:
                return f"gives way: {words}"
        return "gives way: its price is not lower"

    def _rank(self, rule: PriceVersion | None) -> tuple[int, ...] | None:
        return next((each.rank for each in self.between.candidates if each.rule == rule), None)

    def _left_out(self, rule: PriceVersion) -> str:
        if outcome := outside_window(rule, self.at):
            return outcome
        if rule.kind == EXEMPT:
            return f"frees it from discounts on {', '.join(EXEMPTIONS[rule.exempt_from])}"
        if rule.currency != self.terms.currency:
            return f"is in {rule.currency}, the customer's terms are in {self.terms.currency}"
        if self.listed is None:
            return "is off a list price, and there is none"
        return "is a discount that it is exempt from"


def _says(rule: PriceVersion) -> str:
    if rule.kind == EXEMPT:
        return f"exempt from {rule.exempt_from} discounts"
    sign = " %" if rule.kind == PERCENT else f" {rule.currency}"
    steps = ", ".join(f"{step.minimum_quantity}: {step.value:f}{sign}" for step in rule.steps)
    return f"{rule.kind} {steps}"
