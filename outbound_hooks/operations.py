"""What the operations of /v1/webhooks take and how they may be refused, for their OpenAPI document."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
)

from contract.serializers import Problem
from outbound_hooks.examples import EXAMPLES, REQUESTS
from outbound_hooks.models import Delivery

_V = TypeVar("_V", bound=Callable[..., Any])
_REFUSALS = {
    400: "The body or a parameter is not understood; it is named.",
    401: "The key is missing, malformed, unknown, expired or revoked.",
    403: "No contract is in force, or the key is a test key, not for this or not for your address.",
    404: "You have no such endpoint.",
    413: "The body is too large, or does not tell its length.",
    422: "It cannot be so; the detail says why.",
    429: "Too many requests in the last 60 seconds, or too many refusals.",
    503: "The service cannot reach its database.",
}
_ALWAYS = (400, 401, 403, 429, 503)
_ID = OpenApiParameter(
    "public_id", {"type": "string"}, OpenApiParameter.PATH, description="The endpoint's id."
)
_PAGES = [
    OpenApiParameter("status", {"enum": Delivery.Status.values}, description="Those alone."),
    OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}),
    OpenApiParameter("cursor", {"type": "string"}, description="`next_cursor` of the page before."),
]


def described(
    name: str,
    shape: type[Any] | None,
    *refusals: int,
    status: int = 200,
    body: type[Any] | None = None,
    lists: bool = False,
    asks_nothing: bool = False,
) -> Callable[[_V], _V]:
    """Return the decorator that describes an operation and how it may be refused."""
    good = OpenApiResponse(shape, description="" if shape else "It is gone.")
    problems = {
        (code, "application/problem+json"): OpenApiResponse(Problem, description=_REFUSALS[code])
        for code in (*_ALWAYS, *refusals)
    }
    decorator: Callable[[_V], _V] = extend_schema(
        operation_id=name,
        parameters=[*([_ID] if refusals[:1] == (404,) else []), *(_PAGES if lists else [])],
        request=None if asks_nothing else body,
        responses={status: good, **problems},
        examples=_examples(name),
    )
    return decorator


def _examples(name: str) -> list[OpenApiExample]:
    examples = []
    if name in EXAMPLES:
        examples.append(OpenApiExample("Answer", value=EXAMPLES[name], response_only=True))
    if name in REQUESTS:
        examples.append(OpenApiExample("Question", value=REQUESTS[name], request_only=True))
    return examples
