"""`fields=`: items cut down to the members that a partner asks for, top-level and dotted ones."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from contract.parameters import nearest
from contract.problems import bad_parameter

# The members of an item that can be asked for by name; what a shop names itself (options, attributes)
# comes whole. A test holds this to the document.
Tree = Mapping[str, Any]


def _leaves(*names: str) -> Tree:
    return {name: {} for name in names}


_NAMED: Tree = _leaves("slug", "name")
_BASIS: Tree = _leaves("who", "what", "kind")
_BREAK: Tree = {
    **_leaves("minimum_quantity", "unit", "discount_percentage", "name", "counted_per"),
    "basis": _BASIS,
}
_PRICE: Tree = {
    **_leaves("currency", "tax_included", "list", "unit", "next_change_at"),
    "breaks": _BREAK,
}
ITEM: Tree = {
    **_leaves("sku", "name", "source", "options", "attributes", "description", "gtin"),
    "product": _leaves("code", "name", "url"),
    "brand": _NAMED,
    "categories": {**_NAMED, "path": {}},
    "images": _leaves("url", "alt"),
    "weight": _leaves("value", "unit"),
    "dimensions": _leaves("length", "width", "height", "unit"),
    "stock": _leaves("on_hand", "available", "status"),
    "price": _PRICE,
    "order": _leaves("minimum_quantity", "step", "maximum_quantity"),
}


def paths(tree: Tree, before: str = "") -> Iterable[str]:
    """Yield every name that `fields=` takes."""
    for name, members in tree.items():
        yield before + name
        yield from paths(members, f"{before}{name}.")


_KNOWN = frozenset(paths(ITEM))


def wanted_of(text: str | None) -> Tree | None:
    """Read `fields=`; None for all of an item. The SKU is always among them."""
    if text is None:
        return None
    wanted: dict[str, Any] = {"sku": {}}
    for path in text.split(","):
        if path not in _KNOWN:
            raise bad_parameter(
                "fields", f"An item has no member {path[:80]}. {nearest(path, sorted(_KNOWN))}"
            )
        _add(wanted, path)
    return wanted


def _add(wanted: dict[str, Any], path: str) -> None:
    """Add one member; an empty tree stands for all of it, whatever part is asked for besides."""
    *above, last = path.split(".")
    for name in above:
        if wanted.get(name) == {}:
            return
        wanted = wanted.setdefault(name, {})
    wanted[last] = {}


def cut(items: Iterable[bytes], wanted: Tree | None) -> list[bytes]:
    """Return the items with nothing but what is wanted."""
    if wanted is None:
        return list(items)
    return [orjson.dumps(_cut(orjson.loads(item), wanted)) for item in items]


def _cut(value: Any, wanted: Tree) -> Any:
    if isinstance(value, list):
        return [_cut(each, wanted) for each in value]
    if not wanted or not isinstance(value, dict):
        return value
    return {name: _cut(each, wanted[name]) for name, each in value.items() if name in wanted}
