"""Named statements of the hot path, past the ORM: kept prepared, and many of them in one round trip.

Spoken through libpq's pipeline: what a cursor does besides, for each statement, took as long again.
"""

import re
import select
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple, cast

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import abc, errors, pq
from psycopg.adapt import PyFormat, Transformer

from groundwork.postgres.base import DatabaseWrapper, is_pooled

# SQL with parameters as %(name)s, and what they stand for.
Statement = tuple[str, Mapping[str, Any]]
Rows = list[tuple[Any, ...]]

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_NUMBERS = count(1)
# A statement that the server was made to forget (by psycopg: all of a connection's, after a rollback of its
# own), or whose tables a migration altered. Nothing was done by it.
_STALE = (errors.InvalidSqlStatementName, errors.FeatureNotSupported)
_BEGIN: Statement = ("begin", {})
_COMMIT: Statement = ("commit", {})
_SEPARATOR, _SEPARATOR_SQL = "\x1e", r"E'\x1e'"
_ANYTHING = select.POLLIN | select.POLLOUT


def prepared(sql: str, params: Mapping[str, Any], *, using: str = DEFAULT_DB_ALIAS) -> Rows:
    """Run a statement that the server keeps prepared for this connection; return its rows."""
    return exchange([(sql, params)], using=using)[0][0]


def exchange(
    *parts: Sequence[Statement], using: str = DEFAULT_DB_ALIAS, needed: int | None = None
) -> list[list[Rows]]:
    """Run parts in one round trip; return the rows of each of their statements.

    Of several parts each but the last is a transaction of its own. The last one is one too, unless it
    begins its own or there is one already. The first failure is raised: nothing behind it is run, the
    parts before it stand, and a transaction that was begun here and is still open is rolled back. Where
    only so many parts are `needed`, a later failure is not raised and ends what is returned.
    """
    wrapper = cast("DatabaseWrapper", connections[using])
    wrapper.ensure_connection()
    with wrapper.wrap_database_errors:
        trip = _Trip(wrapper)
        was_idle = trip.is_idle
        done = trip.run(parts)
        if isinstance(trip.failure, _STALE) and was_idle:
            trip.start_over()
            done += trip.run(parts[len(done) :])
        if trip.failure and was_idle:
            trip.roll_back()
        if trip.failure and (needed is None or len(done) < needed):
            raise trip.failure
        return done


def packed(query: str, *columns: str) -> str:
    """Return SQL that brings the rows of a query as a single one, in their order; `unpacked` undoes it.

    A server sends rows as they come, 8 KiB at a time, and each piece wakes us; one long row it sends at
    once (from Postgres 17 on). The columns are texts that hold no control character, and none is null.
    """
    strung = ", ".join(f"string_agg({column}, {_SEPARATOR_SQL})" for column in columns)
    return f"select {strung} from ({query}) packed({', '.join(columns)})"  # noqa: S608


def unpacked(rows: Rows) -> Rows:
    """Return the rows that were brought as one; raise a `ValueError` where a column has not as many."""
    [strung] = rows
    if strung[0] is None:
        return []
    return list(zip(*(column.split(_SEPARATOR) for column in strung), strict=True))


class _Query(NamedTuple):
    """A statement as the server takes it, and the order in which it takes its parameters."""

    text: bytes
    order: tuple[str, ...]


class _Sent(NamedTuple):
    """An answer to come: a statement's, or that to its preparation."""

    sql: str
    is_preparation: bool = False


class _Trip:
    """Round trips on one connection: everything is sent, then everything is read."""

    def __init__(self, wrapper: DatabaseWrapper) -> None:
        self.connection: psycopg.Connection[Any] = wrapper.connection
        self.pgconn = self.connection.pgconn
        self.names = wrapper.prepared_names
        # Through a pooler the next transaction may be on another connection, which knows no names.
        self.keeps_names = not is_pooled(wrapper.alias)
        self.failure: psycopg.Error | None = None
        self.transformer: abc.Transformer = Transformer(self.connection)

    @property
    def is_idle(self) -> bool:
        return bool(self.pgconn.transaction_status == pq.TransactionStatus.IDLE)

    def start_over(self) -> None:
        """Forget what was prepared, and the failure that told of it."""
        self.names.clear()
        self.failure = None
        self.roll_back()

    def roll_back(self) -> None:
        if not self.is_idle and not self.connection.closed:
            self.pgconn.exec_(b"rollback")

    def run(self, parts: Sequence[Sequence[Statement]]) -> list[list[Rows]]:
        """Return the rows of the parts before the first that failed, which `failure` then holds.

        So it is where the connection is lost in between, as far as their answers arrived.
        """
        alone = [[_BEGIN, *part, _COMMIT] for part in parts[:-1]]
        dumped = [
            [(sql, *_dumped(self.transformer, sql, params)) for sql, params in part]
            for part in (*alone, *parts[-1:])
        ]
        done: list[list[Rows]] = []
        try:
            self.pgconn.enter_pipeline_mode()
            expected = [self._send(part) for part in dumped]
            # Once, at the end of all: with each the server sends what it has, and that wakes us.
            self.pgconn.pipeline_sync()
            results = self._results()
            for number, part in enumerate(expected, 1):
                rows = self._received(part, results)
                if not self.failure:
                    done.append(rows[1:-1] if number < len(parts) else rows)
            if not self._ended_well(results):
                del done[len(parts) - 1 :]
            self.pgconn.exit_pipeline_mode()
        except psycopg.OperationalError as error:
            self.connection.close()
            self.failure = error
        except BaseException:
            self.connection.close()  # what it would answer next belongs to what was asked here
            raise
        return done

    def _send(self, part: Sequence[tuple[str, list[Any], list[int]]]) -> list[_Sent]:
        sent: list[_Sent] = []
        for sql, values, formats in part:
            if self.keeps_names:
                name = self.names.get(sql)
                if name is None:
                    name = self.names[sql] = b"tc_%d" % next(_NUMBERS)
                    self.pgconn.send_prepare(name, _query(sql).text)
                    sent.append(_Sent(sql, is_preparation=True))
                self.pgconn.send_query_prepared(name, values, formats)
            else:
                self.pgconn.send_query_params(_query(sql).text, values, param_formats=formats)
            sent.append(_Sent(sql))
        return sent

    def _received(
        self, expected: Sequence[_Sent], results: Iterator[pq.abc.PGresult]
    ) -> list[Rows]:
        """Read a part's answers; return its rows."""
        every: list[Rows] = []
        for sent in expected:
            result = next(results)
            if result.status == pq.ExecStatus.FATAL_ERROR:
                self._fail(result)
                if isinstance(self.failure, _STALE):
                    self.names.pop(sent.sql, None)
            if not sent.is_preparation:
                every.append(_rows(self.transformer, result))
            elif result.status != pq.ExecStatus.COMMAND_OK:
                self.names.pop(sent.sql, None)
        return every

    def _ended_well(self, results: Iterator[pq.abc.PGresult]) -> bool:
        """Read up to the end, where what has no commit of its own is committed."""
        result = next(results)
        if result.status == pq.ExecStatus.FATAL_ERROR:
            self._fail(result)
            next(results)
        return result.status == pq.ExecStatus.PIPELINE_SYNC

    def _fail(self, result: pq.abc.PGresult) -> None:
        failure = errors.error_from_result(result, self.connection.info.encoding)
        self.failure = self.failure or failure

    def _results(self) -> Iterator[pq.abc.PGresult]:
        """Yield what the server answers; nobody else is kept from running while we wait for it."""
        poll = select.poll()
        poll.register(self.pgconn.socket, _ANYTHING)
        while self.pgconn.flush():
            if poll.poll()[0][1] & ~select.POLLOUT:
                self.pgconn.consume_input()
        poll.modify(self.pgconn.socket, select.POLLIN)
        while True:
            while self.pgconn.is_busy():
                poll.poll()
                self.pgconn.consume_input()
            if result := self.pgconn.get_result():
                yield result
            elif self.pgconn.status != pq.ConnStatus.OK:
                raise psycopg.OperationalError(self.pgconn.get_error_message())


@lru_cache(maxsize=1_000)
def _query(sql: str) -> _Query:
    order = tuple(dict.fromkeys(_PLACEHOLDER.findall(sql)))
    text = _PLACEHOLDER.sub(lambda found: f"${order.index(found[1]) + 1}", sql)
    return _Query(text.replace("%%", "%").encode(), order)


def _dumped(
    transformer: abc.Transformer, sql: str, params: Mapping[str, Any]
) -> tuple[list[Any], list[int]]:
    """Return the values of a statement's parameters, and their formats."""
    values: list[Any] = []
    formats: list[int] = []
    for name in _query(sql).order:
        value = params[name]
        formats.append(pq.Format.BINARY if isinstance(value, bytes) else pq.Format.TEXT)
        if isinstance(value, str):
            if "\0" in value:
                raise psycopg.DataError("No text of the database holds a NUL.")
            value = value.encode()
        elif not (value is None or isinstance(value, bytes)):
            value = transformer.get_dumper(value, PyFormat.TEXT).dump(value)
        values.append(value)
    return values, formats


def _rows(transformer: abc.Transformer, result: pq.abc.PGresult) -> Rows:
    if result.status != pq.ExecStatus.TUPLES_OK:  # a command's, or one that was not come to
        return []
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)
