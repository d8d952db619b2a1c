"""A Shopify shop: its documents are carried out by graphql-core over the schema that it has."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from graphql import GraphQLSchema, build_schema, graphql_sync
from graphql.type import GraphQLResolveInfo

from demo.storefront.http import Request, Response
from tests.sync.shops.base import FakeShop, Thing

SDL = Path(__file__).parent.parent / "shopify" / "admin_schema.graphql"
SHOP = {
    "name": "Small Shopify",
    "currencyCode": "USD",
    "ianaTimezone": "America/Chicago",
    "taxesIncluded": False,
}
STATES = ("available", "on_hand", "incoming")


def schema_of(version: str) -> GraphQLSchema:
    """Return the carried schema as it was in a version."""
    lines = SDL.read_text().splitlines()
    if version < "2026-04":
        lines = [line for line in lines if not line.endswith("# from 2026-04")]
    return build_schema("\n".join(lines))


def gid(kind: str, number: object) -> str:
    return f"gid://shopify/{kind}/{number}"


class ShopifyShop(FakeShop):
    """Each thing is a product with one variant, its number and ten thousand more; `more` says else."""

    token = "shpat_test"

    def __init__(self) -> None:
        super().__init__()
        self.collections: dict[int, tuple[str, str]] = {}
        self.webhooks: list[dict[str, str]] = []
        self.scopes = ["read_products", "read_inventory", "read_locations"]
        self.operations: dict[str, dict[str, Any]] = {}
        self.answers_with = ""  # another version than was asked for
        self.throttles = 0  # how many queries are yet to be found too early
        self.dearest = 1000.0
        self.available = 2000.0
        self.looks_until_done = 1
        self.is_shuffled = False  # whether children stand anywhere behind their parents
        self.documents: list[str] = []

    # -- what it is asked ----------------------------------------------------------------------

    def answered(self, request: Request, body: bytes) -> Response:
        if request.path.startswith("/bulk/"):
            return Response(self.operations[gid("BulkOperation", request.path[6:])]["rows"])
        if self.headers.get("X_SHOPIFY_ACCESS_TOKEN") != self.token:
            return _answer({"errors": "[API] Invalid API key or access token"}, 401)
        version = request.path.split("/")[3]
        asked = orjson.loads(body)
        self.documents.append(asked["query"])
        told = {"X-Shopify-API-Version": self.answers_with or version}
        return Response(orjson.dumps(self.carried_out(asked, version)), headers=told)

    def carried_out(self, asked: dict[str, Any], version: str) -> dict[str, Any]:
        cost = 10.0 + 40.0 * len(asked["variables"].get("ids", ()))
        extensions = {
            "cost": {
                "requestedQueryCost": cost,
                "actualQueryCost": cost,
                "throttleStatus": {
                    "maximumAvailable": 2000.0,
                    "currentlyAvailable": self.available,
                    "restoreRate": 100.0,
                },
            }
        }
        if cost > self.dearest:
            return _error("Query cost is too high.", "MAX_COST_EXCEEDED") | {
                "extensions": extensions
            }
        if self.throttles:
            self.throttles -= 1
            return _error("Throttled", "THROTTLED") | {"extensions": extensions}
        result = graphql_sync(
            schema_of(version),
            asked["query"],
            root_value=Root(self, version),
            variable_values=asked["variables"],
            field_resolver=_resolve,
            type_resolver=lambda value, *_: value["__typename"],
        )
        if result.errors:
            raise AssertionError(result.errors)
        return {"data": result.data, "extensions": extensions}

    # -- what it holds -------------------------------------------------------------------------

    def product(self, thing: Thing) -> dict[str, Any]:
        variants = thing.more.get("variants") or [{}]
        held = {
            "__typename": "Product",
            "id": gid("Product", thing.id),
            "handle": f"thing-{thing.id}",
            "title": thing.name,
            "vendor": "",
            "status": "ACTIVE" if thing.published else "DRAFT",
            "descriptionHtml": "",
            "publishedAt": "2026-01-01T00:00:00Z",
            "isGiftCard": False,
            "onlineStoreUrl": None,
            "productType": "",
            "media": [],
        } | {k: v for k, v in thing.more.items() if k not in {"variants", "collections"}}
        held["collections"] = [self.collection(each) for each in thing.more.get("collections", ())]
        held["variants"] = [
            self.variant(thing, held, number, says) for number, says in enumerate(variants)
        ]
        return held

    def collection(self, number: int) -> dict[str, Any]:
        handle, title = self.collections[number]
        return {
            "__typename": "Collection", "id": gid("Collection", number), "handle": handle, "title": title,
        }  # fmt: skip

    def variant(
        self, thing: Thing, product: dict[str, Any], number: int, says: dict[str, Any]
    ) -> Any:
        own = thing.id + 10_000 * (number + 1)
        quantities = {"available": thing.stock, "on_hand": thing.stock, "incoming": 0}
        levels = says.get("levels", [{"location": 1, **quantities}])
        item = {
            "__typename": "InventoryItem",
            "id": gid("InventoryItem", own + 500_000),
            "tracked": says.get("tracked", True),
            "measurement": {
                "id": gid("InventoryItemMeasurement", own),
                "weight": says.get("weight"),
            },
            "inventoryLevels": [_level(own, each) for each in levels],
        }
        held = {
            "__typename": "ProductVariant",
            "id": gid("ProductVariant", own),
            "sku": thing.sku,
            "barcode": None,
            "price": thing.price,
            "compareAtPrice": None,
            "inventoryPolicy": "DENY",
            "selectedOptions": [{"name": "Title", "value": "Default Title"}],
            "media": [],
            "inventoryItem": item,
            "product": product,
        } | {k: v for k, v in says.items() if k not in {"levels", "tracked", "weight"}}
        item["variants"] = [held]
        return held

    def node(self, wanted: str) -> dict[str, Any] | None:
        if wanted in self.operations:
            return self.looked_at(self.operations[wanted])
        for thing in self.things.values():
            product = self.product(thing)
            items = [each["inventoryItem"] for each in product["variants"]]
            for held in (product, *product["variants"], *items):
                if held["id"] == wanted:
                    return held
        return None

    # -- bulk operations -----------------------------------------------------------------------

    def run(self, query: str, version: str) -> dict[str, Any]:
        result = graphql_sync(
            schema_of(version),
            query,
            root_value=Root(self, version),
            field_resolver=_resolve,
            type_resolver=lambda value, *_: value["__typename"],
        )
        assert result.errors is None, result.errors
        [(_, connection)] = result.data.items()
        rows = list(_rows(connection, None))
        if self.is_shuffled:
            rows = [r for r in rows if "__parentId" not in r] + [
                r for r in rows if "__parentId" in r
            ][::-1]
        # Slashes are escaped, as Shopify does.
        lines = b"".join(orjson.dumps(row).replace(b"/", b"\\/") + b"\n" for row in rows)
        number = len(self.operations) + 1
        operation = {
            "__typename": "BulkOperation",
            "id": gid("BulkOperation", number),
            "status": "CREATED",
            "errorCode": None,
            "objectCount": str(len(rows)),
            "url": None,
            "rows": lines,
            "number": number,
            "looks": self.looks_until_done,
        }
        self.operations[operation["id"]] = operation
        return {"bulkOperation": operation, "userErrors": []}

    def looked_at(self, operation: dict[str, Any]) -> dict[str, Any]:
        if operation["status"] in {"CREATED", "RUNNING"}:
            operation["looks"] -= 1
            operation["status"] = "RUNNING"
            if operation["looks"] < 0:
                operation["status"] = "COMPLETED"
                if operation["rows"]:
                    operation["url"] = f"{self.base}/bulk/{operation['number']}"
        return operation


class Root:
    """The query root and the mutation root of one request: a function for each of their fields."""

    def __init__(self, shop: ShopifyShop, version: str) -> None:
        def products(**_: Any) -> list[Any]:
            return [shop.product(each) for each in shop.things.values()]

        def node(**asked: Any) -> Any:
            return shop.node(asked["id"])

        self.answers: dict[str, Callable[..., Any]] = {
            "products": products,
            "productVariants": lambda **_: [v for p in products() for v in p["variants"]],
            "collections": lambda **_: [shop.collection(each) for each in shop.collections],
            "webhookSubscriptions": lambda **_: [
                {"__typename": "WebhookSubscription", "id": gid("WebhookSubscription", n), **each}
                for n, each in enumerate(shop.webhooks, 1)
            ],
            "product": node,
            "inventoryItem": node,
            "node": node,
            "nodes": lambda ids: [shop.node(each) for each in ids],
            "shop": lambda: SHOP,
            "productsCount": lambda **_: {"count": len(shop.things)},
            "currentAppInstallation": lambda: {
                "__typename": "AppInstallation",
                "accessScopes": [{"handle": each} for each in shop.scopes],
            },
            "bulkOperationRunQuery": lambda query, **_: shop.run(query, version),
        }


def _resolve(held: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    name = info.field_name
    is_root = isinstance(held, Root)
    value = held.answers[name](**arguments) if is_root else held.get(name)
    named = str(info.return_type).rstrip("!")
    if named.endswith("Connection") and isinstance(value, list):
        return _page(value, arguments)
    if name == "quantities":
        return [{"name": each, "quantity": held["says"][each]} for each in arguments["names"]]
    return value


def _page(records: list[Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """Return a page of a connection; without `first`, as in a bulk operation, all of it."""
    after = arguments.get("after")
    start = int(base64.b64decode(after)) if after else 0
    end = start + (arguments.get("first") or len(records))
    some = records[start:end]
    return {
        "nodes": some,
        "edges": [{"node": each} for each in some],
        "pageInfo": {
            "hasNextPage": end < len(records),
            "endCursor": base64.b64encode(str(end).encode()).decode(),
        },
    }


def _rows(connection: dict[str, Any], parent: str | None) -> Any:
    """Yield a connection's nodes as JSON Lines have them: lists below become rows of their own."""
    for edge in connection["edges"]:
        row, below = _flat(edge["node"])
        yield row | ({"__parentId": parent} if parent else {})
        for each in below:
            yield from _rows(each, row["id"])


def _flat(node: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    row, below = {}, []
    for name, value in node.items():
        if isinstance(value, dict) and "edges" in value:
            below.append(value)
        elif isinstance(value, dict):
            row[name], more = _flat(value)
            below += more
        else:
            row[name] = value
    return row, below


def _level(own: int, says: dict[str, Any]) -> dict[str, Any]:
    number = own * 10 + says["location"]
    return {
        "__typename": "InventoryLevel",
        "id": f"{gid('InventoryLevel', number)}?inventory_item_id={own}",
        "isActive": says.get("isActive", True),
        "location": {"__typename": "Location", "id": gid("Location", says["location"])},
        "says": {name: says.get(name, 0) for name in STATES},
    }


def _error(message: str, code: str) -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code}}]}


def _answer(body: object, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status=status)
