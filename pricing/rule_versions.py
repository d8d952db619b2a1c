"""Rules as the price functions read them: versions of prices with their breaks, and of order rules."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from customers.visibility import RuleVersion

EXEMPT = "exempt"
PERCENT = "percent"


class Step(NamedTuple):
    """A rung of a rule's own ladder: from this quantity on, so many percent or this price."""

    minimum_quantity: int
    value: Decimal
    name: str


@dataclass(frozen=True, slots=True)
class PriceVersion(RuleVersion):
    """`steps` rise in quantity; an exemption has none. `currency` is empty for an exemption."""

    kind: str
    currency: str
    priority: int
    steps: tuple[Step, ...]
    counted_per: str = "variant"
    exempt_from: str = ""

    def step_at(self, quantity: int) -> Step | None:
        """Return the highest step not above the quantity; None below the first."""
        reached = None
        for step in self.steps:
            if step.minimum_quantity > quantity:
                break
            reached = step
        return reached


@dataclass(frozen=True, slots=True)
class OrderVersion(RuleVersion):
    """In which quantities a variant is sold."""

    priority: int
    minimum_quantity: int
    step: int
    maximum_quantity: int | None


AnyVersion = PriceVersion | OrderVersion

# The columns after those that every rule has, in the order of `price_version` and `OrderVersion`.
PRICE_COLUMNS = """
    r.kind, r.percent, r.amount, r.currency, r.priority, r.name, r.minimum_quantity,
    r.breaks::text, r.counted_per, r.exempt_from
"""
ORDER_COLUMNS = "r.priority, r.minimum_quantity, r.step, r.maximum_quantity"


def price_version(*row: Any) -> PriceVersion:
    """Return a price rule of a row: who, what and when, then PRICE_COLUMNS."""
    *rule, kind, percent, amount, currency, priority, name, quantity, breaks, counted, exempt = row
    value = percent if kind == PERCENT else amount
    steps = () if value is None else (Step(quantity, value, name), *steps_of(breaks))
    says: list[Any] = [kind, currency, priority, steps, counted, exempt]
    return PriceVersion(*rule, *says)


def steps_of(breaks: str) -> tuple[Step, ...]:
    """Return the steps above the first, as the column `breaks` holds them."""
    if breaks == "[]":
        return ()
    return tuple(
        Step(each["minimum_quantity"], Decimal(each["value"]), each.get("name", ""))
        for each in orjson.loads(breaks)
    )
