"""A Magento shop: products, categories, sources and stock over REST V1, in its vendor's shapes."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import orjson

from demo.storefront.http import Request, Response
from tests.sync.shops.base import FakeShop, Thing

_CRITERION = re.compile(r"searchCriteria\[filterGroups\]\[(\d+)\]\[filters\]\[0\]\[(\w+)\]")
COLOR = {"93": "Black", "94": "White"}


class MagentoShop(FakeShop):
    """`has_sources` is off where its inventory modules are; categories and sources may be set."""

    token = "magento-token"
    limit = 300  # records that a page may have

    def __init__(self) -> None:
        super().__init__()
        self.has_sources = True
        self.tells_stock = False  # whether lists carry `stock_item`
        self.sources = {"default": True}
        self.categories: list[dict[str, Any]] = [
            {"id": 1, "parent_id": 0, "name": "Root Catalog", "is_active": True, "level": 0},
            {"id": 2, "parent_id": 1, "name": "Default Category", "is_active": True, "level": 1},
        ]
        self.refused: set[str] = set()  # paths that the key may not read
        self.authorizations: list[str] = []
        self.configs = [self.config()]

    def answered(self, request: Request, body: bytes) -> Response:
        self.authorizations.append(request.authorization)
        if not self.opens(request):
            return _answer({"message": "The consumer isn't authorized to access %resources."}, 401)
        path = unquote(request.path).partition("/V1/")[2]
        if path in self.refused:
            return _answer({"message": "The consumer isn't authorized to access %resources."}, 403)
        return self.routed(path, request)

    def opens(self, request: Request) -> bool:
        given = request.authorization
        return given == f"Bearer {self.token}" or given.startswith("OAuth ")

    def routed(self, path: str, request: Request) -> Response:
        if path.startswith("products/attributes/"):
            return self.attribute(path.rpartition("/")[2])
        if path.startswith("stockItems/"):
            sku = path.removeprefix("stockItems/")
            [thing] = [each for each in self.things.values() if each.sku == sku]
            return _answer(self.stock_item(thing))
        if path == "store/storeConfigs":
            return _answer(self.configs)
        records = self.lists(path)
        if records is None:
            return _answer({"message": "Request does not match any route."}, 404)
        return self.listed(records, request)

    def lists(self, path: str) -> list[dict[str, Any]] | None:
        if path == "products":
            return [self.product(each) for each in self.things.values()]
        if path == "categories/list":
            return self.categories
        if path == "inventory/sources" and self.has_sources:
            return [{"source_code": c, "name": c, "enabled": on} for c, on in self.sources.items()]
        if path == "inventory/source-items" and self.has_sources:
            rows = [row for each in self.things.values() for row in self.source_items(each)]
            return list({(row["sku"], row["source_code"]): row for row in rows}.values())
        return None

    def config(self) -> dict[str, Any]:
        return {
            "id": 1, "code": "default", "website_id": 1, "locale": "en_US",
            "base_currency_code": "USD", "default_display_currency_code": "USD",
            "timezone": "America/Chicago", "weight_unit": "lbs",
            "base_url": "https://shop.example/", "base_link_url": "https://shop.example/",
            "base_static_url": "https://shop.example/static/",
            "base_media_url": "http://shop.example/media/",
            "secure_base_url": "https://shop.example/",
            "secure_base_link_url": "https://shop.example/",
            "secure_base_static_url": "https://shop.example/static/",
            "secure_base_media_url": "https://shop.example/media/",
        }  # fmt: skip

    def product(self, thing: Thing) -> dict[str, Any]:
        extension: dict[str, Any] = {"website_ids": [1]}
        if self.tells_stock:
            extension["stock_item"] = self.stock_item(thing)
        more = dict(thing.more)
        extension |= more.pop("extension_attributes", {})
        return {
            "id": thing.id,
            "sku": thing.sku,
            "name": thing.name,
            "attribute_set_id": 4,
            "price": _float(thing.price),
            "status": 1 if thing.published else 2,
            "visibility": 4,
            "type_id": "simple",
            "created_at": "2026-01-01 00:00:00",
            "updated_at": "2026-01-01 00:00:00",
            "extension_attributes": extension,
            "product_links": [],
            "options": [],
            "media_gallery_entries": [],
            "tier_prices": [],
            "custom_attributes": [],
        } | {k: v for k, v in more.items() if k not in {"levels", "manage_stock"}}

    def stock_item(self, thing: Thing) -> dict[str, Any]:
        return {
            "item_id": thing.id, "product_id": thing.id, "stock_id": 1, "qty": thing.stock,
            "is_in_stock": thing.stock > 0, "is_qty_decimal": False, "backorders": 0,
            "manage_stock": thing.more.get("manage_stock", True), "low_stock_date": None,
        }  # fmt: skip

    def source_items(self, thing: Thing) -> list[dict[str, Any]]:
        levels = thing.more.get("levels", [("default", thing.stock, 1)])
        return [
            {"sku": thing.sku, "source_code": code, "quantity": quantity, "status": status}
            for code, quantity, status in levels
        ]

    def attribute(self, name: str) -> Response:
        known = {"93": "color", "color": "color"}
        if name not in known:
            return _answer({"message": "The attribute does not exist."}, 404)
        options = [{"label": label, "value": value} for value, label in COLOR.items()]
        told = {"attribute_id": 93, "attribute_code": "color", "frontend_input": "select"}
        return _answer({**told, "options": [{"label": " ", "value": ""}, *options]})

    def listed(self, records: list[dict[str, Any]], request: Request) -> Response:
        """Filter, sort and page as search criteria say; `entity_id` is a product's or category's id."""
        asked = dict(request.pairs)
        found = [each for each in records if all(_fits(each, *f) for f in _filters(asked))]
        sort = asked.get("searchCriteria[sortOrders][0][field]", "")
        if sort:
            found.sort(key=lambda each: each["id" if sort == "entity_id" else sort])
        size = min(int(asked["searchCriteria[pageSize]"]), self.limit)
        page = int(asked["searchCriteria[currentPage]"])
        # Magento gives the last page once more for a page behind the last.
        last = max(1, -(-len(found) // size))
        start = (min(page, last) - 1) * size
        return _answer({"items": found[start : start + size], "total_count": len(found)})


def _filters(asked: dict[str, str]) -> list[tuple[str, str, str]]:
    groups: dict[str, dict[str, str]] = {}
    for name, value in asked.items():
        if found := _CRITERION.fullmatch(name):
            groups.setdefault(found[1], {})[found[2]] = value
    return [(g["field"], g["conditionType"], g["value"]) for g in groups.values()]


def _fits(record: dict[str, Any], name: str, condition: str, value: str) -> bool:
    held = record["id" if name == "entity_id" else name]
    if condition == "gt":
        return held > int(value)
    if condition == "in":
        return str(held) in value.split(",")
    if condition == "eq":
        return str(held) == value
    if condition == "neq":
        return str(held) != value
    assert condition == "gteq", condition
    return held >= value


def _float(price: Any) -> Any:
    try:
        return float(price)
    except (TypeError, ValueError):
        return price


def _answer(body: object, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status=status)


def edited(thing: Thing) -> None:
    """Move a product's date, as an edit in the shop does."""
    thing.more["updated_at"] = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
