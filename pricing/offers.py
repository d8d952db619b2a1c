"""What a customer pays for a variant: one rule wins, nothing stacks; pure functions.

The order of precedence is that of `docs/pricing.md`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

from catalog_mirror.states import State
from customers.visibility import RuleVersion, Terms

_WHAT = ("variant", "product", "category", "brand", "source", "all")
_WHO = ("customer", "tier", "everyone")
_KIND = ("fixed", "percent")
_HUNDRED = Decimal(100)
_CENT = Decimal("0.01")

# Decimals of a currency's minor unit where it is not two (ISO 4217).
_MINOR_UNITS = dict.fromkeys(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ],
    0,
) | dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3)


@dataclass(frozen=True, slots=True)
class PriceVersion(RuleVersion):
    kind: str
    percent: Decimal | None
    amount: Decimal | None
    currency: str
    priority: int
    name: str


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


@dataclass(frozen=True, slots=True)
class Offer:
    """The price terms as served. No unit price: not sold to this customer, or not in its currency."""

    currency: str
    tax_included: bool
    list_price: Decimal | None
    rungs: tuple[Rung, ...]
    next_change_at: datetime | None

    @property
    def unit(self) -> Decimal | None:
        return self.rungs[0].unit if self.rungs else None


class Basis(NamedTuple):
    """What a unit price comes from: the rule that won, or the list price."""

    kind: str
    percent: Decimal | None
    amount: Decimal | None
    name: str
    who: str
    what: str


class Quote(NamedTuple):
    """A decision before its arithmetic: equal quotes are equal offers."""

    currency: str
    tax_included: bool
    listed: Decimal | None
    basis: Basis | None
    next_change_at: datetime | None


_AT_LIST_PRICE = Basis("list", None, None, "", "everyone", "all")


def offer(state: State, terms: Terms, rules: Iterable[PriceVersion], at: datetime) -> Offer:
    """Return what the customer pays. `rules` are those in force that cover the state."""
    return offer_of(quote(state, terms, rules, at))


def quote(state: State, terms: Terms, rules: Iterable[PriceVersion], at: datetime) -> Quote:
    """Return which rule decides, and off which list price."""
    return decided(state, terms, contest(state, terms, rules, at))


class Contest(NamedTuple):
    """The rules between which only the unit price and the id decide, and when that may change."""

    winners: tuple[PriceVersion, ...]
    next_change_at: datetime | None


def contest(state: State, terms: Terms, rules: Iterable[PriceVersion], at: datetime) -> Contest:
    """Return the rules of the highest precedence; the variant's list price matters only in being there."""
    mine = [rule for rule in rules if rule.reaches(terms) and rule.currency == terms.currency]
    has_list_price = state.currency == terms.currency and state.list_price is not None
    usable = [
        (_precedence(state, rule), rule)
        for rule in mine
        if rule.holds(at) and (has_list_price or rule.amount is not None)
    ]
    best = min((rank for rank, _ in usable), default=None)
    return Contest(tuple(rule for rank, rule in usable if rank == best), _next_boundary(mine, at))


def decided(state: State, terms: Terms, between: Contest) -> Quote:
    """Return the quote that a contest ends in for one variant."""
    listed = state.list_price if state.currency == terms.currency else None
    basis = None
    if between.winners:
        rule = between.winners[0]
        if len(between.winners) > 1:
            rule = min(between.winners, key=lambda rule: (unit_price(rule, listed), rule.id))
        what = rule.subject[0]
        basis = Basis(rule.kind, rule.percent, rule.amount, rule.name, rule.who, what)
    elif listed is not None and terms.unpriced != "not_sold":
        basis = _AT_LIST_PRICE
    return Quote(terms.currency, state.tax_included, listed, basis, between.next_change_at)


def offer_of(quoted: Quote) -> Offer:
    """Return the price terms of a quote; the arithmetic."""
    listed, currency = quoted.listed, quoted.currency
    return Offer(
        currency=currency,
        tax_included=quoted.tax_included,
        list_price=None if listed is None else _stated(listed, currency),
        rungs=(_rung(quoted.basis, listed, currency),) if quoted.basis else (),
        next_change_at=quoted.next_change_at,
    )


def _rung(basis: Basis, listed: Decimal | None, currency: str) -> Rung:
    unit = _unit(basis.percent, basis.amount, listed, currency)
    discount = (
        ((listed - unit) / listed * _HUNDRED).quantize(_CENT, ROUND_HALF_UP) if listed else None
    )
    return Rung(1, unit, discount, basis.name, basis.who, basis.what, basis.kind)


def _precedence(state: State, rule: PriceVersion) -> tuple[int, int, int, int, int]:
    kind, subject_id = rule.subject
    depth = state.depths[state.category_ids.index(subject_id)] if kind == "category" else 0
    return (
        _WHAT.index(kind),
        -depth,
        _WHO.index(rule.who),
        _KIND.index(rule.kind),
        -rule.priority,
    )


def unit_price(rule: PriceVersion, listed: Decimal | None) -> Decimal:
    """Return a rule's unit price; a percentage needs a list price."""
    return _unit(rule.percent, rule.amount, listed, rule.currency)


def _unit(
    percent: Decimal | None, amount: Decimal | None, listed: Decimal | None, currency: str
) -> Decimal:
    """Return the unit price: the fixed amount, or so much off the list price; rounded once, half up."""
    if amount is not None:
        return _stated(amount, currency)
    if listed is None:
        raise ValueError("A percentage off no list price is no price.")
    exact = listed * (_HUNDRED - (percent or 0)) / _HUNDRED
    return at_decimals(exact, decimals_of(listed, currency))


@lru_cache(maxsize=65_536)
def decimals_of(price: Decimal, currency: str) -> int:
    """Return the decimals a price is stated with: its own, and no fewer than its currency has."""
    exponent = price.normalize().as_tuple().exponent
    return max(_MINOR_UNITS.get(currency, 2), -exponent if isinstance(exponent, int) else 0)


def _stated(price: Decimal, currency: str) -> Decimal:
    return at_decimals(price, decimals_of(price, currency))


def at_decimals(amount: Decimal, decimals: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def _next_boundary(rules: list[PriceVersion], at: datetime) -> datetime | None:
    boundaries = [b for rule in rules for b in (rule.starts_at, rule.ends_at) if b and b > at]
    return min(boundaries, default=None)
