"""Prices of up to a thousand SKUs at their quantities, with what an order of them falls short by."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import starmap
from typing import Any

import orjson
from django.http import QueryDict

from catalog_mirror.states import State
from contract.items import STATE, basis_of, price_list, state_of
from contract.parameters import MOST_VALUES, values_of
from contract.problems import Problem, bad_parameter
from contract.snapshots import Snapshot
from customers.entitlements import GATE
from pricing.amounts import stated
from pricing.baskets import Basket, Line, Priced, basket
from pricing.order_minimums import OrderMinimumVersion, order_minimum, order_minimums

MOST_LINES = 1_000
LONGEST_SKU = 300
LARGEST_BODY = 1024 * 1024
LARGEST_QUANTITY = 10_000_000

Asked = list[tuple[str, int]]

_BY_SKU = f"""
    select {STATE} from catalog_mirror_variant v where v.sku = any(%(skus)s::text[]) and {GATE}
"""  # noqa: S608 - constants


def asked_by_query(query: QueryDict) -> Asked:
    """Read `sku`, repeated, and `quantity`, given once for all or once for each."""
    skus = values_of(query, "sku") if "sku" in query else ()
    if not skus:
        raise bad_parameter(
            "sku", f"Give one to {MOST_VALUES} of them, or POST up to {MOST_LINES}."
        )
    quantities = query.getlist("quantity") or ["1"]
    if len(quantities) not in (1, len(skus)):
        raise bad_parameter("quantity", "Give it once for all SKUs, or once for each of them.")
    wanted = [_quantity_of(each) for each in quantities]
    return list(zip(skus, wanted * len(skus) if len(wanted) == 1 else wanted, strict=False))


def asked_by_body(body: bytes) -> Asked:
    """Read `{"items": [{"sku": "..", "quantity": 10}]}`."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Problem(400, "invalid_body", "The body is no JSON.") from None
    if isinstance(given, dict) and (others := given.keys() - {"items"}):
        raise bad_parameter(min(others)[:50], "A body has items, and nothing else.")
    items = given.get("items") if isinstance(given, dict) else None
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_LINES:
        raise bad_parameter("items", f"A list of 1 to {MOST_LINES} items.")
    return [_item(number, each) for number, each in enumerate(items)]


def _item(number: int, given: Any) -> tuple[str, int]:
    name = f"items[{number}]"
    if not isinstance(given, dict) or not given.keys() <= {"sku", "quantity"}:
        raise bad_parameter(name, "An item has a sku and a quantity, and nothing else.")
    sku = given.get("sku")
    if not isinstance(sku, str) or not 0 < len(sku) <= LONGEST_SKU or "\0" in sku:
        raise bad_parameter(f"{name}.sku", f"Text of 1 to {LONGEST_SKU} characters.")
    return sku, _quantity(given.get("quantity", 1), f"{name}.quantity")


def _quantity(given: Any, name: str) -> int:
    """Read a number of JSON; 24.0 is one that is whole (JSON Schema), "24" is none."""
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= LARGEST_QUANTITY:
        raise bad_parameter(name, f"A whole number from 1 to {LARGEST_QUANTITY}.")
    return given


def _quantity_of(text: str) -> int:
    is_whole = text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_QUANTITY))
    return _quantity(int(text) if is_whole else None, "quantity")


def priced_basket(snapshot: Snapshot, asked: Asked) -> Basket:
    """Price what is asked for; hidden and unknown SKUs are both lines without a state."""
    states = _states(snapshot, list({sku for sku, _ in asked}))
    lines = [Line(sku, quantity, states.get(sku)) for sku, quantity in asked]
    minimum = minimum_for(snapshot)
    return basket(lines, price_list(snapshot, list(states.values())), minimum)


def minimum_for(snapshot: Snapshot) -> OrderMinimumVersion | None:
    return order_minimum(snapshot.terms, order_minimums(snapshot), snapshot.at)


def _states(snapshot: Snapshot, skus: Sequence[str]) -> dict[str, State]:
    rows = snapshot.rows(_BY_SKU, {"skus": skus, **snapshot.gate})
    return {state.sku: state for state in starmap(state_of, rows)}


def basket_json(snapshot: Snapshot, evaluated: Basket) -> bytes:
    """Return the body of an answer."""
    rest = orjson.dumps(
        {
            "currency": snapshot.terms.currency,
            "value": str(stated(evaluated.value, snapshot.terms.currency)),
            "quantity": evaluated.quantity,
            "order_ok": evaluated.is_ok,
            "minimum": minimum_of(evaluated.minimum),
            "shortfall": _shortfall(evaluated),
            "revision": snapshot.revision,
            "as_of": snapshot.at,
        },
        option=orjson.OPT_UTC_Z,
    )
    lines = b",".join(_line(line, priced) for line, priced in evaluated.lines)
    return b'{"data":[%b],%b' % (lines, rest[1:])


def _line(line: Line, priced: Priced | None) -> bytes:
    head = {"sku": line.sku, "quantity": line.quantity, "status": _status(priced)}
    if priced is None:
        return orjson.dumps(head)
    rung, problem = priced.rung, priced.problem
    said: Mapping[str, Any] = {
        **head,
        "unit": _text(rung.unit if rung else None),
        "total": _text(priced.total),
        "basis": basis_of(rung) if rung else None,
        "nearest_quantity": problem.nearest if problem else None,
    }
    return b"%b,%b}" % (orjson.dumps(said)[:-1], priced.told.words)


def _status(priced: Priced | None) -> str:
    if priced is None:
        return "not_found"
    if priced.problem:
        return priced.problem.code
    return "ok" if priced.rung else "not_sold"


def minimum_of(minimum: OrderMinimumVersion | None) -> dict[str, Any] | None:
    """Return an order minimum as it goes over the wire."""
    if minimum is None:
        return None
    value = minimum.minimum_value
    return {
        "value": _text(None if value is None else stated(value, minimum.currency)),
        "quantity": minimum.minimum_quantity,
        "needs": minimum.needs,
    }


def _shortfall(evaluated: Basket) -> dict[str, Any] | None:
    short, minimum = evaluated.shortfall, evaluated.minimum
    if short is None or minimum is None:
        return None
    value = None if short.value is None else stated(short.value, minimum.currency)
    return {"value": _text(value), "quantity": short.quantity}


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"
