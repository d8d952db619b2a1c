"""Price rules as lines of a CSV file."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from customers.exports import visibility_cells
from customers.names import Refused
from customers.sheets import VISIBILITY, Sheet
from pricing.ladders import (
    LONGEST_NAME,
    LadderRefused,
    breaks_of_text,
    column_of,
    ladder_of,
    refuse_unsound,
    text_of_breaks,
)
from pricing.models import PriceRule
from pricing.rule_versions import EXEMPT, PERCENT, Step

_LEAST, _MOST = -32_768, 32_767  # of a priority


def _read(cells: Mapping[str, str]) -> dict[str, Any]:
    kind = _one_of(cells, "kind", PriceRule.Kind.values, PriceRule.Kind.FIXED)
    says: dict[str, Any] = {
        "kind": kind,
        "percent": None,
        "amount": None,
        "currency": cells.get("currency", ""),
        "priority": _whole(cells, "priority", 0, least=_LEAST, most=_MOST),
        "name": _name(cells),
        "minimum_quantity": 1,
        "breaks": [],
        "counted_per": _one_of(cells, "counted_per", PriceRule.CountedPer.values, "variant"),
        "exempt_from": "",
    }
    return says | (_exemption(cells) if kind == EXEMPT else _ladder(cells, kind))


def _exemption(cells: Mapping[str, str]) -> dict[str, Any]:
    for name in ("value", "breaks", "currency"):
        if cells.get(name):
            raise Refused(name, "An exemption has no value, no breaks and no currency.")
    return {"exempt_from": _one_of(cells, "exempt_from", PriceRule.ExemptFrom.values, "")}


def _ladder(cells: Mapping[str, str], kind: str) -> dict[str, Any]:
    currency = cells.get("currency", "")
    if not (len(currency) == 3 and currency.isascii() and currency.isupper()):  # noqa: PLR2004 - ISO 4217
        raise Refused("currency", "A price needs a currency of three letters, as in USD.")
    if cells.get("exempt_from"):
        raise Refused("exempt_from", "Only an exemption is exempt from something.")
    _refuse_without_subject(cells, kind)
    try:
        steps = ladder_of(_first(cells), breaks_of_text(cells.get("breaks", ""), "|"))
        refuse_unsound(kind, steps)
    except LadderRefused as refused:
        raise Refused("breaks" if cells.get("breaks") else "value", str(refused)) from None
    first, *rest = steps
    return {
        "percent" if kind == PERCENT else "amount": first.value,
        "minimum_quantity": first.minimum_quantity,
        "name": first.name,
        "breaks": column_of(rest),
    }


def _first(cells: Mapping[str, str]) -> Step | None:
    """Return the first step, or None where the breaks tell all of them."""
    if cells.get("breaks") and not cells.get("value"):
        for name in ("minimum_quantity", "name"):
            if cells.get(name):
                raise Refused(name, "The first break says this, as there is no value.")
        return None
    quantity = _whole(cells, "minimum_quantity", 1, least=1, most=2_147_483_647)
    return Step(quantity, _value(cells), _name(cells))


def _refuse_without_subject(cells: Mapping[str, str], kind: str) -> None:
    if kind == "contract" and not cells.get("customer"):
        raise Refused("customer", "A contract price names the customer it was promised to.")
    if cells.get("counted_per") == "category" and not cells.get("category"):
        raise Refused("counted_per", "To count a category together, the rule names that category.")


def _value(cells: Mapping[str, str]) -> Decimal:
    try:
        return Decimal(cells.get("value", ""))
    except InvalidOperation:
        raise Refused("value", f"{cells.get('value', '')!r} is no number.") from None


def _name(cells: Mapping[str, str]) -> str:
    name = cells.get("name", "")
    if len(name) > LONGEST_NAME:
        raise Refused("name", f"A name has at most {LONGEST_NAME} characters.")
    return name


def _one_of(cells: Mapping[str, str], name: str, known: list[str], default: str) -> str:
    value = cells.get(name) or default
    if value not in known:
        raise Refused(name, f"Write one of {', '.join(known)}.")
    return value


def _whole(cells: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    text = cells.get(name) or str(default)
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= len(str(most))):
        raise Refused(name, f"{text!r} is no whole number.")
    if not least <= int(text) <= most:
        raise Refused(name, f"A whole number from {least} to {most}.")
    return int(text)


PRICES = Sheet(
    model=PriceRule,
    cells=(
        "kind",
        "value",
        "currency",
        "minimum_quantity",
        "breaks",
        "counted_per",
        "exempt_from",
        "priority",
        "name",
    ),
    read=_read,
    key=("kind", "currency", "priority", "minimum_quantity", "exempt_from"),
    content=("percent", "amount", "breaks", "counted_per", "name"),
)


def price_cells(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a standing rule's own cells, as `_read` takes them."""
    value = rule["percent"] if rule["kind"] == PERCENT else rule["amount"]
    same = (
        "kind",
        "currency",
        "minimum_quantity",
        "counted_per",
        "exempt_from",
        "priority",
        "name",
    )
    return {
        **{name: rule[name] for name in same},
        "value": "" if value is None else f"{value:f}",
        "breaks": text_of_breaks(rule["breaks"], " | "),
    }


SHEETS = {"visibility": (VISIBILITY, visibility_cells), "prices": (PRICES, price_cells)}
