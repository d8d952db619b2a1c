"""Feeds on loopback or in the folder, added as sources by a map."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import orjson
import pytest

from catalog_mirror.models import Source, Variant
from demo.storefront.http import Request, Response
from demo.storefront.server import running
from sync import http, lines
from tests.sync.conftest import Said, run
from tests.sync.shops.base import FakeShop

PLAIN: dict[str, Any] = {
    "currency": "USD",
    "fields": {"id": "id", "sku": "sku", "name": "name", "list_price": "price", "on_hand": "stock"},
}


class Maker(FakeShop):
    """A feed's maker that answers by a function of a test's own."""

    def __init__(self, answer: Callable[[Request], Response]) -> None:
        super().__init__()
        self.answer = answer

    def answered(self, request: Request, body: bytes) -> Response:
        return self.answer(request)


def records(*numbers: int) -> list[dict[str, Any]]:
    return [
        {"id": f"r{n}", "sku": f"SKU-{n}", "name": f"Thing {n}", "price": "10.00", "stock": n}
        for n in numbers
    ]


def answer(body: object, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return Response(raw, headers={k.replace("_", "-"): v for k, v in headers.items()})


def skus() -> dict[str, int | None]:
    """The live SKUs, with what is on hand of each."""
    live = Variant.objects.filter(retired_at=None)
    return dict(live.values_list("sku", "stock_on_hand"))


@pytest.fixture
def feed(database, monkeypatch, tmp_path, brake_off) -> Iterator[Callable[..., Maker]]:
    """Run a feed's maker and add it; return the maker, or with `says` what the command said."""
    monkeypatch.setattr(http, "pause", lambda seconds: None)
    with ExitStack() as stack:
        stack.callback(lines.hang_up)

        def add(
            given: Callable[[Request], Response], *, path: str = "/goods", **more: Any
        ) -> Maker:
            maker = Maker(given)
            url = stack.enter_context(running(maker)) + path
            options = {
                name: more.pop(name)
                for name in ("token", "key", "secret", "token_secret")
                if name in more
            }
            said = added(tmp_path, url, **options, **more)
            assert said.code == 0, said.text
            maker.url = url
            return maker

        yield add


def added(tmp_path, url: str, *args: str, slug: str = "feed", **more: Any) -> Said:
    """Add a feed by the plain map and what a test says besides."""
    keys = ("token", "key", "secret", "token_secret", "hook_secret")
    options = {name: more.pop(name) for name in keys if name in more}
    path = tmp_path / "map.json"
    path.write_bytes(orjson.dumps(more.pop("whole_map", None) or PLAIN | more))
    return run("add_source", slug, *args, kind="feed", url=url, map=path, **options)


def source() -> Source:
    return Source.objects.get(slug="feed")
