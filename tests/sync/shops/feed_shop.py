"""A feed's maker: a list over http, in whatever format and by whatever paging a test wants."""

from typing import Any

import orjson

from demo.storefront.http import Request, Response
from tests.sync.shops.base import FakeShop, Thing

MAP: dict[str, Any] = {
    "currency": "USD",
    "records": "items",
    "paging": {"kind": "page", "param": "page", "size_param": "size", "size": 100},
    "fields": {
        "id": "id",
        "sku": "sku",
        "name": "name",
        "list_price": "price",
        "on_hand": "stock",
        "is_published": "published",
    },
}


class FeedShop(FakeShop):
    """Answers `?page=&size=` with a page of `items`."""

    token = "feed-token"

    def answered(self, request: Request, body: bytes) -> Response:
        if request.authorization != f"Bearer {self.token}":
            return Response(b'{"error": "who are you"}', status=401)
        page, size = int(request.params.get("page", 1)), int(request.params.get("size", 100))
        records = [self.record(each) for each in self.things.values()]
        start = (page - 1) * size
        return Response(orjson.dumps({"items": records[start : start + size]}))

    def record(self, thing: Thing) -> dict[str, Any]:
        return {
            "id": thing.id,
            "sku": thing.sku,
            "name": thing.name,
            "price": thing.price,
            "stock": thing.stock,
            "published": thing.published,
        } | thing.more
