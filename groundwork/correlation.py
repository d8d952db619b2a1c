"""Correlation ids: one name for a cause, from the request or command to every row and log line."""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-Id"
# What a peer may choose as an id: it ends up in logs, rows and headers, so nothing else passes, and
# nothing that begins as a key of ours does or has one in it.
_ACCEPTABLE = re.compile(r"(?!tc_)(?!.*tc_(?:live|test)_)[A-Za-z0-9_.-]{8,64}")


def new_correlation_id() -> str:
    """Return a fresh id: 128 random bits in hexadecimal."""
    return secrets.token_hex(16)


def correlation_id() -> str:
    """Return the id of the work in hand, or a fresh one outside any."""
    return str(
        structlog.contextvars.get_contextvars().get("correlation_id") or new_correlation_id()
    )


@contextmanager
def correlated(identifier: str = "") -> Iterator[str]:
    """Run a block under one correlation id, given or fresh."""
    identifier = identifier or new_correlation_id()
    with structlog.contextvars.bound_contextvars(correlation_id=identifier):
        yield identifier


class CorrelationMiddleware:
    """Give every request an id, take a well-formed one from the caller, and answer with it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        offered = request.headers.get(HEADER, "")
        with correlated(offered if _ACCEPTABLE.fullmatch(offered) else "") as identifier:
            response = self.get_response(request)
        response[HEADER] = identifier
        return response
