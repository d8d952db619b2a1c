"""An answer of every operation of /v1, for its document; tests hold them to its schemas."""

from typing import Any

_REVISION = {"revision": 4711, "as_of": "2026-11-21T10:00:00.123456Z"}
_VERSION = "0001.000000004711.1795255200123456"
_CURSOR = "gAAAAABpIEp4c2FtcGxl"
_PRICE = {
    "currency": "USD",
    "tax_included": False,
    "list": "14.99",
    "unit": "10.49",
    "breaks": [
        {
            "minimum_quantity": 1,
            "unit": "10.49",
            "discount_percentage": "30.02",
            "name": None,
            "counted_per": "variant",
            "basis": {"who": "tier", "what": "brand", "kind": "percent"},
        }
    ],
    "next_change_at": None,
}
_ORDER = {"minimum_quantity": 1, "step": 1, "maximum_quantity": None}
_STOCK = {"on_hand": 120, "available": 120, "status": "in_stock"}
_ITEM = {
    "sku": "MUG-11-BLK",
    "name": "Camp mug 11 oz, black",
    "source": "drinkware",
    "product": {
        "code": "MUG-11",
        "name": "Camp mug 11 oz",
        "url": "https://shop.example/product/camp-mug-11-oz",
    },
    "brand": {"slug": "northcup", "name": "Northcup"},
    "categories": [{"slug": "mugs", "name": "Mugs", "path": ["Drinkware", "Mugs"]}],
    "options": {"Color": "Black"},
    "attributes": {"Material": "Enamel"},
    "description": "Enamel on steel.",
    "images": [{"url": "https://shop.example/mug-11-blk.jpg", "alt": "Camp mug, black"}],
    "gtin": None,
    "weight": {"value": "0.310", "unit": "kg"},
    "dimensions": None,
    "stock": _STOCK,
    "price": _PRICE,
    "order": _ORDER,
}
_LINE = {
    "sku": "MUG-11-BLK",
    "quantity": 24,
    "status": "ok",
    "unit": "10.49",
    "total": "251.76",
    "basis": {"who": "tier", "what": "brand", "kind": "percent"},
    "nearest_quantity": None,
    "price": _PRICE,
    "order": _ORDER,
}
_BASKET = {
    "data": [_LINE, {"sku": "PEN-02", "quantity": 100, "status": "not_found"}],
    "currency": "USD",
    "value": "251.76",
    "quantity": 24,
    "order_ok": False,
    "minimum": {"value": "500.00", "quantity": None, "needs": "any"},
    "shortfall": {"value": "248.24", "quantity": None},
    **_REVISION,
}
_MORE = {"has_more": True, "next_cursor": _CURSOR}

REQUESTS: dict[str, Any] = {
    "post_pricing": {
        "items": [{"sku": "MUG-11-BLK", "quantity": 24}, {"sku": "PEN-02", "quantity": 100}]
    }
}
EXAMPLES: dict[str, Any] = {
    "list_products": {"data": [_ITEM], **_REVISION, **_MORE},
    "get_product": _ITEM,
    "list_stock": {"data": [{"sku": "MUG-11-BLK", "stock": _STOCK}], **_REVISION, **_MORE},
    "list_changes": {
        "data": [
            {
                "op": "upsert",
                "sku": "MUG-11-BLK",
                "version": _VERSION,
                "changed": ["price"],
                "item": _ITEM,
            },
            {"op": "remove", "sku": "PEN-02", "version": _VERSION},
        ],
        **_REVISION,
        "has_more": False,
        "delta_cursor": _CURSOR,
        "version": _VERSION,
    },
    "get_pricing": _BASKET,
    "post_pricing": _BASKET,
    "list_brands": {
        "data": [{"slug": "northcup", "name": "Northcup", "source": "drinkware", "items": 240}],
        **_REVISION,
    },
    "list_categories": {
        "data": [
            {
                "slug": "mugs",
                "name": "Mugs",
                "source": "drinkware",
                "parent": "drinkware",
                "path": ["Drinkware", "Mugs"],
                "items": 120,
            }
        ],
        **_REVISION,
    },
    "get_me": {
        "customer": {"slug": "acme", "name": "Acme Promotions"},
        "tier": {"slug": "gold", "name": "Gold"},
        "currency": "USD",
        "contract": {"starts_at": None, "ends_at": None},
        "unpriced": "list_price",
        "order_minimum": {"value": "500.00", "quantity": None, "needs": "any"},
        "key": {
            "id": "HbPSJj3IEv5a",
            "label": "Integration",
            "scopes": [],
            "requests_a_minute": 60,
            "expires_at": None,
        },
        **_REVISION,
    },
    "health": {"status": "ok", "revision": 4711},
}
