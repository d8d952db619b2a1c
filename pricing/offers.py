"""What a customer pays for a variant: one rule wins, nothing stacks; pure functions.

The order of precedence is that of `docs/pricing.md`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

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


def offer(state: State, terms: Terms, rules: Iterable[PriceVersion], at: datetime) -> Offer:
    """Return what the customer pays. `rules` are those in force that cover the state."""
    rules = [rule for rule in rules if rule.reaches(terms) and rule.currency == terms.currency]
    listed = state.list_price if state.currency == terms.currency else None
    rung = _rung(state, rules, listed, terms, at)
    return Offer(
        currency=terms.currency,
        tax_included=state.tax_included,
        list_price=None if listed is None else _stated(listed, terms.currency),
        rungs=(rung,) if rung else (),
        next_change_at=_next_boundary(rules, at),
    )


def _rung(
    state: State,
    rules: list[PriceVersion],
    listed: Decimal | None,
    terms: Terms,
    at: datetime,
) -> Rung | None:
    candidates = [
        (rule, unit)
        for rule in rules
        if rule.holds(at) and (unit := unit_price(rule, listed)) is not None
    ]
    if candidates:
        rule, unit = min(candidates, key=lambda pair: _precedence(state, *pair))
        return _rung_of(unit, listed, rule.name, rule.who, rule.subject[0], rule.kind)
    if listed is None or terms.unpriced == "not_sold":
        return None
    unit = _stated(listed, terms.currency)
    return _rung_of(unit, listed, "", "everyone", "all", "list")


def _precedence(
    state: State, rule: PriceVersion, unit: Decimal
) -> tuple[int, int, int, int, int, Decimal, int]:
    kind, subject_id = rule.subject
    depth = state.depths[state.category_ids.index(subject_id)] if kind == "category" else 0
    return (
        _WHAT.index(kind),
        -depth,
        _WHO.index(rule.who),
        _KIND.index(rule.kind),
        -rule.priority,
        unit,
        rule.id,
    )


def unit_price(rule: PriceVersion, listed: Decimal | None) -> Decimal | None:
    """Return a rule's unit price, rounded once, half up; None for a percentage off no list price."""
    if rule.amount is not None:
        return _stated(rule.amount, rule.currency)
    if listed is None or rule.percent is None:
        return None
    exact = listed * (_HUNDRED - rule.percent) / _HUNDRED
    return at_decimals(exact, decimals_of(listed, rule.currency))


@lru_cache(maxsize=65_536)
def decimals_of(price: Decimal, currency: str) -> int:
    """Return the decimals a price is stated with: its own, and no fewer than its currency has."""
    exponent = price.normalize().as_tuple().exponent
    return max(_MINOR_UNITS.get(currency, 2), -exponent if isinstance(exponent, int) else 0)


def _stated(price: Decimal, currency: str) -> Decimal:
    return at_decimals(price, decimals_of(price, currency))


def at_decimals(amount: Decimal, decimals: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def _rung_of(
    unit: Decimal, listed: Decimal | None, name: str, who: str, what: str, kind: str
) -> Rung:
    discount = (
        ((listed - unit) / listed * _HUNDRED).quantize(_CENT, ROUND_HALF_UP) if listed else None
    )
    return Rung(1, unit, discount, name, who, what, kind)


def _next_boundary(rules: list[PriceVersion], at: datetime) -> datetime | None:
    boundaries = [b for rule in rules for b in (rule.starts_at, rule.ends_at) if b and b > at]
    return min(boundaries, default=None)
