"""Checks the parameters of a list and refuses them in WordPress's words."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote_plus

from demo.storefront.http import Params, RestError

Value = str | list[str]
Check = Callable[[str, Value], Any]
DATE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d(:?\d\d)?)?")
MAX_PAGE = 100


class InvalidParamError(Exception):
    def __init__(self, code: str, message: str, data: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.details = {"code": code, "message": message, "data": data}


def _integer(name: str, value: Value) -> int:
    if not (isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,18}\s*", value)):
        raise InvalidParamError(
            "rest_invalid_type", f"{name} is not of type integer.", {"param": name}
        )
    return int(value)


def _page(name: str, value: Value) -> int:
    number = _integer(name, value)
    if number < 1:
        raise InvalidParamError("rest_out_of_bounds", f"{name} must be greater than or equal to 1")
    return number


def _per_page(name: str, value: Value) -> int:
    number = _integer(name, value)
    if not 1 <= number <= MAX_PAGE:
        bounds = f"{name} must be between 1 (inclusive) and {MAX_PAGE} (inclusive)"
        raise InvalidParamError("rest_out_of_bounds", bounds)
    return number


def _boolean(name: str, value: Value) -> bool:
    if value not in ("true", "false", "1", "0", ""):
        raise InvalidParamError(
            "rest_invalid_type", f"{name} is not of type boolean.", {"param": name}
        )
    return value in ("true", "1")


def _date(_name: str, value: Value) -> str:
    if not (isinstance(value, str) and DATE.fullmatch(value)):
        raise InvalidParamError("rest_invalid_date", "Invalid date.")
    return value


def _text(_name: str, value: Value) -> str:
    return value if isinstance(value, str) else ",".join(value)


def _words(_name: str, value: Value) -> list[str]:
    return [
        word for part in ([value] if isinstance(value, str) else value) for word in part.split(",")
    ]


def _ids(name: str, value: Value) -> list[int]:
    return [_integer(f"{name}[{at}]", word) for at, word in enumerate(_words(name, value))]


def _one_of(*allowed: str) -> Check:
    first, last = ", ".join(allowed[:-1]), allowed[-1]
    listed = f"{first}, and {last}" if len(allowed) > 2 else f"{first} and {last}"  # noqa: PLR2004

    def check(name: str, value: Value) -> str:
        if value not in allowed:
            raise InvalidParamError("rest_not_in_enum", f"{name} is not one of {listed}.")
        return str(value)

    return check


# The list as sent names some values twice (recorded).
ORDERS: Final = (
    "date", "id", "include", "title", "slug", "modified", "popularity", "rating", "post__in",
    "price", "sales", "menu_order", "random", "popularity", "rating", "menu_order", "price",
    "popularity", "rating",
)  # fmt: skip
CHECKS: Final[Mapping[str, Check]] = {
    "page": _page,
    "per_page": _per_page,
    "offset": _integer,
    "order": _one_of("asc", "desc"),
    "orderby": _one_of(*ORDERS),
    "status": _one_of("any", "future", "trash", "draft", "pending", "private", "publish"),
    "include_status": _words,
    "exclude_status": _words,
    "type": _one_of("simple", "grouped", "external", "variable"),
    "stock_status": _one_of("instock", "outofstock", "onbackorder"),
    "include": _ids,
    "exclude": _ids,
    "parent": _ids,
    "category": _text,
    "brand": _text,
    "sku": _text,
    "search_sku": _text,
    "search": _text,
    "slug": _text,
    "featured": _boolean,
    "on_sale": _boolean,
    "dates_are_gmt": _boolean,
    "after": _date,
    "before": _date,
    "modified_after": _date,
    "modified_before": _date,
}


def checked(params: Params) -> dict[str, Any]:
    """Return the known parameters as values; unknown ones stay text. Raises RestError 400."""
    values: dict[str, Any] = {}
    wrong: dict[str, InvalidParamError] = {}
    for name, value in params.items():
        try:
            values[name] = CHECKS[name](name, value) if name in CHECKS else value
        except InvalidParamError as error:
            wrong[name] = error
    if wrong:
        raise RestError(
            400,
            "rest_invalid_param",
            f"Invalid parameter(s): {', '.join(wrong)}",
            params={name: str(error) for name, error in wrong.items()},
            details={name: error.details for name, error in wrong.items()},
        )
    return values


def query_string(values: Mapping[str, Any], *, page: int) -> str:
    """Return the query of a neighboring page, written as PHP does."""
    pairs: list[tuple[str, Any]] = []
    for name, value in {**values, "page": page}.items():
        if isinstance(value, list):
            pairs += [(f"{name}[{at}]", item) for at, item in enumerate(value)]
        else:
            pairs.append((name, int(value) if isinstance(value, bool) else value))
    return "&".join(f"{quote_plus(name)}={quote_plus(str(value))}" for name, value in pairs)
