"""How fast 20,000 changed variants are applied, beside COPYing the same rows into the same tables."""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal

from django.db import connection, transaction
from psycopg import sql

from benchmarks import cpu, world
from catalog_mirror import mirror
from catalog_mirror.models import Source
from catalog_mirror.records import ProductRecord, VariantRecord
from sync.sweep import CHUNK

# What a change of everything writes, parents first.
_TABLES = [
    f"catalog_mirror_{name}"
    for name in ("variant", "variantdocument", "varianthistory", "stocklevel", "observation")
]
_COPY = sql.SQL("copy {} from stdin")
_DUMP = sql.SQL("copy {} to stdout")
Read = Iterator[tuple[Source, list[ProductRecord]]]


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock, and of CPU in our process and in the database's together."""

    wall: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.wall + other.wall, self.cpu + other.cpu)


@dataclass(frozen=True)
class Applying:
    """What both spent on the same variants."""

    name: str
    variants: int
    applied: Spent
    copied: Spent


def measure() -> list[Applying]:
    """Change everything of every variant, then the prices alone; COPY each time what that left."""
    sources = world.sources()
    _apply(_read(sources))
    all_facets = _measured("all facets of each", _read(sources, _changed), _TABLES)
    written = [_TABLES[0], _TABLES[2], _TABLES[4]]
    prices = _measured("the price of each", _read(sources, _changed, _dearer), written)
    return [all_facets, prices]


def _read(sources: list[Source], *changes: Callable[[ProductRecord], ProductRecord]) -> Read:
    """Yield what the shops say, made while it is read, as by a sweep."""
    chance = random.Random(1)  # noqa: S311 - any fixed seed
    for source, products in world.catalogue(chance, sources, at_once=CHUNK):
        for change in changes:
            products = [change(each) for each in products]  # noqa: PLW2901 - one change on another
        yield source, products


def _measured(name: str, read: Read, tables: list[str]) -> Applying:
    last = _newest()
    count, applied = _apply(read)
    return Applying(name, count, applied, _copy(tables, since=last))


def _apply(read: Read) -> tuple[int, Spent]:
    """Apply it; return how many variants it was, and what that took without the reading."""
    count, spent = 0, Spent()
    for source, products in read:
        at = world.now()
        with _measuring() as took:
            mirror.apply(source, products, observed_at=at, origin="benchmark")
        spent += took[0]
        count += sum(len(product.variants) for product in products)
    return count, spent


@contextmanager
def _measuring() -> Iterator[list[Spent]]:
    """Measure a block; the list holds what it spent, once it is over."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        pids = [os.getpid(), cursor.fetchone()[0]]
    spent: list[Spent] = []
    cpu_before, began = cpu.seconds(pids), time.perf_counter()
    yield spent
    wall = time.perf_counter() - began
    spent.append(Spent(wall, cpu.seconds(pids) - cpu_before))


def _copy(tables: list[str], *, since: int) -> Spent:
    """Return what COPYing those rows into the same tables, emptied, takes, with its commit."""
    with connection.cursor() as cursor:
        cursor.execute("reset role")  # the tables are emptied and filled past their policies
        cursor.execute(f"delete from {_TABLES[2]} where until_revision <= {since}")  # noqa: S608
        dumps = {table: _dumped(table) for table in _TABLES}
        cursor.execute(f"truncate {', '.join(_TABLES)} cascade")
        with _measuring() as took:
            _fill({table: dumps.pop(table) for table in tables})
        _fill(dumps)
    connection.close()
    return took[0]


def _fill(dumps: dict[str, bytes]) -> None:
    with transaction.atomic():
        for table, rows in dumps.items():
            with connection.connection.cursor().copy(_COPY.format(sql.Identifier(table))) as copy:
                copy.write(rows)


def _dumped(table: str) -> bytes:
    with connection.connection.cursor().copy(_DUMP.format(sql.Identifier(table))) as copy:
        return b"".join(bytes(piece) for piece in copy)


def _newest() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select max(number) from catalog_mirror_revision")
        return int(cursor.fetchone()[0])


def _changed(product: ProductRecord) -> ProductRecord:
    return replace(product, variants=tuple(map(_variant_changed, product.variants)))


def _variant_changed(variant: VariantRecord) -> VariantRecord:
    content, price, stock = variant.content, variant.price, variant.stock
    assert content and price and stock  # noqa: S101, PT018 - the world has them all
    [level] = stock.levels
    return replace(
        variant,
        content=replace(
            content, name=f"{content.name}, new", description=content.description[::-1]
        ),
        price=replace(price, list_price=(price.list_price or 0) + 1),
        stock=replace(stock, levels=(replace(level, on_hand=(level.on_hand or 0) + 1),)),
    )


def _dearer(product: ProductRecord) -> ProductRecord:
    def dearer(variant: VariantRecord) -> VariantRecord:
        assert variant.price  # noqa: S101 - the world has them all
        more = (variant.price.list_price or 0) + Decimal("0.50")
        return replace(variant, price=replace(variant.price, list_price=more))

    return replace(product, variants=tuple(map(dearer, product.variants)))
