"""Shopify's bulk operations: started, waited for, and their results read from disk, family by family."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import orjson

from sync import http
from sync.http import ShopAnswersNonsense, ShopRefusedKey, ShopTooSlow, ShopUnreachable
from sync.shopify import documents
from sync.shopify.client import Client, Json

PAUSE = 2.0  # seconds between two looks, doubled up to the longest
LONGEST_PAUSE = 15.0
# Seconds of such pauses, for one operation and for another's end: twice both is less than a sweep has.
LONGEST_WAIT, LONGEST_BUSY = 45 * 60.0, 10 * 60.0
_BUSY, _RUNNING = {"OPERATION_IN_PROGRESS", "LIMIT_REACHED"}, {"CREATED", "RUNNING", "CANCELING"}


def start(client: Client, query: str) -> str:
    """Have the shop run a query over everything; return the operation's id. One at a time is run."""
    for seconds in _pauses(LONGEST_BUSY):
        payload = client.ask(documents.RUN, query=query).get("bulkOperationRunQuery") or {}
        errors = payload.get("userErrors") or []
        if not errors:
            return str(payload["bulkOperation"]["id"])
        if not {each.get("code") for each in errors} <= _BUSY:
            said = str(errors[0].get("message"))[:200]
            raise ShopAnswersNonsense(f"The shop does not run a bulk operation: {said}")
        http.pause(seconds)
    raise ShopTooSlow("The shop stays busy with another bulk operation. Try again later.")


def is_kept(client: Client, operation: str) -> bool:
    """Tell whether the shop still knows an operation and has not given it up."""
    status = (client.ask(documents.STATUS, id=operation).get("node") or {}).get("status")
    return status in {*_RUNNING, "COMPLETED"}


@contextmanager
def result_of(client: Client, operation: str) -> Iterator["Rows"]:
    """Wait for an operation and hold its rows on disk for a block."""
    found = _waited_for(client, operation)
    with tempfile.TemporaryFile() as file:
        if found.get("url"):
            client.save(str(found["url"]), file)
        rows = Rows(file)
        # A number, written as text.
        if str(found.get("objectCount")) != str(rows.count):
            raise ShopAnswersNonsense(
                f"A bulk operation has {found.get('objectCount')} rows, and {rows.count} came. Try again."
            )
        yield rows


def _waited_for(client: Client, operation: str) -> Json:
    for seconds in _pauses(LONGEST_WAIT):
        found = client.ask(documents.STATUS, id=operation).get("node") or {}
        status = found.get("status")
        if status == "COMPLETED":
            return dict(found)
        if status not in _RUNNING:
            raise _given_up(str(status), str(found.get("errorCode")))
        http.pause(seconds)
    raise ShopTooSlow(
        f"The shop did not finish a bulk operation within {LONGEST_WAIT / 60:.0f} minutes. Try again later."
    )


def _pauses(longest: float) -> Iterator[float]:
    seconds, waited = PAUSE, 0.0
    while waited < longest:
        yield seconds
        waited, seconds = waited + seconds, min(seconds * 2, LONGEST_PAUSE)


def _given_up(status: str, code: str) -> Exception:
    if code == "ACCESS_DENIED":
        return ShopRefusedKey(
            "The token may not read what a bulk operation asks for. Give the app the scopes read_products, "
            "read_inventory and read_locations, and install it anew."
        )
    return ShopUnreachable(f"The shop gave a bulk operation up ({status}, {code}). Try again.")


class Rows:
    """JSON Lines on disk: roots in their order, and where the rows of each parent are.

    A row names its parent by `__parentId` and may stand anywhere behind it, so that only offsets are
    held in memory.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._roots: list[int] = []
        self._ids: set[str] = set()  # the roots'
        self._children: dict[str, list[int]] = defaultdict(list)
        self.count = 0
        file.seek(0)
        offset = 0
        for line in file:
            if line.strip():
                self._note(_row(line), offset)
            offset += len(line)

    def _note(self, row: Json, offset: int) -> None:
        self.count += 1
        parent = row.get("__parentId")
        if parent is None:
            self._roots.append(offset)
            self._ids.add(str(row.get("id")))
        else:
            self._children[str(parent)].append(offset)

    def __len__(self) -> int:
        return len(self._roots)

    def has(self, root: str) -> bool:
        return root in self._ids

    def families(self, *, start: int = 0) -> Iterator[tuple[Json, list[Json]]]:
        """Yield each root from a number on, with the rows that name it as their parent."""
        for offset in self._roots[start:]:
            root = self._at(offset)
            yield root, self.of(str(root.get("id")))

    def of(self, *parents: str) -> list[Json]:
        """Return the rows of the parents."""
        return [self._at(offset) for parent in parents for offset in self._children.get(parent, ())]

    def _at(self, offset: int) -> Json:
        self._file.seek(offset)
        return _row(self._file.readline())


def _row(line: bytes) -> Json:
    try:
        row: Any = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ShopAnswersNonsense(
            "A bulk operation's result is no JSON Lines. It was cut off: try again."
        ) from error
    if not isinstance(row, dict):
        raise ShopAnswersNonsense("A bulk operation's result holds a row that is no object.")
    return row
