"""Statements in one round trip: what stands when one fails, and what a connection keeps prepared."""

import threading
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    OperationalError,
    connection,
    transaction,
)

from groundwork.statements import exchange, packed, prepared, unpacked

ONE = ("select 1", {})
BROKEN = ("select 1 / %(by)s", {"by": 0})
SLEEP = ("select pg_sleep(%(seconds)s)", {"seconds": 30})


@pytest.fixture
def table(database):
    """A table that is the session's own."""
    prepared("create temporary table if not exists noted (what text)", {})
    prepared("truncate noted", {})
    yield lambda what: ("insert into noted values (%(what)s)", {"what": what})
    connection.close()


def noted() -> list[str]:
    return [what for (what,) in prepared("select what from noted order by what", {})]


def status() -> str:
    return connection.connection.info.transaction_status.name


def test_each_statement_has_its_rows(database):
    assert exchange([ONE, ("select 2, 'b' union all select 3, 'c'", {})], [("set work_mem = '4MB'", {})]) == [
        [[(1,)], [(2, "b"), (3, "c")]],
        [[]],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        None, "", "plain", "ünï \\ ' \" %s $1", "x" * 100_000, b"\x00\xff", b"", 0, -(2**62), True, 1.5,
        Decimal("12.3400"), datetime(2026, 11, 22, 1, 2, 3, 4, tzinfo=UTC), UUID(int=7),
        [1, 2**40], [], ["a", 'b"c', None],
    ],
    ids=repr,
)  # fmt: skip
def test_what_goes_in_comes_out(database, value):
    kinds = {
        bytes: "bytea", int: "bigint", bool: "boolean", float: "float8", Decimal: "numeric",
        datetime: "timestamptz", UUID: "uuid",
    }  # fmt: skip
    kind = kinds.get(type(value), "text")
    if isinstance(value, list):
        kind = "text[]" if None in value else "bigint[]"
    assert prepared(f"select %(it)s::{kind}", {"it": value}) == [(value,)]


def test_a_nul_is_refused_and_cuts_nothing_off(database):
    with pytest.raises(DataError):
        prepared("select %(it)s::text", {"it": "MUG\0anything"})
    assert prepared("select 1", {}) == [(1,)]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("1", "")],
        [("", ""), ("", "")],
        [("MUG|11", "a\nb"), ("Größe \u2028", '{"a": "\\u001e"}'), ("%s", "'")],
        [(str(number), "x" * 1_000) for number in range(200)],
    ],
)
def test_rows_that_were_packed_are_what_they_were_and_in_their_order(database, rows):
    given = "select a, b from unnest(%(a)s::text[], %(b)s::text[]) with ordinality as _(a, b, n)"
    columns = {"a": [a for a, _ in rows], "b": [b for _, b in rows]}
    assert unpacked(prepared(packed(given, "a", "b"), columns)) == rows
    backwards = packed(f"{given} order by n desc limit 100", "a", "b")
    assert unpacked(prepared(backwards, columns)) == rows[::-1][:100]


def test_rows_that_do_not_unpack_are_no_rows(database):
    """A null is left out of its column, and what follows it would be another variant's."""
    sql = packed("select * from unnest(%(a)s::text[], %(b)s::text[])", "a", "b")
    for b in (["first", None], [None, "second"], ["fi\x1erst", "second"]):
        with pytest.raises(ValueError, match="shorter|longer"):
            unpacked(prepared(sql, {"a": ["1", "2"], "b": b}))


def test_a_parameter_may_come_twice_and_a_percent_sign_is_written_twice(database):
    assert prepared(
        "select %(a)s::int + %(b)s::int + %(a)s::int, 7 %% 4", {"a": 1, "b": 10, "unused": 5}
    ) == [(12, 3)]


def test_a_part_that_fails_is_undone_and_what_went_before_stands(table):
    with pytest.raises(DatabaseError, match="division by zero"):
        exchange([table("first")], [table("undone"), BROKEN, table("never")])
    assert noted() == ["first"]
    assert status() == "IDLE"


def test_where_it_is_not_needed_a_failure_ends_what_is_returned(table):
    begun = [("begin", {}), table("undone"), BROKEN]
    assert exchange([table("first")], begun, needed=1) == [[[]]]
    assert noted() == ["first"]
    assert status() == "IDLE"
    with pytest.raises(DatabaseError, match="division by zero"):
        exchange([BROKEN], [ONE], needed=1)


def test_what_is_refused_at_its_commit_is_not_done(table):
    prepared("alter table noted add unique (what) deferrable initially deferred", {})
    twice = [table("twice")] * 2
    for parts in ([twice], [twice, [ONE]], [[ONE], twice]):
        with pytest.raises(IntegrityError, match="unique"):
            exchange(*parts)
    assert exchange([table("first")], twice, needed=1) == [[[]]]
    assert noted() == ["first"]
    assert status() == "IDLE"


def test_nothing_behind_a_failure_is_run(table):
    with pytest.raises(DatabaseError, match="division by zero"):
        exchange([BROKEN], [("begin", {}), table("undone")])
    assert status() == "IDLE"
    assert noted() == []


def test_a_part_may_leave_its_transaction_open(table):
    exchange([("begin", {}), table("kept")])
    assert status() == "INTRANS"
    exchange([("rollback", {})])
    assert noted() == []


def test_what_failed_to_be_prepared_is_tried_again(database):
    wrong = ("select * from nowhere_at_all", {})
    for _ in range(2):
        with pytest.raises(DatabaseError, match="nowhere_at_all"):
            exchange([ONE, wrong])
    prepared("create temporary table nowhere_at_all (n int)", {})
    assert exchange([ONE, wrong]) == [[[(1,)], []]]
    connection.close()


def test_a_statement_is_prepared_once_a_connection(database):
    for _ in range(3):
        prepared("select 'once'", {})
    kept = "select count(*) from pg_prepared_statements where statement = 'select ''once'''"
    assert prepared(kept, {}) == [(1,)]
    connection.close()
    assert prepared(kept, {}) == [(0,)]


def test_what_comes_twice_in_a_trip_is_prepared_once(database):
    exchange([ONE], [ONE], [ONE])
    every = "select statement, count(*) from pg_prepared_statements group by 1 having count(*) > 1"
    assert prepared(every, {}) == []


def test_statements_that_the_server_was_made_to_forget_are_prepared_again(table):
    """Psycopg deallocates all statements after a rollback of its own."""
    exchange([table("before")])
    prepared("deallocate all", {})
    exchange([table("admitted")], [("begin", {}), table("more"), ("commit", {})])
    assert noted() == ["admitted", "before", "more"]


def test_what_a_migration_altered_is_prepared_again(table):
    """Postgres refuses a kept statement whose result has another type now."""
    every = ("select * from noted", {})
    exchange([table("before")], [every])
    with connection.cursor() as cursor:
        cursor.execute("alter table noted add column more int")
    assert exchange([table("after")], [every]) == [[[]], [[("before", None), ("after", None)]]]


def test_inside_a_transaction_it_is_the_next_time(table):
    every = ("select * from noted", {})
    exchange([every])
    with connection.cursor() as cursor:
        cursor.execute("alter table noted add column more int")
    exchange([("begin", {})])
    with pytest.raises(DatabaseError, match="cached plan"):
        exchange([every])
    exchange([("rollback", {})])
    assert exchange([("begin", {}), every, ("commit", {})]) == [[[], [], []]]


def test_inside_a_transaction_nothing_is_begun_anew(table):
    """It would run outside the transaction, in a role that may see more."""
    exchange([table("before")])
    exchange([("begin", {})])
    connection.connection.pgconn.exec_(b"deallocate all")
    with pytest.raises(DatabaseError):
        exchange([table("outside")])
    exchange([("rollback", {})])
    assert noted() == ["before"]


def test_a_rollback_of_djangos_costs_a_request_nothing(table):
    exchange([table("before")])
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        for _ in range(4):  # often enough that psycopg keeps it prepared
            with connection.cursor() as cursor:
                cursor.execute("select 1")
        raise ZeroDivisionError
    with connection.cursor() as cursor:
        cursor.execute("select 1")
    exchange([table("after")])
    assert noted() == ["after", "before"]


def test_a_connection_that_ends_is_an_error_and_closed(database):
    pid = prepared("select pg_backend_pid()", {})[0][0]
    ending = threading.Timer(0.3, _end, [connection.get_connection_params(), pid])
    ending.start()
    with pytest.raises(OperationalError):
        exchange([ONE], [SLEEP])
    ending.join()
    assert connection.connection.closed
    connection.close()
    assert prepared("select 1", {}) == [(1,)]


def _end(params: dict, pid: int) -> None:
    login = {name: params[name] for name in ("dbname", "host", "port", "user", "password")}
    with psycopg.connect(**login) as other:
        other.execute("select pg_terminate_backend(%s)", [pid])


def test_more_than_the_sockets_hold_goes_both_ways(database):
    """The server answers before all is sent: who does not listen meanwhile would wait for ever."""
    large = ("select %(it)s::text", {"it": "x" * 3_000_000})
    every = exchange(*([large] * 4 for _ in range(4)))
    assert {len(rows[0][0]) for part in every for rows in part} == {3_000_000}


def test_others_run_while_one_waits(database):
    turns = []
    other = threading.Thread(target=lambda: turns.extend(range(1000)))
    waiting = threading.Timer(0.1, other.start)
    waiting.start()
    prepared("select pg_sleep(0.5)", {})
    assert len(turns) == 1000
