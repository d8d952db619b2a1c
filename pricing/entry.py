"""The way in for rules of buying: what people give is made exact, or refused with the reason.

Forms, imports and commands all come through here; `customers.versions` keeps what they bring.
"""

from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from customers import versions
from pricing.ladders import LadderRefused, column_of, ladder_of, refuse_unsound
from pricing.models import PriceRule
from pricing.rule_versions import EXEMPT, PERCENT, Step


def add_price_rule(*, actor: str, **says: Any) -> PriceRule:
    """Open a price rule; raise `ValidationError` that names the field and the reason."""
    return versions.add(PriceRule, actor=actor, **checked(says))


def change_price_rule(rule_uid: UUID, *, actor: str, **says: Any) -> PriceRule:
    """Supersede a price rule; raise `ValidationError` or `NoOpenVersion`."""
    return versions.change(PriceRule, rule_uid, actor=actor, exact=checked, **says)


def checked(says: dict[str, Any]) -> dict[str, Any]:
    """Return what a rule says, its ladder made exact; raise `ValidationError`."""
    return says | _ladder(says)


def _ladder(says: dict[str, Any]) -> dict[str, Any]:
    kind, breaks = says.get("kind"), says.get("breaks") or []
    field = "percent" if kind == PERCENT else "amount"
    if kind == EXEMPT or (says.get(field) is None and not breaks):
        return {"breaks": breaks}  # the model's own constraints say what is missing
    first = _first(field, says)
    if first:
        _refused_as(field, kind, (first,))
    try:
        steps = ladder_of(first, breaks)
    except LadderRefused as refused:
        raise ValidationError({"breaks": str(refused)}) from refused
    _refused_as("breaks", kind, steps)
    return {
        field: steps[0].value,
        "minimum_quantity": steps[0].minimum_quantity,
        "name": steps[0].name,
        "breaks": column_of(steps[1:]),
    }


def _first(field: str, says: dict[str, Any]) -> Step | None:
    """Return the first step, or None where the breaks tell all of them."""
    if says.get(field) is None:
        return None
    quantity = says.get("minimum_quantity") or 1
    return Step(quantity, _exact(field, says[field]), says.get("name") or "")


def _exact(field: str, given: Any) -> Decimal:
    if isinstance(given, float):
        raise ValidationError({field: f"{given!r} is not exact. Write it as text."})
    try:
        return Decimal(str(given).strip())
    except InvalidOperation:
        raise ValidationError({field: f"{given!r} is no number."}) from None


def _refused_as(field: str, kind: Any, steps: tuple[Step, ...]) -> None:
    try:
        refuse_unsound(str(kind), steps)
    except LadderRefused as refused:
        raise ValidationError({field: str(refused)}) from refused
