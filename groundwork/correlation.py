"""Correlation ids: one name for a cause, from the request or command to every row and log line."""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog
from django.http import HttpRequest, HttpResponse

HEADER, _OFFERED = "X-Request-Id", "HTTP_X_REQUEST_ID"
# What a peer may choose as an id: it ends up in logs, rows and headers, so nothing else passes, and
# nothing that begins as a key or an id of ours does or has a key in it.
_ACCEPTABLE = re.compile(r"(?!tc_)(?!t[0-9a-f]{11}-)(?!.*tc_(?:live|test)_)[A-Za-z0-9_.-]{8,64}")


# An id of ours tells when it was made, so that the log of requests needs no index for it: it is looked
# through around that moment alone. The index for all other ids leaves out what is written like this.
OURS = r"^t[0-9a-f]{11}-[0-9a-f]{20}$"
_MILLISECONDS = slice(1, 12)


def new_correlation_id() -> str:
    """Return a fresh id: "t", the milliseconds since 1970, and 80 random bits, in hexadecimal."""
    return f"t{time.time_ns() // 1_000_000:011x}-{secrets.token_hex(10)}"


def made_at(identifier: str) -> datetime | None:
    """Return when an id was made, by the clock of whoever made it; None for one that is not ours."""
    if not re.fullmatch(OURS, identifier):
        return None
    return datetime.fromtimestamp(int(identifier[_MILLISECONDS], 16) / 1000, UTC)


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
        offered = request.META.get(_OFFERED, "")
        with correlated(offered if _ACCEPTABLE.fullmatch(offered) else "") as identifier:
            response = self.get_response(request)
        response[HEADER] = identifier
        return response
