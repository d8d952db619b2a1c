"""Refusals in the words of RFC 9457, each with a stable code."""

from collections.abc import Iterable, Mapping

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
