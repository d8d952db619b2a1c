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
from outbound_hooks.models import Delivery

_V = TypeVar("_V", bound=Callable[..., Any])
_REFUSALS = {
    400: "The body or a parameter is not understood; it is named.",
    401: "The key is missing, malformed, unknown, expired or revoked.",
    403: "No contract is in force, or the key has no scope `webhooks`.",
    404: "You have no such endpoint.",
    413: "The body is too large, or does not tell its length.",
    422: "It cannot be so; the detail says why.",
    429: "Too many requests in the last 60 seconds.",
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


_ENDPOINT = {
    "id": "wh_4fT9xLq2ZbR7mKpW",
    "url": "https://partner.example/hooks/catalogue",
    "description": "Shop",
    "facets": ["product", "price", "stock"],
    "signs_body": False,
    "is_enabled": True,
    "disabled_at": None,
    "disabled_reason": None,
    "failing_since": None,
    "old_secret_until": None,
    "created_at": "2026-11-21T10:00:00.123456Z",
}
_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105 - an example
_ATTEMPT = {
    "number": 1,
    "started_at": "2026-11-21T10:00:01.123456Z",
    "milliseconds": 41.7,
    "status": 200,
    "error": None,
    "answer": "ok",
}
_EXAMPLES: dict[str, Any] = {
    "list_webhooks": {"data": [_ENDPOINT]},
    "create_webhook": _ENDPOINT | {"secret": _SECRET},
    "get_webhook": _ENDPOINT,
    "change_webhook": _ENDPOINT,
    "ping_webhook": {
        "id": "msg_0f7c6f0f4f0f4d6c9d8b6a5e4d3c2b1a",
        "status": 200,
        "error": None,
        "answer": "ok",
        "milliseconds": 41.7,
    },
    "rotate_webhook": {"secret": _SECRET, "old_secret_until": "2026-11-22T10:00:00.123456Z"},
    "enable_webhook": _ENDPOINT,
    "disable_webhook": _ENDPOINT
    | {
        "is_enabled": False,
        "disabled_at": "2026-11-21T11:00:00.123456Z",
        "disabled_reason": "You disabled it.",
    },
    "list_deliveries": {
        "data": [
            {
                "id": "msg_0f7c6f0f4f0f4d6c9d8b6a5e4d3c2b1a",
                "type": "price.changed",
                "status": "delivered",
                "reason": None,
                "created_at": "2026-11-21T10:00:01.023456Z",
                "ended_at": "2026-11-21T10:00:01.165156Z",
                "next_attempt_at": None,
                "revision": 4711,
                "attempts": [_ATTEMPT],
            }
        ],
        "has_more": False,
        "next_cursor": None,
    },
    "replay_webhook": {"deliveries": 3, "messages": 2},
}
_REQUESTS: dict[str, Any] = {
    "create_webhook": {"url": "https://partner.example/hooks/catalogue", "facets": ["stock"]},
    "change_webhook": {"description": "Shop"},
    "replay_webhook": {"since": "2026-11-21T00:00:00Z", "status": ["dead"]},
}


def _examples(name: str) -> list[OpenApiExample]:
    examples = []
    if name in _EXAMPLES:
        examples.append(OpenApiExample("Answer", value=_EXAMPLES[name], response_only=True))
    if name in _REQUESTS:
        examples.append(OpenApiExample("Question", value=_REQUESTS[name], request_only=True))
    return examples
