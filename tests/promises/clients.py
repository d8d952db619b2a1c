"""Clients of the real web process: threads that ask as fast as they can and note what became of it."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4


@dataclass(frozen=True)
class Asked:
    """A request: when it began, by our clock, its id, and the status; None where no answer came."""

    began: float
    request_id: str
    status: int | None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def code(self) -> str:
        """Which problem it was; empty where it was none."""
        return str(json.loads(self.body)["code"]) if (self.status or 0) >= 400 else ""


def hammered(
    port: int,
    key: str,
    *,
    clients: int,
    each: int,
    path: str,
    until: Callable[[], bool] = lambda: False,
) -> list[Asked]:
    """Let so many clients ask at once, so often each, or until it is so."""
    ready = threading.Barrier(clients)

    def client(_: int) -> list[Asked]:
        ready.wait()
        told, kept = [], http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for _ in range(each):
            if until():
                break
            told.append(ask(kept, key, path))
        kept.close()
        return told

    with ThreadPoolExecutor(clients) as pool:
        return [one for told in pool.map(client, range(clients)) for one in told]


def ask(kept: http.client.HTTPConnection, key: str, path: str, method: str = "GET") -> Asked:
    """Ask once over a kept connection; a connection that broke is made anew by the next."""
    request_id = uuid4().hex
    headers = {"X-Request-Id": request_id} | ({"Authorization": f"Bearer {key}"} if key else {})
    began = time.monotonic()
    try:
        kept.request(method, path, headers=headers)
        answer = kept.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        kept.close()
        return Asked(began, request_id, None)
    return Asked(began, request_id, answer.status, dict(answer.headers), body)


def ask_once(port: int, key: str, path: str) -> tuple[int | None, Any]:
    """Ask over a connection of its own; return the status and what the JSON says."""
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    told = ask(kept, key, path)
    kept.close()
    return told.status, json.loads(told.body)
