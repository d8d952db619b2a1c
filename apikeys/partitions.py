"""The months of the request log: made ahead, detached when they are old, archived, dropped.

The work is done by functions of the tables' owner, as the application may make no tables.
"""

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from groundwork import audit
from groundwork.alarms import close_alarm, open_alarm

# Months that are there before they are needed, and below which a person is told.
AHEAD, FEWEST = 6, 2
_NAME = re.compile(r"apikeys_requestlog_\d{4}_\d{2}")
_CHUNK = 10_000  # rows fetched at once
# The database waits a tenth of a second for a reader of the log, as each request waits behind it. So
# it is tried often; between the tries the requests go on.
_TRIES, _PAUSE = 20, 0.5  # seconds

_PARTITIONS = """
    select c.relname, i.inhrelid is not null,
           pg_total_relation_size(c.oid), greatest(c.reltuples, 0)::bigint
    from pg_class c left join pg_inherits i on i.inhrelid = c.oid
    where c.relkind = 'r' and c.relname ~ '^apikeys_requestlog_[0-9]{4}_[0-9]{2}$'
    order by 1
"""
# What a person needs to know: months that are there from the coming one on, and rows that found none.
_STATE = """
    select count(*) filter (where c.relname > 'apikeys_requestlog_' ||
                            to_char(clock_timestamp() at time zone 'UTC', 'YYYY_MM')),
           exists (select from apikeys_requestlog_other)
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'apikeys_requestlog'::regclass and c.relname <> 'apikeys_requestlog_other'
"""
_ROWS = """
    select row_to_json(r)::text from (
        select at, id, key_public_id, customer_id, method, route, status, milliseconds, bytes_sent,
               correlation_id, host(address) as address
        from {table} order by at, id
    ) r
"""


@dataclass(frozen=True)
class Partition:
    """One month; detached ones are tables of their own that no request is written to."""

    name: str
    attached: bool
    size: int
    rows: int

    @property
    def month(self) -> str:
        return self.name.removeprefix("apikeys_requestlog_").replace("_", "-")


class ArchiveExists(Exception):
    """The file of a month is there already."""


def keep(*, at: datetime) -> tuple[list[str], list[str]]:
    """Make the coming months and detach those past keeping; return the names of both. Safe to repeat."""
    kept = settings.REQUEST_LOG_KEPT_MONTHS
    with connection.cursor() as cursor:
        cursor.execute("select apikeys_make_months(%s, %s)", [at, AHEAD])
        made: list[str] = cursor.fetchone()[0]
    return made, _detached(at, kept)


def _detached(at: datetime, kept: int) -> list[str]:
    """Detach the months past keeping; raise `OperationalError` where the log is read all the while."""
    for _ in range(_TRIES - 1):
        try:
            return _detached_at_once(at, kept)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
        time.sleep(_PAUSE)
    return _detached_at_once(at, kept)


def _detached_at_once(at: datetime, kept: int) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("select apikeys_detach_months(%s, %s)", [at, kept])
        names: list[str] = cursor.fetchone()[0]
    return names


def watch() -> None:
    """Alarm where the months run out, which refuses no request but gathers rows in one table."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE)
        ahead, strays = cursor.fetchone()
    if ahead >= FEWEST and not strays:
        close_alarm("log_partitions", subject="request log")
        return
    open_alarm(
        "log_partitions",
        subject="request log",
        message=f"The request log has {ahead} months ahead"
        f"{' and rows without a month' if strays else ''}. Requests are served and logged all the same. "
        "Run `manage.py log_partitions`; it says what hinders it.",
    )


def partitions() -> list[Partition]:
    with connection.cursor() as cursor:
        cursor.execute(_PARTITIONS)
        return [Partition(*row) for row in cursor.fetchall()]


def archive(partition: Partition, *, folder: Path, actor: str) -> tuple[Path, int]:
    """Write a detached month as NDJSON, readable by its owner alone; return the file and its rows.

    Raise `ArchiveExists`. The file has its name only when it is whole and on the disk.
    """
    path = folder / f"requestlog-{partition.month}.ndjson"
    if path.exists():
        raise ArchiveExists(f"{path} is there already. Move it away, or take another folder.")
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    rows = 0
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        for line in _lines(partition):
            file.write(line + "\n")
            rows += 1
        file.flush()
        os.fsync(file.fileno())
    os.link(part, path)  # unlike a rename it never replaces
    part.unlink()
    audit.record(actor, action="log.archived", subject=partition.name, after={"rows": rows})
    return path, rows


def drop(partition: Partition, *, actor: str) -> None:
    """Delete a detached month for good."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select apikeys_drop_month(%s)", [partition.name])
        audit.record(actor, action="log.dropped", subject=partition.name)


def _lines(partition: Partition) -> Iterator[str]:
    if partition.attached or not _NAME.fullmatch(partition.name):
        raise ValueError(f"{partition.name} is no detached month.")
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_ROWS.format(table=partition.name))
        while rows := cursor.fetchmany(_CHUNK):
            for (line,) in rows:
                yield line
