"""The least that could be done: a WSGI application with the one necessary query and orjson.

No key, no limit, no customer, no price, no log: what the product's requests are compared with.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

import orjson
import psycopg

_PAGE = """
    select v.id, v.sku, v.list_price::text, v.stock_on_hand, v.stock_available, v.stock_status,
           d.body
    from catalog_mirror_variant v
    join catalog_mirror_variantdocument d on d.variant_id = v.id
    where v.is_published and v.id > %s order by v.id limit 101
"""
_ONE = """
    select v.id, v.sku, v.list_price::text, v.stock_on_hand, v.stock_available, v.stock_status,
           d.body
    from catalog_mirror_variant v
    join catalog_mirror_variantdocument d on d.variant_id = v.id
    where v.is_published and v.sku = %s
"""

_connection = psycopg.connect(os.environ["BARE_DATABASE"], autocommit=True)
_cursor = _connection.cursor()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/page":
        after = int(parse_qs(environ["QUERY_STRING"]).get("after", ["0"])[0])
        rows = _cursor.execute(_PAGE, [after], prepare=True).fetchall()
        body = orjson.dumps(
            {"data": [_item(row) for row in rows[:100]], "has_more": len(rows) > 100}
        )
    else:
        row = _cursor.execute(_ONE, [path.rpartition("/")[2]], prepare=True).fetchone()
        body = orjson.dumps(_item(row) if row else None)
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]


def _item(row: tuple[Any, ...]) -> dict[str, Any]:
    _, sku, price, on_hand, available, status, body = row
    return {
        "sku": sku,
        "price": price,
        "stock": {"on_hand": on_hand, "available": available, "status": status},
        "document": orjson.Fragment(body),
    }
