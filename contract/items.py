"""An item as partners get it: the stored document with stock, price and order terms spliced in."""

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from catalog_mirror.states import State
from contract.snapshots import Snapshot
from customers.entitlements import GATE
from groundwork.statements import Rows, Statement, packed, unpacked
from pricing.offers import Offer, Rung, Sale
from pricing.order_terms import OrderTerms
from pricing.price_lists import PriceList, kept_rules
from pricing.rules import rules_in_force

# What a state is made of: a variant's id, its SKU, and what else of it decides its price, in one text.
STATE = """
    v.id::text as id, v.sku::text as sku,
    concat_ws('|', v.source_id, coalesce(v.brand_id::text, ''), v.product_id, v.category_ids,
              v.category_depths, coalesce(v.list_price::text, ''), v.currency, v.tax_included) as decides
"""
STOCK = """
    concat_ws('|', coalesce(v.stock_on_hand::text, ''), coalesce(v.stock_available::text, ''),
              v.stock_status) as stock
"""
# What every read of items selects, as texts; the order is that of `ItemRow`.
COLUMNS = f"{STATE}, {STOCK}, d.body"
FROM = """
    from catalog_mirror_variant v
    join catalog_mirror_variantdocument d on d.variant_id = v.id
"""

# Bumped when code changes what an item says: held in cursors, it makes clients enumerate again.
VIEW_VERSION = 2


class VisibleRow(NamedTuple):
    """A variant that the customer sees in this snapshot."""

    state: State
    stock: bytes
    document: str


class ItemRow(NamedTuple):
    """A row of `COLUMNS`."""

    id: str
    sku: str
    decides: str
    stock: str
    document: str


def item_rows(select: str) -> str:
    """Return SQL that brings many rows of `COLUMNS` as one."""
    return packed(select, *ItemRow._fields)


def visible_row(row: Sequence[str]) -> VisibleRow:
    pk, sku, decides, stock, document = row
    return VisibleRow(state_of(pk, sku, decides), stock_json(stock), document)


def state_of(pk: str, sku: str, decides: str) -> State:
    """Return the state of now from the columns of `STATE`."""
    source, brand, product, categories, depths, price, currency, tax = decides.split("|")
    subjects = int(source), int(brand) if brand else None, int(product)
    gate = (sku, True, *subjects, _integers(categories), _integers(depths))
    return State(int(pk), 0, None, *gate, Decimal(price) if price else None, currency, tax == "t")


@lru_cache(maxsize=16_384)
def _integers(literal: str) -> tuple[int, ...]:
    """Read an array's literal; variants of one category have the same, so most are read once."""
    return tuple(map(int, literal[1:-1].split(","))) if literal != "{}" else ()


@lru_cache(maxsize=65_536)
def stock_json(stock: str) -> bytes:
    """Return the stock of the column `STOCK` as partners get it."""
    on_hand, available, status = stock.split("|")
    return orjson.dumps(
        {"on_hand": _number(on_hand), "available": _number(available), "status": status}
    )


def _number(text: str) -> int | None:
    return int(text) if text else None


_BY_IDS = item_rows(f"select {COLUMNS} {FROM} where v.id = any(%(ids)s) and {GATE} order by v.id")


def by_ids(snapshot: Snapshot, ids: list[int]) -> Statement:
    return _BY_IDS, {"ids": ids, **snapshot.gate}


def visible_rows(snapshot: Snapshot, ids: list[int]) -> dict[int, VisibleRow]:
    rows = map(visible_row, unpacked(snapshot.rows(*by_ids(snapshot, ids))))
    return {row.state.variant_id: row for row in rows}


def items_of(snapshot: Snapshot, rows: Rows) -> list[bytes]:
    """Return the items of rows of `COLUMNS`, priced for the customer of the snapshot."""
    prices = kept_prices(snapshot) or prices_under(snapshot, [state_of(*row[:3]) for row in rows])
    return [_spliced(row[4], stock_json(row[3]), _words_of(prices, *row[:3])) for row in rows]


def _words_of(prices: PriceList, pk: str, sku: str, decides: str) -> bytes:
    """Return a row's price in words; of rows that read alike a state is made once."""
    alike = f"{decides}|{pk}" if int(pk) in prices.singled_out else decides
    return prices.words.get(alike) or prices.put_into_words(alike, state_of(pk, sku, decides))


def price_list(snapshot: Snapshot, states: Collection[State]) -> PriceList:
    """Return the customer's kept price list, or one made of the rules under these states."""
    return kept_prices(snapshot) or prices_under(snapshot, states)


def kept_prices(snapshot: Snapshot) -> PriceList | None:
    """Return the price list that is kept of the customer; None where its rules are too many for that."""
    kept = snapshot.kept
    prices, was_read = kept.prices, kept.prices_read  # once: other threads share what is kept
    if not was_read or (prices and not prices.is_current(snapshot.at)):
        rules = kept_rules(snapshot)
        prices = PriceList(snapshot.terms, rules, snapshot.at, tell=sale_json) if rules else None
        kept.prices, kept.prices_read = prices, True
    return prices


def prices_under(snapshot: Snapshot, states: Collection[State]) -> PriceList:
    """Return a price list of the rules under these states alone."""
    rules = rules_in_force(snapshot, states)
    return PriceList(snapshot.terms, rules, snapshot.at, tell=sale_json)


def item(row: VisibleRow, sale: bytes) -> bytes:
    return _spliced(row.document, row.stock, sale)


def _spliced(document: str, stock: bytes, sale: bytes) -> bytes:
    return b'%b,"stock":%b,%b}' % (document[:-1].encode(), stock, sale)


def sale_json(sale: Sale) -> bytes:
    """Return the members of an item that tell of buying it; equal bytes are equal terms."""
    return b'"price":%b,"order":%b' % (
        orjson.dumps(price_of(sale.offer), option=orjson.OPT_UTC_Z),
        orjson.dumps(order_of(sale.order)),
    )


def price_of(offer: Offer) -> dict[str, Any]:
    """Return the price terms as they go over the wire."""
    return {
        "currency": offer.currency,
        "tax_included": offer.tax_included,
        "list": _text(offer.list_price),
        "unit": _text(offer.unit),
        "breaks": [_rung(rung) for rung in offer.rungs],
        "next_change_at": offer.next_change_at,
    }


def order_of(terms: OrderTerms) -> dict[str, Any]:
    return terms._asdict()


def _rung(rung: Rung) -> dict[str, Any]:
    return {
        "minimum_quantity": rung.minimum_quantity,
        "unit": str(rung.unit),
        "discount_percentage": _text(rung.discount_percentage),
        "name": rung.name or None,
        "counted_per": rung.counted_per,
        "basis": basis_of(rung),
    }


def basis_of(rung: Rung) -> dict[str, str]:
    return {"who": rung.who, "what": rung.what, "kind": rung.kind}


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def joined(parts: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(parts) + b"]"
