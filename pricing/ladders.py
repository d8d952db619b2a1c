"""Quantity breaks as people give them, made into steps or refused with the reason; pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from pricing.amounts import HUNDRED
from pricing.rule_versions import PERCENT, Step

MOST_STEPS = 50
LARGEST_QUANTITY = 2_147_483_647
_DECIMALS = 4
_LARGEST = Decimal(10) ** 12
LONGEST_NAME = 100


class LadderRefused(ValueError):
    """The breaks cannot be a ladder; the message says why."""


def ladder_of(first: Step | None, breaks: Any) -> tuple[Step, ...]:
    """Return all steps of a rule, its first (None: among the breaks) and its breaks.

    A break is `{"minimum_quantity": 10, "value": "7.50", "name": "Case"}`; `start_qty` and `end_qty`
    are taken too, where each range begins after the one before ends. Raise `LadderRefused`.
    """
    if not isinstance(breaks, Sequence) or isinstance(breaks, str):
        raise LadderRefused("Breaks are a list, one entry for each quantity.")
    if len(breaks) > MOST_STEPS:
        raise LadderRefused(f"A ladder has at most {MOST_STEPS} breaks.")
    _refuse_gaps(breaks)
    steps = [_step(each) for each in breaks]
    return (*([first] if first else []), *steps)


def breaks_of_text(text: str, separator: str = "\n") -> list[dict[str, Any]]:
    """Read breaks as people write them, `50: 7.90 Pallet` or `50-99: 7.90`; raise `LadderRefused`."""
    return [_break_of(part.strip()) for part in text.split(separator) if part.strip()]


def text_of_breaks(column: Iterable[Mapping[str, Any]], separator: str = "\n") -> str:
    """Write the column `breaks` as people do."""
    return separator.join(
        f"{each['minimum_quantity']}: {each['value']} {each['name']}".rstrip() for each in column
    )


def _break_of(text: str) -> dict[str, Any]:
    quantity, colon, rest = text.partition(":")
    value, _, name = rest.strip().partition(" ")
    if not colon or not value:
        raise LadderRefused(
            f"{text!r}: write a break as `50: 7.90 Pallet` or `50-99: 7.90`; the name is free."
        )
    start, dash, end = quantity.partition("-")
    said = {"start_qty": start.strip(), "value": value, "name": name.strip()}
    return {**said, "end_qty": end.strip()} if dash else said


def column_of(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Return steps as the column `breaks` holds them."""
    return [
        {
            "minimum_quantity": step.minimum_quantity,
            "value": f"{step.value:f}",
            "name": step.name,
        }
        for step in steps
    ]


def refuse_unsound(kind: str, steps: Sequence[Step]) -> None:
    """Raise `LadderRefused` for what no ladder may say: the database refuses the same."""
    for step in steps:
        _refuse_value(kind, step)
    for lower, upper in pairwise(steps):
        if upper.minimum_quantity <= lower.minimum_quantity:
            raise LadderRefused(
                f"The break at {upper.minimum_quantity} does not lie above the one at "
                f"{lower.minimum_quantity}. Give each break a larger quantity than the one before."
            )
        dearer = upper.value < lower.value if kind == PERCENT else upper.value > lower.value
        if dearer:
            raise LadderRefused(
                f"From {upper.minimum_quantity} pieces on the price would rise. A larger quantity "
                "never costs more a piece."
            )


def _refuse_value(kind: str, step: Step) -> None:
    value, quantity = step.value, step.minimum_quantity
    exponent = value.as_tuple().exponent
    if not 1 <= quantity <= LARGEST_QUANTITY:
        raise LadderRefused(f"A quantity of {quantity} cannot be ordered. Use 1 or more.")
    if not isinstance(exponent, int):
        raise LadderRefused(f"{value} is no number.")
    if -exponent > _DECIMALS:
        raise LadderRefused(f"{value:f} has more than {_DECIMALS} decimals.")
    if value < 0:
        raise LadderRefused(f"{value:f} is negative.")
    if value > HUNDRED and kind == PERCENT:
        raise LadderRefused(f"{value:f} % is more than all of the price.")
    if value >= _LARGEST:
        raise LadderRefused(f"{value:f} is larger than a price can be.")


def _step(given: Any) -> Step:
    if not isinstance(given, Mapping):
        raise LadderRefused("A break is a quantity with its value.")
    unknown = given.keys() - {"minimum_quantity", "start_qty", "end_qty", "value", "name"}
    if unknown:
        raise LadderRefused(f"A break says nothing of {', '.join(sorted(map(str, unknown)))}.")
    name = given.get("name") or ""
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        raise LadderRefused(f"The name of a break is text of at most {LONGEST_NAME} characters.")
    if set(name) & set("|\r\n"):
        raise LadderRefused(
            "The name of a break has no bars and no line ends: files part breaks by them."
        )
    return Step(_quantity(_start(given)), _value(given.get("value")), name)


def _start(given: Mapping[str, Any]) -> Any:
    if "minimum_quantity" in given and "start_qty" in given:
        raise LadderRefused("Give minimum_quantity or start_qty, not both.")
    return given.get("minimum_quantity", given.get("start_qty"))


def _quantity(given: Any) -> int:
    text = str(given).strip()
    if isinstance(given, bool) or not (text.isascii() and text.isdecimal()):
        raise LadderRefused(f"{given!r} is no quantity. Use a whole number.")
    return int(text[:20])


def _value(given: Any) -> Decimal:
    if isinstance(given, bool | float) or given is None:
        raise LadderRefused(f'{given!r} is no exact value. Write it as text, as in "7.50".')
    try:
        return Decimal(str(given).strip()) + 0  # a negative zero is zero
    except InvalidOperation:
        raise LadderRefused(f"{given!r} is no number.") from None


def _refuse_gaps(breaks: Sequence[Any]) -> None:
    """Refuse ranges that overlap, leave something out, or end: the last one is open."""
    ranged = [each for each in breaks if isinstance(each, Mapping) and _is_given(each, "end_qty")]
    following = {id(lower): upper for lower, upper in pairwise(breaks)}
    for each in ranged:
        upper = following.get(id(each))
        if not isinstance(upper, Mapping):
            raise LadderRefused("The last break has no end: leave its end_qty empty.")
        if _quantity(_start(upper)) != _quantity(each["end_qty"]) + 1:
            raise LadderRefused(
                f"The range up to {each['end_qty']} and the next, from {_start(upper)}, overlap or "
                "leave a gap. Let the next begin one piece later."
            )


def _is_given(each: Mapping[str, Any], name: str) -> bool:
    return each.get(name) not in (None, "")
