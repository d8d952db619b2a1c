"""Reads ahead: the next pages of a shop are fetched while those before are written."""

import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Full, Queue
from typing import Generic, TypeVar

from django.db import connection

AHEAD = 2  # what is read and not yet written; a page of 100 products may hold 37 MB
LOOK = 0.2  # seconds between two looks whether the reading is still wanted

Item = TypeVar("Item")


@dataclass(frozen=True)
class _Read(Generic[Item]):
    """What the other thread has to tell: an item, or how the reading ended."""

    item: Item | None = None
    error: BaseException | None = None
    is_last: bool = False


def reading_ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """Yield the items, read in a thread of its own; what it raises is raised here.

    Close it to end the thread, which finishes the request in hand.
    """
    told: Queue[_Read[Item]] = Queue(AHEAD)
    ended = threading.Event()
    reader = threading.Thread(target=_read, args=(items, told, ended), daemon=True)
    reader.start()
    try:
        while not (read := told.get()).is_last:
            yield read.item  # type: ignore[misc]  # only the last has none
        if read.error:
            raise read.error
    finally:
        ended.set()
        reader.join()


def _read(items: Iterator[Item], told: "Queue[_Read[Item]]", ended: threading.Event) -> None:
    error = None
    try:
        for item in items:
            if not _tell(told, _Read(item), ended):
                return
    except BaseException as raised:  # noqa: BLE001 - raised again by who waits for the items
        error = raised
    finally:
        connection.close()  # this thread's own, which read the database's clock
    _tell(told, _Read(error=error, is_last=True), ended)


def _tell(told: "Queue[_Read[Item]]", read: _Read[Item], ended: threading.Event) -> bool:
    """Hand it over as soon as there is room; return False where nobody wants it any more."""
    while not ended.is_set():
        with suppress(Full):
            told.put(read, timeout=LOOK)
            return True
    return False
