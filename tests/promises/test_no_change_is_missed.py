"""Promise 1: readers that follow a cursor while writers commit, stall and fail miss nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

import orjson
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections

from catalog_mirror import mirror, revisions, tables
from contract import delta
from contract.change_cursors import change_cursor
from contract.lists import PageRequest, product_page
from contract.parameters import Filters
from contract.snapshots import snapshot_for
from tests.factories import (
    INKWELL,
    NORTHCUP,
    Cast,
    a_product,
    a_variant,
    allow,
    cast,
    deny,
    fixed_price,
    mirrored,
    newest_revision,
    now,
    percent_off,
    withdrawn,
)

WRITERS = 4
VARIANTS = 60
# Of all writes, in percent: those that stall before they commit, and those that are rolled back.
SLOW, BROKEN = 3, 2
STALL = 0.02  # seconds
PAUSE = 0.02  # seconds between two polls of a reader: writers are to have most of the processor


class Broken(Exception):
    """A writer that fails after it wrote and before it commits."""


@dataclass
class Reader:
    """A partner's copy, kept by polling as the guide says."""

    customer_id: int
    copy: dict[str, Any] = field(default_factory=dict)
    cursor: str | None = None
    pages: int = 0

    def poll(self, limit: int = 20) -> bool:
        """Apply a page; return whether there may be more at once."""
        cursor = change_cursor(self.cursor, customer_id=self.customer_id) if self.cursor else None
        not_before = cursor.not_before if cursor else None
        with snapshot_for(self.customer_id, not_before=not_before) as snapshot:
            start = delta.start_cursor(snapshot.epoch)
            page = delta.changes_page(snapshot, cursor or start, limit=limit)
        for entry in map(orjson.loads, page.entries):
            if entry["op"] == "remove":
                self.copy.pop(entry["sku"], None)
            else:
                self.copy[entry["sku"]] = entry["item"]
        self.cursor = page.cursor
        self.pages += 1
        return page.has_more or bool(page.entries)

    def follow(self, ended: threading.Event) -> None:
        try:
            while not ended.wait(PAUSE):
                self.poll()
            self.catch_up()
        finally:
            connections.close_all()

    def catch_up(self) -> None:
        while self.poll():
            pass

    def view(self) -> dict[str, Any]:
        with snapshot_for(self.customer_id) as snapshot:
            page = product_page(snapshot, PageRequest(Filters(()), VARIANTS * 2, None))
        return {item["sku"]: item for item in map(orjson.loads, page.items)}


class Writers:
    """Four threads that write until so many revisions are committed, each with dice of its own."""

    def __init__(self, people: Cast, revision: int) -> None:
        self.people = people
        self.revision = revision
        self.broken = self.stalled = 0
        self.dice = threading.local()

    def write(self, seed: int) -> None:
        self.dice.own = Random(seed)  # noqa: S311 - repeatable, not secret
        rules: list[Any] = []
        try:
            while newest_revision() < self.revision:
                if self.dice.own.randrange(100) < 5:
                    self._rule(rules)
                else:
                    self._products()
        finally:
            connections.close_all()

    def _products(self) -> None:
        dice = self.dice.own
        observed_at = now()
        products = [
            self._product(dice, dice.randrange(VARIANTS)) for _ in range(dice.choice((1, 1, 1, 2)))
        ]
        try:
            mirror.apply(self.people.source, products, observed_at=observed_at, origin="test")
        except Broken:
            self.broken += 1

    @staticmethod
    def _product(dice: Random, number: int):
        return a_product(
            f"w{number}",
            a_variant(
                f"w{number}",
                sku=f"W-{number}-{dice.randrange(2)}",
                name=dice.choice("xyz"),
                is_published=dice.randrange(8) > 0,
                list_price=dice.choice([Decimal(10), Decimal("3.33")]),
                on_hand=dice.randrange(5),
            ),
            brand=dice.choice([NORTHCUP, INKWELL]),
            category_external_ids=dice.choice([("mugs",), ("writing",), ()]),
        )

    def _rule(self, rules: list[Any]) -> None:
        dice, people = self.dice.own, self.people
        if len(rules) > 2:
            withdrawn(rules.pop(dice.randrange(len(rules))))
            return
        wanted = dice.choice(
            [
                lambda: deny(category=people.mugs),
                lambda: allow(customer=people.bob, brand=people.inkwell),
                lambda: percent_off("20", brand=people.northcup),
                lambda: fixed_price("7", customer=people.alice, category=people.mugs),
            ]
        )
        with suppress(ValidationError, IntegrityError):  # where another writer's equal rule stands
            rules.append(wanted())

    def stumbling(self, write):
        """Return the mirror's `write` as it is where processes stall and die."""

        def stumbles(*args: Any, **kwargs: Any) -> None:
            write(*args, **kwargs)
            thrown = self.dice.own.randrange(100)
            if thrown < SLOW:
                self.stalled += 1
                threading.Event().wait(STALL)
            elif thrown < SLOW + BROKEN:
                raise Broken

        return stumbles


def run(people: Cast, monkeypatch, *, revisions_written: int) -> str:
    """Return how many revisions were written, with how many stalled and how many rolled back."""
    writers = Writers(people, newest_revision() + revisions_written)
    monkeypatch.setattr(tables, "write", writers.stumbling(tables.write))
    ended = threading.Event()
    readers = [Reader(people.alice.pk), Reader(people.bob.pk), Reader(people.alice.pk)]
    with ThreadPoolExecutor(WRITERS + len(readers)) as pool:
        following = [pool.submit(reader.follow, ended) for reader in readers]
        try:
            for writing in [pool.submit(writers.write, seed) for seed in range(WRITERS)]:
                writing.result()
        finally:
            ended.set()
        for each in following:
            each.result()
    assert newest_revision() >= writers.revision
    assert writers.stalled > 0
    assert writers.broken > 0
    for reader in readers:
        assert reader.pages > 10
        view = reader.view()
        assert view
        assert reader.copy == view
    return f"{revisions_written} / {writers.stalled} / {writers.broken} / 0"


def test_no_change_is_missed_with_four_writers_that_stall_and_fail(
    database, monkeypatch, record_property
):
    told = run(cast(), monkeypatch, revisions_written=2_000)
    record_property("revisions / stalled / rolled back / missed", told)


@pytest.mark.slow
def test_no_change_is_missed_in_twenty_thousand_revisions(database, monkeypatch, record_property):
    told = run(cast(), monkeypatch, revisions_written=20_000)
    record_property("long run, revisions / stalled / rolled back / missed", told)


def test_a_transaction_held_open_while_a_reader_pages_is_told_once_it_commits(
    database, monkeypatch
):
    """The trap of every bare counter: the number is taken, the reader passes it, then it commits."""
    people = cast()
    written, may_commit = threading.Event(), threading.Event()
    write = tables.write

    def held_open(*args: Any, **kwargs: Any) -> None:
        write(*args, **kwargs)
        written.set()
        assert may_commit.wait(10)

    def slowly() -> int:
        try:
            cap = a_product("p3", a_variant("4", sku="CAP-01", on_hand=77))
            applied = mirrored(people.source, cap)
            return applied.revision
        finally:
            connections.close_all()

    reader = Reader(people.alice.pk)
    reader.catch_up()
    before = newest_revision()
    monkeypatch.setattr(tables, "write", held_open)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(slowly)
        assert written.wait(10)
        reader.catch_up()
        assert newest_revision() == before
        assert reader.copy["CAP-01"]["stock"]["on_hand"] is None
        may_commit.set()
        assert slow.result(10) == before + 1
    reader.catch_up()
    assert reader.copy["CAP-01"]["stock"]["on_hand"] == 77
    assert reader.copy == reader.view()


def test_a_reader_in_mid_page_does_not_see_half_of_a_revision(database):
    """Its snapshot is older than the commit: the change belongs to its next pass."""
    people = cast()
    reader = Reader(people.alice.pk)
    reader.catch_up()
    with snapshot_for(people.alice.pk) as snapshot, ThreadPoolExecutor(1) as pool:

        def write() -> None:
            try:
                with revisions.writing("test"):
                    people.source.refresh_from_db()
                mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-01", on_hand=1)))
            finally:
                connections.close_all()

        pool.submit(write).result(10)
        cursor = change_cursor(reader.cursor, customer_id=people.alice.pk)
        page = delta.changes_page(snapshot, cursor, limit=10)
        assert (page.entries, page.has_more) == ([], False)
    reader.cursor = page.cursor
    reader.catch_up()
    assert reader.copy["CAP-01"]["stock"]["on_hand"] == 1
