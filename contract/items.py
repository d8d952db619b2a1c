"""An item as partners get it: the stored document with stock, price and order terms spliced in."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from catalog_mirror.states import State
from contract.snapshots import Snapshot
from customers.entitlements import GATE
from pricing.offers import Quote, Rung, offer_of
from pricing.price_lists import PriceList, kept_price_list
from pricing.rules import rules_in_force

# What every read of items selects; the order is that of `VisibleRow`.
COLUMNS = """
    v.id, v.sku, v.source_id, v.brand_id, v.product_id,
    v.category_ids::text, v.category_depths::text, v.list_price,
    v.currency, v.tax_included, v.stock_on_hand, v.stock_available, v.stock_status,
    d.body
"""
FROM = """
    from catalog_mirror_variant v
    join catalog_mirror_variantdocument d on d.variant_id = v.id
"""

_BY_IDS = f"select {COLUMNS} {FROM} where v.id = any(%(ids)s) and {GATE} order by v.id"

# Bumped when code changes what an item says: held in cursors, it makes clients enumerate again.
VIEW_VERSION = 1

_ORDER = b'{"minimum_quantity":1,"step":1,"maximum_quantity":null}'


class VisibleRow(NamedTuple):
    """A variant that the customer sees in this snapshot."""

    state: State
    stock: bytes
    document: str


def visible_row(row: Sequence[Any]) -> VisibleRow:
    pk, sku, source, brand, product, categories, depths, price, currency, tax, *rest = row
    gate = (sku, True, source, brand, product, _integers(categories), _integers(depths))
    on_hand, available, status, document = rest
    state = State(pk, 0, None, *gate, price, currency, tax)
    return VisibleRow(state, stock_json(on_hand, available, status), document)


@lru_cache(maxsize=16_384)
def _integers(literal: str) -> tuple[int, ...]:
    """Read an array's literal; variants of one category have the same, so most are read once."""
    return tuple(map(int, literal[1:-1].split(","))) if literal != "{}" else ()


@lru_cache(maxsize=65_536)
def stock_json(on_hand: int | None, available: int | None, status: str) -> bytes:
    return orjson.dumps({"on_hand": on_hand, "available": available, "status": status})


def visible_rows(snapshot: Snapshot, ids: list[int]) -> dict[int, VisibleRow]:
    rows = map(visible_row, snapshot.rows(_BY_IDS, {"ids": ids, **snapshot.gate}))
    return {row.state.variant_id: row for row in rows}


def items_of(snapshot: Snapshot, rows: Sequence[VisibleRow]) -> list[bytes]:
    """Return the items of visible rows, priced for the customer of the snapshot."""
    prices = _price_list(snapshot, rows)
    return [item(row, price_json(prices.quote(row.state))) for row in rows]


def _price_list(snapshot: Snapshot, rows: Sequence[VisibleRow]) -> PriceList:
    """Return the customer's kept price list, or one made of the rules under these rows."""
    kept = snapshot.kept
    prices, was_read = kept.prices, kept.prices_read  # once: other threads share what is kept
    if not was_read or (prices and not prices.is_current(snapshot.at)):
        prices = kept_price_list(snapshot, snapshot.terms, snapshot.at)
        kept.prices, kept.prices_read = prices, True
    if prices:
        return prices
    rules = rules_in_force(snapshot, (row.state for row in rows))
    return PriceList(snapshot.terms, rules, snapshot.at)


def item(row: VisibleRow, price: bytes) -> bytes:
    head = row.document.encode()[:-1]
    return b'%b,"stock":%b,"price":%b,"order":%b}' % (head, row.stock, price, _ORDER)


@lru_cache(maxsize=65_536)
def price_json(quoted: Quote) -> bytes:
    """Return the price terms as they go over the wire; equal bytes are equal terms."""
    price = offer_of(quoted)
    return orjson.dumps(
        {
            "currency": price.currency,
            "tax_included": price.tax_included,
            "list": _text(price.list_price),
            "unit": _text(price.unit),
            "breaks": [_rung(rung) for rung in price.rungs],
            "next_change_at": price.next_change_at,
        },
        option=orjson.OPT_UTC_Z,
    )


def _rung(rung: Rung) -> dict[str, Any]:
    return {
        "minimum_quantity": rung.minimum_quantity,
        "unit": str(rung.unit),
        "discount_percentage": _text(rung.discount_percentage),
        "name": rung.name or None,
        "basis": {"who": rung.who, "what": rung.what, "kind": rung.kind},
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def joined(parts: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(parts) + b"]"
