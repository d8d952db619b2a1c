"""The only writer of connections: how a source's shop is reached, and whether it answers."""

from collections.abc import Callable
from datetime import datetime, time

import orjson
from django.db import connection as database

from catalog_mirror.models import Source
from groundwork.alarms import close_alarm, open_alarm
from groundwork.sealing import seal, unseal
from sync.budget import turns_of
from sync.connectors import Connector
from sync.http import Turns
from sync.models import Connection
from sync.woocommerce.client import Client, Key
from sync.woocommerce.connector import WooCommerce

STALE = "source_stale"

# Two that ask at once are told of different sources.
_CLAIM_CHECKS = """
    update sync_connection set webhooks_checked_at = clock_timestamp()
    where webhooks_checked_at is null or webhooks_checked_at < %s
    returning source_id
"""


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
    turns = turns_of(source, per_second=row.requests_per_second)
    return _MAKERS[row.kind](row.base_url, key, turns)


def _woocommerce(base_url: str, key: Key, turns: Turns) -> Connector:
    return WooCommerce(Client(base_url, key, turns=turns), database_time)


_MAKERS: dict[str, Callable[[str, Key, Turns], Connector]] = {
    Connection.Kind.WOOCOMMERCE: _woocommerce
}


def connect(
    source: Source, *, kind: str, base_url: str, key: Key, per_second: float, sweep_at: time
) -> Connection:
    """Keep the way to a source's shop, its key sealed."""
    return Connection.objects.create(
        source=source,
        kind=kind,
        base_url=base_url,
        credentials=seal(orjson.dumps(key).decode()),
        requests_per_second=per_second,
        sweep_at=sweep_at,
    )


def note_complete(source: Source, *, at: datetime) -> None:
    """Note a complete sweep that began at `at`."""
    Connection.objects.filter(source=source).update(last_complete_sweep_at=at)
    close_alarm("sweep_overdue", subject=source.slug)
    note_answer(source)


def note_stale(source: Source, *, at: datetime, reason: str) -> None:
    """Note since when a source could not be read, and call a person; the first failure counts."""
    rows = Connection.objects.filter(source=source)
    rows.filter(stale_since=None).update(stale_since=at)
    for row in rows:
        open_alarm(
            STALE,
            subject=source.slug,
            message=f"{source.name} could not be read since {row.stale_since:%Y-%m-%d %H:%M} UTC; the "
            f"mirror stays as it was. {reason}",
        )


def note_answer(source: Source) -> None:
    """Note that a source's shop was read, in whatever way; ends its staleness."""
    stale = Connection.objects.filter(source=source, stale_since__isnull=False)
    if stale.update(stale_since=None):
        close_alarm(STALE, subject=source.slug)


def claim_checks(*, before: datetime) -> list[int]:
    """Return the sources whose webhooks were last looked at before then; each is told to one caller."""
    with database.cursor() as cursor:
        cursor.execute(_CLAIM_CHECKS, [before])
        return [pk for (pk,) in cursor.fetchall()]


def note_webhooks(source: Source, *, problem: str) -> None:
    """Note what a shop's webhooks lack; nothing, where the text is empty."""
    Connection.objects.filter(source=source).update(
        webhooks_checked_at=database_time(), webhooks_problem=problem[:1000]
    )
