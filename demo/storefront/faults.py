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
        if not self._applies(request):
            return answer()
        if self.kind == "down":
            raise ConnectionDroppedError
        if self.kind == "slow":
            self._awake.wait(self.seconds)
        if self.kind in {"slow", "half", "cut"}:
            return self._spoiled(answer())
        return self._instead()

    def _spoiled(self, response: Response) -> Response:
        if self.kind == "half":
            response.body = response.body[: len(response.body) // 2]
        response.is_cut = self.kind == "cut"
        return response

    def _applies(self, request: Request) -> bool:
        address = request.path + "?" + "&".join(f"{n}={v}" for n, v in request.pairs)
        if self.kind is None or self.path not in address:
            return False
        self.hits += 1
        last = float("inf") if self.times is None else self.after + self.times
        return self.after < self.hits <= last

    def _instead(self) -> Response:
        if self.kind == "html":
            return Response(HTML_PAGE, type="text/html; charset=UTF-8")
        if self.kind == "empty":
            return Response(b"[]", headers={"X-WP-Total": "0", "X-WP-TotalPages": "0"})
        return self._refusal()

    def _refusal(self) -> Response:
        if self.kind == "unauthorized":
            code, message = "woocommerce_rest_cannot_view", "Sorry, you cannot list resources."
            return json_response({"code": code, "message": message, "data": {"status": 401}}, 401)
        if self.kind == "throttled":
            body = {
                "code": "too_many_requests",
                "message": "Too many requests.",
                "data": {"status": 429},
            }
            return json_response(body, 429, Retry_After=self.retry_after)
        return Response(b"<h1>Error</h1>", status=self.status, type="text/html; charset=UTF-8")
