"""Entries of the feed made into messages: grouped by what happened, up to 100 each."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import orjson

from outbound_hooks.deliveries import Message

MOST_CHANGES = 100  # a message
KINDS = (
    "product.updated",
    "price.changed",
    "stock.changed",
    "product.removed",
    "catalogue.changed",
    "ping",
)
_REMOVED = b'{"op":"remove"'
# An entry says what changed before it says its item.
_CHANGED = re.compile(rb'"changed":(\[[^\]]*\])')
_BY_FACETS = {b'["price"]': "price.changed", b'["stock"]': "stock.changed"}


def messages_of(entries: Iterable[bytes], *, revision: int, as_of: datetime) -> Iterator[Message]:
    """Yield the messages that tell entries of `/v1/changes`, each as it would be told there."""
    groups: dict[str, list[bytes]] = defaultdict(list)
    for entry in entries:
        groups[_kind(entry)].append(entry)
    for kind in KINDS:
        told = groups.get(kind, [])
        for start in range(0, len(told), MOST_CHANGES):
            changes = b"[" + b",".join(told[start : start + MOST_CHANGES]) + b"]"
            yield _message(kind, changes, revision, as_of)


def catalogue_changed(
    *, count: int | None, cursor: str | None, revision: int, as_of: datetime
) -> Message:
    """Return the one message for very many changes; without a cursor the copy is to be made anew."""
    said = {
        "count": count,
        "cursor": cursor,
        "next": "Ask /v1/changes, with `since` set to the cursor where there is one.",
        "revision": revision,
        "as_of": as_of,
    }
    return whole("catalogue.changed", as_of, said)


def ping(as_of: datetime) -> Message:
    return whole("ping", as_of, {"message": "This endpoint is reached."})


def whole(kind: str, at: datetime, data: object) -> Message:
    said = {"type": kind, "timestamp": at, "data": data}
    return Message(kind, orjson.dumps(said, option=orjson.OPT_UTC_Z).decode())


def _message(kind: str, changes: bytes, revision: int, as_of: datetime) -> Message:
    head = orjson.dumps({"type": kind, "timestamp": as_of}, option=orjson.OPT_UTC_Z)
    tail = orjson.dumps({"revision": revision, "as_of": as_of}, option=orjson.OPT_UTC_Z)
    body = b'%b,"data":{"changes":%b,%b}' % (head[:-1], changes, tail[1:])
    return Message(kind, body.decode())


def _kind(entry: bytes) -> str:
    if entry.startswith(_REMOVED):
        return "product.removed"
    changed = _CHANGED.search(entry)
    return _BY_FACETS.get(changed[1] if changed else b"", "product.updated")


def skus_of(body: str) -> Sequence[str]:
    """Return the SKUs that a message told of."""
    data = orjson.loads(body)["data"]
    return [change["sku"] for change in data.get("changes", ())]
