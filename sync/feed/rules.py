"""How one field is found in a record and made readable: dotted paths and the rules of a map; pure."""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_NOT_WHOLE = 2**53  # from here on a float skips whole numbers, so two ids may become one
_LONGEST_SHOWN = 60  # characters of a value in a message
_TRUE = {"1", "true", "yes", "y", "on", "t"}
_FALSE = {"0", "false", "no", "n", "off", "f", ""}


class Unreadable(Exception):
    """A value of which its field cannot be made; the message says what it reads."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Where a field comes from: the first of `paths` that says something, or a constant.

    `of` limits the looking to the `record` itself or its `product`.
    """

    paths: tuple[str, ...] = ()
    constant: Any = None
    of: str = ""
    rules: tuple[tuple[str, Any], ...] = ()

    @property
    def told(self) -> str:
        return " or ".join(self.paths) or f"the constant {self.constant!r}"


@dataclass(frozen=True)
class Place:
    """A record, and the product it lies in where a map says that records hold variants."""

    record: Mapping[str, Any]
    product: Mapping[str, Any] = field(default_factory=dict)


def value_of(spec: Spec | None, place: Place) -> Any:
    """Return what a record says of a field, None for nothing; raise `Unreadable`."""
    if spec is None:
        return None
    value = spec.constant if not spec.paths else _found(spec, place)
    for name, argument in spec.rules:
        value = RULES[name](value, argument)
    return value


def _found(spec: Spec, place: Place) -> Any:
    looked = {"record": [place.record], "product": [place.product]}.get(
        spec.of, [place.record, place.product]
    )
    for path in spec.paths:
        for each in looked:
            value = pick(each, path)
            if isinstance(value, float) and abs(value) >= _NOT_WHOLE:
                raise Unreadable(
                    f"It reads {value!r}, which has lost digits: JSON's readers round a number so long. "
                    "Have the feed write it as text."
                )
            if not is_nothing(value):
                return value
    return None


def is_nothing(value: Any) -> bool:
    """Tell whether a value says nothing. False is how Odoo writes an empty field."""
    return value is None or value is False or value == "" or value in ([], {})


def pick(value: Any, path: str) -> Any:
    """Return what lies at a dotted path; `*` stands for each of a list. A key may hold dots itself."""
    if not path:
        return value
    parts = path.split(".")
    if isinstance(value, Mapping):
        for length in range(len(parts), 0, -1):
            key = ".".join(parts[:length])
            if key in value:
                return pick(value[key], ".".join(parts[length:]))
        return None
    head, _, rest = path.partition(".")
    if isinstance(value, list) and head == "*":
        return [pick(each, rest) for each in value]
    if isinstance(value, list) and head.isdecimal() and int(head) < len(value):
        return pick(value[int(head)], rest)
    return None


def text_of(value: Any) -> str:
    """Return a value as text; raise `Unreadable` where it is a list or an object."""
    if is_nothing(value):
        return ""
    if isinstance(value, list | dict):
        raise Unreadable(f"It holds {_shown(value)} where a text is wanted.")
    return str(value).strip()


def amount_of(value: Any) -> Decimal | None:
    """Return a number by its decimal digits, so that a float reads as it was written."""
    if is_nothing(value):
        return None
    text = str(value).strip()
    if isinstance(value, bool) or not _NUMBER.fullmatch(text):
        raise Unreadable(f"It reads {_shown(value)}, which is no number.")
    return Decimal(text)


def count_of(value: Any) -> int | None:
    """Return whole units: 2.5 are 2."""
    amount = amount_of(value)
    return None if amount is None else int(amount // 1)


def truth_of(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = "" if value is None else str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise Unreadable(f"It reads {_shown(value)}, which is neither yes nor no.")


def list_of(value: Any) -> list[Any]:
    if is_nothing(value):
        return []
    return list(value) if isinstance(value, list) else [value]


def _default(value: Any, argument: Any) -> Any:
    return argument if is_nothing(value) else value


def _mapped(value: Any, argument: Mapping[str, Any]) -> Any:
    key = text_of(value)
    if not key and "" not in argument:
        return None
    if key not in argument and "*" not in argument:
        raise Unreadable(f"It reads {_shown(value)}, which the map's table does not hold.")
    return argument.get(key, argument.get("*"))


def _prefixed(value: Any, argument: str) -> str | None:
    return None if is_nothing(value) else argument + text_of(value)


def _equals(value: Any, argument: Any) -> bool:
    wanted = argument if isinstance(argument, list) else [argument]
    return value in wanted or str(value) in map(str, wanted)


def _split(value: Any, argument: str) -> list[str]:
    parts = [each for one in list_of(value) for each in str(one).split(argument)]
    return [each.strip() for each in parts if each.strip()]


def _joined(value: Any, argument: str) -> str:
    return argument.join(str(each) for each in list_of(value) if not is_nothing(each))


def _regex(value: Any, argument: str) -> str | None:
    found = re.search(argument, text_of(value))
    return None if found is None else found[1] if found.re.groups else found[0]


def _decimal(value: Any, argument: str) -> str:
    """Read a number in which `argument` parts the whole from the rest, and other marks the thousands."""
    other = "." if argument == "," else ","
    return (
        text_of(value).replace(other, "").replace("\N{NO-BREAK SPACE}", "").replace(argument, ".")
    )


def _multiply(value: Any, argument: Any) -> Decimal | None:
    amount = amount_of(value)
    return None if amount is None else amount * Decimal(str(argument))


def _round(value: Any, argument: int) -> Decimal | None:
    amount = amount_of(value)
    if amount is None:
        return None
    return amount.quantize(Decimal(1).scaleb(-argument), rounding="ROUND_HALF_UP")


# In the order in which they are applied, however a map names them: its database keeps no order.
RULES: Mapping[str, Callable[[Any, Any], Any]] = {
    "unescape": lambda value, _: html.unescape(text_of(value)),
    "regex": _regex,
    "split": _split,
    "decimal": _decimal,
    "multiply": _multiply,
    "round": _round,
    "map": _mapped,
    "prefix": _prefixed,
    "join": _joined,
    "equals": _equals,
    "differs": lambda value, argument: not _equals(value, argument),
    "default": _default,
}


def rules_of(said: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return the rules that a map names for a field, in the order they are applied."""
    return tuple((name, said[name]) for name in RULES if name in said)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
