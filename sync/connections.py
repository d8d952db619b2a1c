"""The only writer of connections: how a source's shop is reached, and whether it answers."""

from collections.abc import Callable
from datetime import datetime

import orjson
from django.db import connection as database
from django.db import transaction

from catalog_mirror.models import Source
from groundwork.sealing import SealBroken, seal, unseal
from sync.connectors import Connector, Dialect
from sync.models import Connection
from sync.woocommerce.client import Client, Key
from sync.woocommerce.connector import WooCommerce
from sync.woocommerce.hooks import Hooks


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
        raise _not_connected(source)
    key = Key(**orjson.loads(unseal(row.credentials)))
    return _MAKERS[row.kind](row.base_url, key, row.requests_per_second)


def way_to(source: Source) -> tuple[object, ...]:
    """Return what a connector was made of: it is to be made anew when this has changed."""
    columns = ("kind", "base_url", "credentials", "requests_per_second")
    row = Connection.objects.filter(source=source).values_list(*columns).first()
    return tuple(bytes(each) if isinstance(each, memoryview) else each for each in row or ())


def _not_connected(source: Source) -> NotConnected:
    return NotConnected(f"Source {source.slug} has no connection: add it with add_source.")


def _woocommerce(base_url: str, key: Key, per_second: float) -> Connector:
    return WooCommerce(Client(base_url, key, per_second=per_second), database_time)


_MAKERS: dict[str, Callable[[str, Key, float], Connector]] = {
    Connection.Kind.WOOCOMMERCE: _woocommerce
}

_DIALECTS: dict[str, Dialect] = {Connection.Kind.WOOCOMMERCE: Hooks()}


def dialect_of(kind: str) -> Dialect:
    """Return how the shops of a kind speak by themselves."""
    return _DIALECTS[kind]


def hook_secrets(row: Connection) -> list[str]:
    """Return the secrets that a delivery may be signed with, the newest first; raise `SealBroken`."""
    if row.hook_secrets is None:
        return []
    secrets: list[str] = orjson.loads(unseal(row.hook_secrets))
    return secrets


def set_hook_secret(source: Source, secret: str, *, only: bool = False) -> None:
    """Take `secret` from now on; the one before it holds too until the next change, unless `only`."""
    with transaction.atomic():
        row = Connection.objects.select_for_update(of=("self",)).filter(source=source).first()
        if row is None:
            raise _not_connected(source)
        before = [] if only else [each for each in _readable(row) if each != secret][:1]
        row.hook_secrets = seal(orjson.dumps([secret, *before]).decode())
        row.save(update_fields=["hook_secrets"])


def _readable(row: Connection) -> list[str]:
    """Return the secrets that can still be read; one whose key is gone is set anew for that reason."""
    try:
        return hook_secrets(row)
    except SealBroken:
        return []


def want_sweep(source_id: int) -> None:
    """Note that something was missed just now that only a sweep finds."""
    Connection.objects.filter(source=source_id).update(sweep_wanted_at=database_time())


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
