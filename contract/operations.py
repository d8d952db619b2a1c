"""What each operation of /v1 takes and how it may be refused, for its OpenAPI document."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
)

from contract import serializers as shapes
from contract.change_cursors import FACETS
from contract.examples import EXAMPLES, REQUESTS
from contract.fields import ITEM, paths
from contract.parameters import DEFAULT_LIMIT, LONGEST_VALUE, MOST_ITEMS, MOST_STOCK, MOST_VALUES
from contract.pricing import LARGEST_QUANTITY

_V = TypeVar("_V", bound=Callable[..., Any])

_REFUSALS = {
    400: "A parameter is not understood; it is named.",
    401: "The key is missing, malformed, unknown, expired or revoked.",
    403: "No contract is in force, or the key is not for this or not for your address.",
    404: "Hidden or unknown.",
    405: "The resource takes other methods; `Allow` names them.",
    410: "The cursor is no longer good: enumerate again, as `resync` says.",
    413: "The body is too large, or does not tell its length.",
    429: "Too many requests in the last 60 seconds, or too many refusals.",
    500: "Something failed here.",
    503: "The service cannot reach its database, or has not made the sandbox of a test key yet.",
}
_NO_NUL = r"^[^\u0000]*$"
VALUE = {"type": "string", "minLength": 1, "maxLength": LONGEST_VALUE, "pattern": _NO_NUL}


def _limit(most: int, *, whole: bool = False) -> dict[str, Any]:
    number = {"type": "integer", "minimum": 1, "maximum": most, "default": DEFAULT_LIMIT}
    return {"anyOf": [number, {"const": "all"}]} if whole else number


def _values(name: str, what: str, *, required: bool = False) -> OpenApiParameter:
    schema = {"type": "array", "items": VALUE, "maxItems": MOST_VALUES}
    return OpenApiParameter(
        name, schema, required=required, explode=True, description=f"Repeat for several: {what}"
    )


_CURSOR = OpenApiParameter(
    "cursor", VALUE | {"maxLength": 2000}, description="`next_cursor` of the page before."
)
_FILTERS = [
    _values("brand", "slugs of brands."),
    _values("category", "slugs of categories, each with what lies under it."),
    _values("product", "codes of products."),
    _values("sku", "SKUs."),
    _values("source", "slugs of sources."),
]
LIST_PARAMETERS = [
    *_FILTERS,
    OpenApiParameter("limit", _limit(MOST_ITEMS), description="Items a page."),
    _CURSOR,
]
STOCK_PARAMETERS = [
    *_FILTERS,
    OpenApiParameter(
        "limit",
        _limit(MOST_STOCK, whole=True),
        description="Items a page; `all` for as many as an answer holds (100,000).",
    ),
    _CURSOR,
]
FIELDS = OpenApiParameter(
    "fields",
    {"type": "array", "items": {"enum": list(paths(ITEM))}, "minItems": 1},
    explode=False,
    description="The members of an item to answer with, and `sku`: `name,stock,price.unit`.",
)
PRICING_PARAMETERS = [
    _values("sku", "the SKUs to price.", required=True),
    OpenApiParameter(
        "quantity",
        {
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": LARGEST_QUANTITY},
            "maxItems": MOST_VALUES,
        },
        explode=True,
        description="Once for all, or once for each SKU.",
    ),
]
CHANGE_PARAMETERS = [
    OpenApiParameter(
        "since",
        {"type": "string"},
        description="A cursor; `latest` for a cursor alone; an instant (RFC 3339, with its offset) for "
        "a copy that was made then; without it, the whole view.",
    ),
    OpenApiParameter("limit", _limit(MOST_ITEMS), description="Entries a page, about."),
    OpenApiParameter(
        "facets",
        {"type": "array", "items": {"enum": list(FACETS)}, "minItems": 1},
        explode=False,
        description="What to be told of; what appears and disappears is told in any case. All, unless "
        "named; a cursor keeps those it was made with.",
    ),
]
_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    {"type": "string"},
    OpenApiParameter.HEADER,
    description="The `ETag` of an answer that you hold.",
)


def described(
    name: str,
    shape: type[shapes.Problem] | type[Any],
    *refusals: int,
    parameters: list[OpenApiParameter] | None = None,
    body: type[Any] | None = None,
    tagged: bool = False,
    deprecated: bool = False,
) -> Callable[[_V], _V]:
    """Return the decorator that describes an operation and how it may be refused.

    `tagged` is what answers 304 where nothing changed.
    """
    decorator: Callable[[_V], _V] = extend_schema(
        operation_id=name,
        summary=name.replace("_", " ").capitalize(),
        parameters=[*(parameters or []), *([_IF_NONE_MATCH] if tagged else [])],
        request=body,
        responses={200: shape, **(_NOT_MODIFIED if tagged else {}), **_problems(refusals)},
        auth=None if HTTPStatus.UNAUTHORIZED in refusals else [],  # what refuses no key is open
        examples=_examples(name),
        deprecated=deprecated,
    )
    return decorator


_NOT_MODIFIED = {304: OpenApiResponse(description="Nothing changed since the tag that was sent.")}


def _problems(refusals: tuple[int, ...]) -> dict[tuple[int, str], OpenApiResponse]:
    return {
        (status, "application/problem+json"): OpenApiResponse(
            shapes.Problem, description=_REFUSALS[status]
        )
        for status in refusals
    }


def _examples(name: str) -> list[OpenApiExample]:
    examples = [OpenApiExample("Answer", value=EXAMPLES[name], response_only=True)]
    if name in REQUESTS:
        examples.append(OpenApiExample("Question", value=REQUESTS[name], request_only=True))
    return examples
