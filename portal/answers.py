"""Answers on a customer's view as tables: what it sees, why, and how another sees it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from catalog_mirror.past import NothingThen
from customers.explanations import Considered, explain_visibility
from customers.models import Customer
from customers.past import Past
from portal.partner_eyes import Seen, basis_in_words, price_in_words
from portal.tables import Cell, Table, cells, columns
from pricing.explanations import NoSuchPrice, explain_price

_NUMBERS = ("List", "Price")


def view(seen: Seen, why: Callable[[str], str]) -> Table:
    """Return a page of a view; `why` is where the price of a SKU is explained."""
    return Table(
        "What it sees",
        columns("SKU", "Name", "Brand", "Stock", "List", "Price", "Basis", numbers=_NUMBERS),
        [
            cells(
                Cell(item["sku"], url=why(item["sku"])),
                item["name"],
                (item["brand"] or {}).get("name", "-"),
                item["stock"]["status"].replace("_", " "),
                item["price"]["list"] or "-",
                price_in_words(item),
                basis_in_words(item),
            )
            for item in seen.items
        ],
        seen.because,
    )


def compared(skus: Sequence[str], mine: Seen, other: Seen, names: tuple[str, str]) -> Table:
    """Return both views side by side; what differs stands out."""
    ours, theirs = mine.by_sku, other.by_sku
    rows = []
    for sku in skus:
        item = ours.get(sku) or theirs.get(sku)
        if item is None:
            continue
        one, two = _price(ours.get(sku)), _price(theirs.get(sku))
        same = Cell("same") if one == two else Cell("differs", tone="warn")
        rows.append(cells(sku, item["name"], one, two, same))
    return Table(
        "Side by side",
        columns("SKU", "Name", *names, "", numbers=names),
        rows,
        "Neither sees anything of these.",
    )


def _price(item: dict[str, Any] | None) -> str:
    return price_in_words(item) if item else "hidden"


def why(customer: Customer, sku: str, *, quantity: int, at: datetime | None) -> dict[str, Any]:
    """Return whether it sees a SKU, what it pays, and every rule that was considered."""
    said: dict[str, Any] = {"problem": "", "no_price": "", "price": None, "tables": []}
    try:
        past = Past(customer, at)
    except NothingThen as error:
        return said | {"problem": str(error)}
    seen = explain_visibility(customer, sku, at=at, past=past)
    said |= {"seen": seen}
    said["tables"].append(_rules("Visibility rules that cover it", seen.rules))
    try:
        price = explain_price(customer, sku, quantity=quantity, at=at, past=past)
    except NoSuchPrice as error:
        return said | {"no_price": str(error)}
    said["tables"].append(_rules("Price rules that cover it", price.rules))
    said["tables"].append(_rules("Order rules that cover it", price.order.rules))
    listed = "none" if price.list_price is None else f"{price.list_price.normalize():f}"
    return said | {"price": price, "list_price": listed}


def _rules(title: str, rules: Sequence[Considered]) -> Table:
    return Table(
        title,
        columns("Rule", "Says", "For", "On", "From", "Until", "Outcome", numbers=("Rule",)),
        [
            cells(
                r.rule,
                r.says,
                r.who,
                r.what,
                r.starts_at,
                r.ends_at,
                Cell(r.outcome, tone="good" if r.decides else ""),
            )
            for r in rules
        ],
        "No rule covers it.",
    )
