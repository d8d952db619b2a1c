"""What an order comes to at least, and what it falls short by; pure functions and their one query."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from customers.rulebook import WHO_WHAT_WHEN, Reader, rulebook_of
from customers.visibility import RuleVersion, Terms
from pricing.precedence import WHO

MINIMUM_COLUMNS = "r.priority, r.minimum_value, r.currency, r.minimum_quantity, r.needs"
_IN_FORCE = f"""
    select {WHO_WHAT_WHEN}, {MINIMUM_COLUMNS}
    from pricing_orderminimum r where r.until_revision is null
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class OrderMinimumVersion(RuleVersion):
    """`needs` says whether both have to be reached ("all") or one of them ("any")."""

    priority: int
    minimum_value: Decimal | None
    currency: str
    minimum_quantity: int | None
    needs: str


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What is missing; a measure that is reached, or that does not count, is None."""

    value: Decimal | None
    quantity: int | None


def minimum_rank(rule: OrderMinimumVersion) -> tuple[int, ...]:
    """Return a rule's place, the lower first: who, the higher priority, the older rule."""
    return (WHO.index(rule.who), -rule.priority, rule.id)


def order_minimum(
    terms: Terms, rules: Iterable[OrderMinimumVersion], at: datetime
) -> OrderMinimumVersion | None:
    """Return the one that wins. No silent exchange."""
    mine = (
        rule
        for rule in rules
        if rule.reaches(terms) and rule.holds(at) and rule.currency in ("", terms.currency)
    )
    return min(mine, key=minimum_rank, default=None)


def shortfall(
    minimum: OrderMinimumVersion | None, *, value: Decimal, quantity: int
) -> Shortfall | None:
    """Return what an order lacks, or None where it is enough."""
    if minimum is None:
        return None
    lacks_value = max((minimum.minimum_value or Decimal(0)) - value, Decimal(0))
    lacks_pieces = max((minimum.minimum_quantity or 0) - quantity, 0)
    asked = [
        lacks
        for lacks, least in (
            (lacks_value, minimum.minimum_value),
            (lacks_pieces, minimum.minimum_quantity),
        )
        if least is not None
    ]
    enough = not all(asked) if minimum.needs == "any" else not any(asked)
    return None if enough else Shortfall(lacks_value or None, lacks_pieces or None)


def order_minimums(reader: Reader) -> list[OrderMinimumVersion]:
    """Read what stands now for the reader's customer."""
    return rulebook_of(reader.rows(_IN_FORCE, {}), OrderMinimumVersion).versions
