"""What a request is compared with: a WSGI application with the one necessary query and orjson.

It answers the same page or item, in the product's shape, from the same tables, on the same server:
no key, no limit, no customer, no rule, no log. `/spliced` leaves the stored document as it is and puts
the rest beside it, which is another shape and the least that any program could do.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

import orjson
import psycopg

_COLUMNS = """
    select v.id, v.sku, v.list_price::text, v.stock_on_hand, v.stock_available, v.stock_status,
           d.body
    from catalog_mirror_variant v
    join catalog_mirror_variantdocument d on d.variant_id = v.id
"""
_PAGE = _COLUMNS + "where v.is_published and v.id > %s order by v.id limit 101"
_ONE = _COLUMNS + "where v.is_published and v.sku = %s"

_STOCK = """
    select v.sku, v.stock_on_hand, v.stock_available, v.stock_status
    from catalog_mirror_variant v where v.is_published order by v.id
"""

# A merge join would walk all documents before a middle page.
_connection = psycopg.connect(
    os.environ["BARE_DATABASE"], autocommit=True, options="-c enable_mergejoin=off"
)
_cursor = _connection.cursor()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path in ("/nothing", "/stock"):
        return _answered(start_response, _nothing() if path == "/nothing" else _whole_stock())
    item = _spliced if path.startswith("/spliced") else _item
    if path.endswith("/page"):
        after = int(parse_qs(environ["QUERY_STRING"]).get("after", ["0"])[0])
        rows = _cursor.execute(_PAGE, [after]).fetchall()
        body = orjson.dumps(
            {"data": [item(row) for row in rows[:100]], "has_more": len(rows) > 100}
        )
    else:
        row = _cursor.execute(_ONE, [path.rpartition("/")[2]]).fetchone()
        body = orjson.dumps(item(row) if row else None)
    return _answered(start_response, body)


def _answered(start_response: Callable[..., Any], body: bytes) -> Iterable[bytes]:
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]


def _nothing() -> bytes:
    return orjson.dumps({"data": _cursor.execute("select 1").fetchall()})


def _whole_stock() -> bytes:
    rows = _cursor.execute(_STOCK).fetchall()
    stock = [
        {"sku": row[0], "stock": {"on_hand": row[1], "available": row[2], "status": row[3]}}
        for row in rows
    ]
    return orjson.dumps({"data": stock, "has_more": False})


def _item(row: tuple[Any, ...]) -> dict[str, Any]:
    item: dict[str, Any] = orjson.loads(row[6])
    item["stock"], item["price"] = _stock(row), {"list": row[2], "unit": row[2]}
    return item


def _spliced(row: tuple[Any, ...]) -> dict[str, Any]:
    return {"document": orjson.Fragment(row[6]), "stock": _stock(row), "price": {"list": row[2]}}


def _stock(row: tuple[Any, ...]) -> dict[str, Any]:
    return {"on_hand": row[3], "available": row[4], "status": row[5]}
