"""Pages of what a customer sees, in the order of the variants' ids, from a keyset cursor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import orjson

from contract.cursors import CursorInvalid, opened, sealed
from contract.items import COLUMNS, FROM, ItemRow, items_of, stock_json
from contract.items import STOCK as STOCK_COLUMN
from contract.parameters import Filters
from contract.problems import bad_parameter, not_found
from contract.snapshots import Snapshot
from customers.entitlements import GATE
from groundwork.statements import Rows, Statement, packed, unpacked

# The ids that a filter's values stand for, an array found once a query.
_IDS = """(select array(
    select unnest(catalog_mirror_subject_ids('{kind}', s)) from unnest(%({kind})s::text[]) s
))::bigint[]"""
_NARROWED = {
    "brand": f"v.brand_id = any({_IDS.format(kind='brand')})",
    "category": f"v.category_ids && {_IDS.format(kind='category')}",
    "product": f"v.product_id = any({_IDS.format(kind='product')})",
    "sku": "v.sku = any(%(sku)s::text[])",
    "source": f"v.source_id = any({_IDS.format(kind='source')})",
}


@dataclass(frozen=True)
class Listed:
    """What a list reads of each variant, an id first; `kind` is that of its cursors."""

    kind: str
    select: str
    columns: tuple[str, ...]


PRODUCTS = Listed("products", f"select {COLUMNS} {FROM}", ItemRow._fields)
STOCK = Listed(
    "stock",
    f"select v.id::text, v.sku::text, {STOCK_COLUMN} from catalog_mirror_variant v",  # noqa: S608
    ("id", "sku", "stock"),
)


@lru_cache
def _page_sql(listed: Listed, names: tuple[str, ...]) -> str:
    narrowed = "".join(f" and {_NARROWED[name]}" for name in names)
    page = f"""
        {listed.select} where v.id > %(after)s and {GATE} {narrowed}
        order by v.id limit %(limit)s
    """
    return packed(page, *listed.columns)


_ONE = f"select {COLUMNS} {FROM} where v.sku = %(sku)s and {GATE}"


@dataclass(frozen=True)
class Page:
    items: Sequence[bytes]
    next_cursor: str | None


@dataclass(frozen=True)
class PageRequest:
    """What a partner asked for; a cursor is good for the list and the filters it was made for."""

    filters: Filters
    limit: int
    cursor: str | None


def product_page(snapshot: Snapshot, request: PageRequest) -> Page:
    rows, next_cursor = _page(snapshot, request, PRODUCTS)
    return Page(items_of(snapshot, rows), next_cursor)


def stock_page(snapshot: Snapshot, request: PageRequest) -> Page:
    rows, next_cursor = _page(snapshot, request, STOCK)
    return Page([_stock_item(sku, stock) for _, sku, stock in rows], next_cursor)


def product(snapshot: Snapshot, sku: str) -> bytes:
    """Return one item; hidden and unknown are the same refusal."""
    rows = snapshot.rows(*product_statement(sku, snapshot.gate))
    if not rows:
        raise not_found()
    return items_of(snapshot, rows)[0]


def product_statement(sku: str, gate: Mapping[str, str]) -> Statement:
    return _ONE, {"sku": sku, **gate}


def page_statement(
    request: PageRequest, listed: Listed, customer_id: int, gate: Mapping[str, str]
) -> Statement:
    """Return what a page is read with; raise a 400 `Problem` for a cursor that is not of this list."""
    values = dict(request.filters.values)
    return _page_sql(listed, tuple(values)), {
        "after": _position(customer_id, request, listed.kind),
        "limit": request.limit + 1,
        **{name: list(each) for name, each in values.items()},
        **gate,
    }


def _stock_item(sku: str, stock: str) -> bytes:
    return b'{"sku":%b,"stock":%b}' % (orjson.dumps(sku), stock_json(stock))


def _page(snapshot: Snapshot, request: PageRequest, listed: Listed) -> tuple[Rows, str | None]:
    sql, params = page_statement(request, listed, snapshot.customer_id, snapshot.gate)
    rows = unpacked(snapshot.rows(sql, params))
    if len(rows) <= request.limit:
        return rows, None
    rows = rows[:-1]
    position = [int(rows[-1][0]), request.filters.digest]
    return rows, sealed(snapshot.customer_id, listed.kind, position)


def _position(customer_id: int, request: PageRequest, kind: str) -> int:
    if request.cursor is None:
        return 0
    try:
        position, made_for = opened(request.cursor, customer_id=customer_id, kind=kind)
    except (CursorInvalid, ValueError):
        raise bad_parameter("cursor", "This is not a cursor of this list.") from None
    if made_for != request.filters.digest:
        raise bad_parameter("cursor", "It was made for other filters. Keep them, or start again.")
    return int(position)
