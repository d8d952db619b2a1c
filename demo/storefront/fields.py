"""Cuts bodies to the `_fields` that a request names, as WordPress does."""

from typing import Any

import orjson

from demo.storefront.bodies import encoded

Body = dict[str, Any]
Tree = dict[str, "Tree"]


def cut_list(bodies: list[bytes], wanted: str) -> bytes:
    """Return a page as JSON; without `_fields` the rendered bodies go out as they are."""
    if not wanted:
        return b"[" + b",".join(bodies) + b"]"
    return encoded(of_list([orjson.loads(body) for body in bodies], wanted))


def cut_one(body: bytes, wanted: str) -> bytes:
    """Return one record as JSON; it keeps its links, which a list drops (recorded)."""
    if not wanted:
        return body
    whole = orjson.loads(body)
    if not isinstance(whole, dict):
        return body
    links = {"_links": whole["_links"]} if "_links" in whole else {}
    return encoded({**_kept(whole, _tree(wanted)), **links})


def of_list(bodies: list[Body], wanted: str) -> list[Body]:
    return [_kept(body, _tree(wanted)) for body in bodies] if wanted else bodies


def _tree(wanted: str) -> Tree:
    tree: Tree = {}
    for name in wanted.split(","):
        at = tree
        for part in name.strip().split("."):
            at = at.setdefault(part, {})
    return tree


def _kept(body: Body, tree: Tree) -> Body:
    """Keep the named keys in the body's own order; a name inside a list finds nothing."""
    kept: Body = {}
    for name, value in body.items():
        if name not in tree:
            continue
        if not tree[name]:
            kept[name] = value
        elif isinstance(value, dict) and (inner := _kept(value, tree[name])):
            kept[name] = inner
    return kept
