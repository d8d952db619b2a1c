"""Named statements of the hot path, past the ORM: prepared, or several in one round trip."""

from collections.abc import Mapping
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

from groundwork.postgres.base import is_pooled


def prepared(
    sql: str, params: Mapping[str, Any], *, using: str = DEFAULT_DB_ALIAS
) -> list[tuple[Any, ...]]:
    """Run a statement that the server keeps prepared for this connection; return its rows."""
    connection = connections[using]
    connection.ensure_connection()
    with connection.wrap_database_errors:
        cursor = psycopg.Cursor(connection.connection)
        return cursor.execute(sql, params, prepare=not is_pooled(using)).fetchall()


def results(
    sql: str, params: Mapping[str, Any], *, using: str = DEFAULT_DB_ALIAS
) -> list[list[tuple[Any, ...]]]:
    """Run several statements in one round trip; return the rows of each."""
    connection = connections[using]
    connection.ensure_connection()
    with connection.wrap_database_errors:
        cursor = psycopg.ClientCursor(connection.connection)
        cursor.execute(sql, params)
        every = [_rows_of(cursor)]
        while cursor.nextset():
            every.append(_rows_of(cursor))
        return every


def together(
    sql: str, params: Mapping[str, Any], *, using: str = DEFAULT_DB_ALIAS
) -> list[tuple[Any, ...]]:
    """Run several statements in one round trip; return the rows of the last."""
    return results(sql, params, using=using)[-1]


def _rows_of(cursor: psycopg.Cursor[Any]) -> list[tuple[Any, ...]]:
    # Not `description`, which would build a description of every column first.
    return [] if cursor.rownumber is None else cursor.fetchall()
