"""Revisions: numbers become visible in order, and writing is bounded."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction

from catalog_mirror import revisions
from catalog_mirror.models import Revision, Source
from tests.factories import SourceFactory, a_product, mirrored, newest_revision, now


def test_a_number_is_the_next_and_its_stamp_never_goes_back(clock):
    with revisions.writing("one") as first:
        pass
    clock.move(timedelta(hours=-1))
    with revisions.writing("two", touches_rules=True) as second:
        pass
    assert (first.number, second.number) == (1, 2)
    assert second.recorded_at == first.recorded_at
    assert second.nonce != first.nonce
    rows = Revision.objects.order_by("number").values_list("number", "origin", "touches_rules")
    assert list(rows) == [(0, "installed", False), (1, "one", False), (2, "two", True)]


def test_nothing_to_write_gives_the_number_back(database):
    with revisions.writing("nothing"):
        raise revisions.NothingToWrite
    assert newest_revision() == 0
    with revisions.writing("something") as taken:
        pass
    assert taken.number == 1


def test_an_error_takes_the_revision_and_the_writes_back(database):
    def write_and_fail() -> None:
        with revisions.writing("broken"):
            SourceFactory(slug="lost")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert (newest_revision(), Source.objects.count()) == (0, 0)


def test_writing_longer_than_the_longest_write_is_rolled_back(database, monkeypatch):
    monkeypatch.setattr(revisions, "LONGEST_WRITE", timedelta(microseconds=1))
    shop = SourceFactory()
    with pytest.raises(revisions.WriteTookTooLong, match="Revision 1 was not written"):
        mirrored(shop, a_product("p1"))
    assert (newest_revision(), shop.variant_set.count()) == (0, 0)


def test_the_longest_write_is_shorter_than_what_the_delta_looks_back(database):
    after_the_stamp = (
        revisions.LONGEST_WRITE + revisions.LONGEST_PAUSE + revisions.LONGEST_STATEMENT
    )
    assert after_the_stamp < revisions.EPSILON


def test_writing_inside_another_transaction_is_refused(database):
    with pytest.raises(RuntimeError), transaction.atomic(), revisions.writing("nested"):
        pass
    assert newest_revision() == 0


def test_a_writer_that_falls_silent_is_cut_off(database):
    """The timeout is the database's: a process that hangs cannot hold the lock."""

    def fall_silent() -> None:
        with revisions.writing("silent"), connection.cursor() as cursor:
            cursor.execute("select current_setting('idle_in_transaction_session_timeout')")
            assert cursor.fetchone() == ("2s",)
            cursor.execute("select current_setting('statement_timeout')")
            assert cursor.fetchone() == ("3s",)
            cursor.execute("set local idle_in_transaction_session_timeout = '1ms'")
            threading.Event().wait(0.05)

    with pytest.raises(revisions.WriteTookTooLong, match="ran out of time"):
        fall_silent()
    assert newest_revision() == 0  # on a new connection: the old one was ended


def test_a_statement_that_takes_too_long_is_told_as_that(database):
    with (
        pytest.raises(revisions.WriteTookTooLong, match="ran out of time"),
        revisions.writing("slow"),
        connection.cursor() as cursor,
    ):
        cursor.execute("set local statement_timeout = '5ms'")
        cursor.execute("select pg_sleep(1)")
    assert newest_revision() == 0


def test_a_second_writer_waits_and_numbers_become_visible_in_order(database):
    """The first holds its transaction open; the second, which began later, cannot overtake it."""
    taken, may_end = threading.Event(), threading.Event()

    def first() -> int:
        try:
            with revisions.writing("first") as revision:
                taken.set()
                assert may_end.wait(10)
            return revision.number
        finally:
            connections.close_all()

    def second() -> int:
        try:
            assert taken.wait(10)
            with revisions.writing("second") as revision:
                return revision.number
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.submit(first), pool.submit(second)
        assert taken.wait(10)
        until_somebody_waits_for_the_lock()
        assert newest_revision() == 0
        may_end.set()
        assert (one.result(10), two.result(10)) == (1, 2)
    assert newest_revision() == 2


def until_somebody_waits_for_the_lock() -> None:
    deadline = now() + timedelta(seconds=10)
    with connection.cursor() as cursor:
        while now() < deadline:
            cursor.execute(
                "select count(*) from pg_locks where locktype = 'advisory' and not granted"
            )
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits for the lock")


def test_whoever_sees_a_number_sees_all_before_it_and_its_writes(database):
    """Four writers at once; a reader never finds a gap."""
    ended = threading.Event()

    def write(name: str) -> None:
        try:
            for i in range(25):
                with revisions.writing(name):
                    SourceFactory(slug=f"{name}-{i}")
        finally:
            connections.close_all()

    def read() -> int:
        looked = 0
        try:
            while not ended.is_set():
                with connection.cursor() as cursor:
                    cursor.execute(
                        "select max(number), count(*) - 1, "
                        "(select count(*) from catalog_mirror_source) from catalog_mirror_revision"
                    )
                    newest, revisions_seen, sources_seen = cursor.fetchone()
                assert newest == revisions_seen == sources_seen
                looked += 1
        finally:
            connections.close_all()
        return looked

    with ThreadPoolExecutor(5) as pool:
        reader = pool.submit(read)
        writers = [pool.submit(write, f"w{i}") for i in range(4)]
        try:
            for writer in writers:
                writer.result(30)
        finally:
            ended.set()
        assert reader.result(10) > 0
    assert newest_revision() == 100
    stamps = list(Revision.objects.order_by("number").values_list("recorded_at", flat=True))
    assert stamps == sorted(stamps)
