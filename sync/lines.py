"""Keeps the line to a shop between short pieces of work, with what was asked of the shop once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from catalog_mirror.models import Source
from sync.connections import connector_for, way_to
from sync.connectors import Connector

LONGEST = (
    300.0  # seconds a line is kept: units and lists of variations that changed are seen by then
)


@dataclass(frozen=True)
class _Line:
    connector: Connector
    way: tuple[object, ...]
    opened_at: float


_open: dict[int, _Line] = {}


@contextmanager
def line_to(source: Source) -> Iterator[Connector]:
    """Lend the connector of a source; one that failed is not lent again. Raises `NotConnected`."""
    line = _open.pop(source.pk, None)
    way = way_to(source)
    if line and (line.way != way or time.monotonic() - line.opened_at > LONGEST):
        line.connector.close()
        line = None
    line = line or _Line(connector_for(source), way, time.monotonic())
    try:
        yield line.connector
    except BaseException:
        line.connector.close()
        raise
    _open[source.pk] = line


def hang_up() -> None:
    """Close every line that is kept."""
    while _open:
        _open.popitem()[1].connector.close()
