"""Faults that a test switches on: how shops fail when they are read."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from demo.storefront.http import Request, Response, json_response

# `half` ends the JSON early in a whole answer, `cut` drops the connection in mid-body.
Kind = Literal[
    "down", "slow", "html", "unauthorized", "throttled", "empty", "half", "cut", "failing"
]
HTML_PAGE = b"<!DOCTYPE html><title>Maintenance</title><p>Briefly unavailable.</p>"


class ConnectionDroppedError(Exception):
    """The server closes the connection without an answer."""


@dataclass
class Faults:
    """One fault at a time, on REST requests only; `set` and `clear` at any moment.

    `path` limits it to addresses (with query) that contain the text, `after` lets that many of
    these pass first, `times` ends it after so many.
    """

    kind: Kind | None = None
    path: str = ""
    after: int = 0
    times: int | None = None
    seconds: float = 5.0  # how long `slow` waits
    retry_after: str = "1"  # header of `throttled`: seconds or an HTTP date
    status: int = 503  # of `failing`
    hits: int = 0  # requests the fault has met since it was set
    _awake: threading.Event = field(default_factory=threading.Event)

    def set(
        self,
        kind: Kind,
        *,
        path: str = "",
        after: int = 0,
        times: int | None = None,
        seconds: float = 5.0,
        retry_after: str = "1",
        status: int = 503,
    ) -> None:
        self.clear()
        self.path, self.after, self.times, self.hits = path, after, times, 0
        self.seconds, self.retry_after, self.status = seconds, retry_after, status
        self.kind = kind

    def clear(self) -> None:
        """Behave again; who is being kept waiting goes on at once."""
        self.kind = None
        self._awake.set()
        self._awake = threading.Event()

    def meet(self, request: Request, answer: Callable[[], Response]) -> Response:
        """Return the answer, or what the fault makes of it. Raises ConnectionDroppedError."""
        kind = self.kind if self._applies(request) else None  # `clear` may come meanwhile
        if kind == "down":
            raise ConnectionDroppedError
        if kind == "slow":
            self._awake.wait(self.seconds)
        if kind in {None, "slow"}:
            return answer()
        if kind in {"half", "cut"}:
            return _spoiled(answer(), kind)
        return self._instead(kind)

    def _applies(self, request: Request) -> bool:
        address = request.path + "?" + "&".join(f"{n}={v}" for n, v in request.pairs)
        if self.kind is None or self.path not in address:
            return False
        self.hits += 1
        last = float("inf") if self.times is None else self.after + self.times
        return self.after < self.hits <= last

    def _instead(self, kind: Kind | None) -> Response:
        if kind == "html":
            return Response(HTML_PAGE, type="text/html; charset=UTF-8")
        if kind == "empty":
            return Response(b"[]", headers={"X-WP-Total": "0", "X-WP-TotalPages": "0"})
        if kind == "unauthorized":
            return _error(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
        if kind == "throttled":
            refusal = _error(429, "too_many_requests", "Too many requests.")
            refusal.headers["Retry-After"] = self.retry_after
            return refusal
        return Response(b"<h1>Error</h1>", status=self.status, type="text/html; charset=UTF-8")


def _spoiled(response: Response, kind: Kind | None) -> Response:
    if kind == "half":
        response.body = response.body[: len(response.body) // 2]
    response.is_cut = kind == "cut"
    return response


def _error(status: int, code: str, message: str) -> Response:
    return json_response({"code": code, "message": message, "data": {"status": status}}, status)
