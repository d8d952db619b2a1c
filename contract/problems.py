"""Refusals in the words of RFC 9457, each with a stable code."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import orjson
from django.http import HttpResponse

from groundwork.correlation import correlation_id

_TITLES = {
    400: "The request cannot be understood",
    401: "No valid key",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    410: "The cursor is no longer good",
    413: "The body is too large",
    422: "It cannot be so",
    429: "Too many requests",
    500: "Something failed here",
    503: "Not available right now",
}


class Error(NamedTuple):
    """A code that partners decide by: its status, when it comes, and what to do then."""

    status: int
    when: str
    what_to_do: str


# The guide prints them. A code is never renamed; tests hold every refusal of the contract to this table.
ERRORS = {
    "invalid_parameter": Error(
        400,
        "A parameter, or a member of a body, is unknown or out of range, or a cursor is not yours; "
        "`parameter` names it",
        "Correct it. An unknown one is told with the nearest that is known",
    ),
    "invalid_body": Error(400, "The body is no JSON", "Correct it"),
    "invalid_request": Error(400, "The address cannot be read", "Correct it"),
    "two_authorizations": Error(400, "Two `Authorization` headers came", "Send one"),
    "key_in_url": Error(
        400,
        "A key stands in the address, where logs keep it",
        "Send it in the header alone, and ask for another in its place",
    ),
    "key_refused": Error(
        401,
        "No key, or one that is malformed, unknown, expired or revoked",
        "Check the header; ask your supplier",
    ),
    "contract_inactive": Error(
        403, "No contract of yours is in force at this time", "Ask your supplier"
    ),
    "network_not_allowed": Error(
        403, "The key may not be used from this address", "Ask your supplier to add it"
    ),
    "live_key_needed": Error(
        403, "The sandbox has no webhooks, and the key is a test key", "Use a live key"
    ),
    "scope_missing": Error(
        403, "The key has scopes, and not the one for this", "Ask for one that has"
    ),
    "not_found": Error(
        404,
        "Hidden from you, or not there; both are the same",
        "Forget it; `/v1/changes` would tell",
    ),
    "method_not_allowed": Error(
        405, "The resource takes other methods", "Use one that `Allow` names"
    ),
    "cursor_gone": Error(
        410,
        "The cursor is from before a restored backup, past retention, or of items that said less",
        "Start over at `resync`",
    ),
    "body_too_large": Error(
        413, "The body has no length, or more than 1 MiB", "Ask in several requests"
    ),
    "url_refused": Error(
        422, "Webhooks cannot go to this URL; the detail says why", "Register another"
    ),
    "endpoint_refused": Error(
        422, "An endpoint cannot be so, or not now; the detail says why", "Do as it says"
    ),
    "rate_limited": Error(
        429, "Too many requests in the last 60 seconds", "Wait for `Retry-After` seconds"
    ),
    "too_many_failures": Error(
        429,
        "Too many refused requests came from this address",
        "Check your key, and wait for `Retry-After` seconds",
    ),
    "internal_error": Error(
        500, "Something failed here", "Try again; if it stays so, tell us the `request_id`"
    ),
    "unavailable": Error(
        503, "The service cannot reach its database", "Wait for `Retry-After` seconds"
    ),
    "sandbox_unavailable": Error(
        503,
        "The key is a test key, and this installation has not made its sandbox yet",
        "Wait for `Retry-After` seconds; if it stays so, tell us",
    ),
}


class Problem(Exception):
    """A refusal on its way to the partner."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        parameter: str = "",
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.parameter = parameter
        self.headers = headers or {}
        self.members = members or {}


def bad_parameter(name: str, detail: str) -> Problem:
    return Problem(400, "invalid_parameter", detail, parameter=name)


def method_not_allowed(methods: Iterable[str] = ("get", "head")) -> Problem:
    allowed = ", ".join(method.upper() for method in methods)
    detail = f"This resource takes {allowed}."
    return Problem(405, "method_not_allowed", detail, headers={"Allow": allowed})


def not_found() -> Problem:
    """Return the one answer for what is hidden and what does not exist."""
    return Problem(404, "not_found", "There is no such thing in your view.")


def unavailable() -> Problem:
    return Problem(
        503,
        "unavailable",
        "The service cannot reach its database. Try again shortly.",
        headers={"Retry-After": "5"},
    )


def no_sandbox() -> Problem:
    """Return the answer to a test key before the workers have made what it reads."""
    return Problem(
        503,
        "sandbox_unavailable",
        "The sandbox is not made yet. Try again in a minute.",
        headers={"Retry-After": "60"},
    )


def problem_response(problem: Problem) -> HttpResponse:
    body = {
        "type": "about:blank",
        "title": _TITLES[problem.status],
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "request_id": correlation_id(),
        **problem.members,
    }
    if problem.parameter:
        body["parameter"] = problem.parameter
    return HttpResponse(
        orjson.dumps(body),
        status=problem.status,
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store", **problem.headers},
    )
