"""Small shops on loopback, connected as sources, and pictures of the mirror's tables."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from catalog_mirror.models import Source
from demo.shops import Shop, small_shop
from demo.storefront.server import running
from demo.storefront.storefront import Storefront
from sync import http, lines
from tests.sync.hooks import SECRET, hooked

MIRROR = (
    "brand", "category", "product", "variant", "variantdocument", "varianthistory", "stocklevel",
    "quarantinedrecord", "revision",
)  # fmt: skip
# When a record was last read moves with every sweep, changed or not.
READING_TIMES = {"last_seen_at"}


@dataclass
class Connected:
    shop: Storefront
    source: Source
    url: str


@pytest.fixture
def connected(database, monkeypatch) -> Iterator[Callable[..., Connected]]:
    """Run a small shop and add it as a source; nothing is read yet."""
    monkeypatch.setattr(http, "pause", lambda seconds: None)
    with ExitStack() as shops:

        def connect(shop: Shop | None = None, **options: object) -> Connected:
            front = Storefront(shop or small_shop(1))
            url = shops.enter_context(running(front))
            slug = front.shop.slug
            said = run("add_source", slug, url=url, hook_secret=SECRET, **keys_of(front), **options)
            assert said.code == 0, said.text
            hooked(front)
            return Connected(front, Source.objects.get(slug=slug), url)

        yield connect
        lines.hang_up()


@pytest.fixture
def shop(connected) -> Storefront:
    """One small shop, connected and read."""
    one = connected()
    assert run("reconcile").code == 0
    return one.shop


def keys_of(front: Storefront) -> dict[str, str]:
    return {"key": front.shop.consumer_key, "secret": front.shop.consumer_secret}


@dataclass
class Said:
    """What a command printed, and how it ended."""

    out: str
    error: str
    code: int

    @property
    def text(self) -> str:
        return self.out + self.error


def run(name: str, *args: str, **options: object) -> Said:
    out = StringIO()
    try:
        call_command(name, *args, stdout=out, **options)
    except CommandError as error:
        return Said(out.getvalue(), str(error), error.returncode)
    return Said(out.getvalue(), "", 0)


def picture() -> dict[str, set]:
    """Every row of the mirror's tables, but for when a record was last read."""
    rows = {}
    with connection.cursor() as cursor:
        for table in MIRROR:
            cursor.execute(f"select * from catalog_mirror_{table}")
            names = [column.name for column in cursor.description]
            rows[table] = {
                tuple(
                    (n, str(v)) for n, v in zip(names, row, strict=True) if n not in READING_TIMES
                )
                for row in cursor.fetchall()
            }
    return rows


def moved(before: dict[str, set], after: dict[str, set]) -> dict[str, list[dict]]:
    """The rows that are new or different, by table; a table that is the same is not named."""
    return {
        table: [dict(row) for row in sorted(after[table] - before[table])]
        for table in MIRROR
        if after[table] != before[table]
    }
