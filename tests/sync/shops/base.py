"""Small shops for tests: one WSGI application each, that fails when told to and counts how it is asked."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BytesIO
from typing import Any

from demo.storefront.faults import Faults
from demo.storefront.http import Request, Response, request_from


@dataclass
class Thing:
    """A simple product as any shop could have it; what a shop adds lies in `more`."""

    id: int
    sku: str
    name: str
    price: str = "10.00"
    stock: int = 5
    published: bool = True
    more: dict[str, Any] = field(default_factory=dict)


class FakeShop:
    """Things by id, and an `answered` of each kind's own."""

    def __init__(self) -> None:
        self.things: dict[int, Thing] = {}
        self.faults = Faults()
        self.methods: Counter[str] = Counter()
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}
        # Called with each request, before it is answered.
        self.before: Callable[[Request], None] = lambda request: None
        self.base = ""

    def add(self, sku: str, **says: Any) -> Thing:
        new = max(self.things, default=100) + 1
        self.things[new] = Thing(new, sku, **{"name": f"Thing {sku}"} | says)
        return self.things[new]

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        request = request_from({**environ, "wsgi.input": BytesIO(body)})
        self.base = request.base
        self.methods[request.method] += 1
        self.asked.append(f"{request.path}?{environ['QUERY_STRING']}")
        self.headers = {k[5:]: v for k, v in environ.items() if k.startswith("HTTP_")}
        self.before(request)
        response = self.faults.meet(request, lambda: self.answered(request, body))
        told = {"Content-Type": response.type, "Content-Length": str(len(response.body))}
        status = f"{response.status} {HTTPStatus(response.status).phrase}"
        start_response(status, list({**told, **response.headers}.items()))
        return [response.body[: len(response.body) // 2] if response.is_cut else response.body]

    def answered(self, request: Request, body: bytes) -> Response:
        raise AssertionError("Each kind answers in its own way.")
