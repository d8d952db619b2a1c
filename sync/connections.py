"""The only writer of connections: how a source's shop is reached, and whether it answers."""

from datetime import datetime, time

import orjson
from django.db import connection as database
from django.db import transaction

from catalog_mirror.models import Source
from groundwork.alarms import close_alarm, open_alarm
from groundwork.instants import database_now
from groundwork.sealing import SealBroken, reseal_rows, seal, unseal
from sync.budget import turns_of
from sync.connectors import Connector, Dialect, Way
from sync.kinds import KINDS
from sync.models import Connection

STALE = "source_stale"

# Two that ask at once are told of different sources.
_CLAIM_CHECKS = """
    update sync_connection set webhooks_checked_at = clock_timestamp()
    where webhooks_checked_at is null or webhooks_checked_at < %s
    returning source_id
"""


class NotConnected(Exception):
    """A source has no way to its shop."""


def connector_for(source: Source) -> Connector:
    """Return a connection to the source's shop; nothing is sent yet."""
    row = row_of(source)
    turns = turns_of(source, per_second=row.requests_per_second)
    return KINDS[row.kind].connector(unsealed_way(row), turns=turns, clock=database_now)


def row_of(source: Source) -> Connection:
    """Return the connection of a source; raise `NotConnected`."""
    row = Connection.objects.filter(source=source).first()
    if row is None:
        raise _not_connected(source)
    return row


def unsealed_way(row: Connection) -> Way:
    """Return the way to a shop with its key open; raise `SealBroken`."""
    key = orjson.loads(unseal(row.credentials))
    return Way(base_url=row.base_url, key=key, settings=row.settings)


def way_to(source: Source) -> tuple[object, ...]:
    """Return what a connector was made of: it is to be made anew when this has changed."""
    columns = ("kind", "base_url", "credentials", "settings", "requests_per_second")
    row = Connection.objects.filter(source=source).values_list(*columns).first()
    return tuple(bytes(each) if isinstance(each, memoryview) else each for each in row or ())


def _not_connected(source: Source) -> NotConnected:
    return NotConnected(f"Source {source.slug} has no connection: add it with add_source.")


def dialect_of(row: Connection) -> Dialect:
    """Return how the shop of a connection speaks by itself."""
    return KINDS[row.kind].dialect(row.settings)


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


def connect(
    source: Source, *, kind: str, way: Way, per_second: float, sweep_at: time
) -> Connection:
    """Keep the way to a source's shop, its key sealed."""
    return Connection.objects.create(
        source=source,
        kind=kind,
        base_url=way.base_url,
        credentials=seal(orjson.dumps(way.key).decode()),
        settings=way.settings,
        requests_per_second=per_second,
        sweep_at=sweep_at,
    )


def change_way(source: Source, way: Way) -> None:
    """Keep another way to a source's shop; who reads it now goes on by the one before."""
    Connection.objects.filter(source=source).update(
        base_url=way.base_url,
        credentials=seal(orjson.dumps(way.key).decode()),
        settings=way.settings,
    )


def note_complete(source: Source, *, at: datetime) -> None:
    """Note a complete sweep that began at `at`."""
    Connection.objects.filter(source=source).update(last_complete_sweep_at=at)
    close_alarm("sweep_overdue", subject=source.slug)
    note_answer(source)


def note_stale(source: Source, *, at: datetime, reason: str) -> None:
    """Note since when a source could not be read, and call a person; the first failure counts."""
    with (
        transaction.atomic()
    ):  # the row's lock orders it with an answer that comes at the same time
        row = Connection.objects.select_for_update(of=("self",)).filter(source=source).first()
        if row is None:
            return
        row.stale_since = row.stale_since or at
        row.save(update_fields=["stale_since"])
        open_alarm(
            STALE,
            subject=source.slug,
            message=f"{source.name} could not be read since {row.stale_since:%Y-%m-%d %H:%M} UTC; the "
            f"mirror stays as it was. {reason}",
        )


def note_answer(source: Source) -> None:
    """Note that a source's shop was read, in whatever way; ends its staleness."""
    stale = Connection.objects.filter(source=source, stale_since__isnull=False)
    with transaction.atomic():
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
        webhooks_checked_at=database_now(), webhooks_problem=problem[:1000]
    )


def reseal() -> int:
    """Put credentials and hook secrets under the newest key; return of how many sources."""
    return reseal_rows(Connection.objects.all(), fields=("credentials", "hook_secrets"))
