"""The only writer of connections: how a source's shop is reached, and whether it answers."""

from collections.abc import Callable
from datetime import datetime

import orjson
from django.db import connection as database

from catalog_mirror.models import Source
from groundwork.sealing import seal, unseal
from sync.connectors import Connector
from sync.models import Connection
from sync.woocommerce.client import Client, Key
from sync.woocommerce.connector import WooCommerce


class NotConnected(Exception):
    """A source has no way to its shop."""


def database_time() -> datetime:
    """Return the database's clock, the one that dates what is read."""
    with database.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        at: datetime = cursor.fetchone()[0]
        return at


def connector_for(source: Source) -> Connector:
    """Return a connection to the source's shop; nothing is sent yet."""
    row = Connection.objects.filter(source=source).first()
    if row is None:
        raise NotConnected(f"Source {source.slug} has no connection: add it with add_source.")
    key = Key(**orjson.loads(unseal(row.credentials)))
    return _MAKERS[row.kind](row.base_url, key, row.requests_per_second)


def _woocommerce(base_url: str, key: Key, per_second: float) -> Connector:
    return WooCommerce(Client(base_url, key, per_second=per_second), database_time)


_MAKERS: dict[str, Callable[[str, Key, float], Connector]] = {
    Connection.Kind.WOOCOMMERCE: _woocommerce
}


def connect(source: Source, *, kind: str, base_url: str, key: Key, per_second: float) -> Connection:
    """Keep the way to a source's shop, its key sealed."""
    return Connection.objects.create(
        source=source,
        kind=kind,
        base_url=base_url,
        credentials=seal(orjson.dumps(key).decode()),
        requests_per_second=per_second,
    )


def note_complete(source: Source, *, at: datetime) -> None:
    Connection.objects.filter(source=source).update(stale_since=None, last_complete_sweep_at=at)


def note_stale(source: Source, *, at: datetime) -> None:
    """Note since when a source could not be read; the first failure counts."""
    Connection.objects.filter(source=source, stale_since=None).update(stale_since=at)
