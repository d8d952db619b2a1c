"""The stage of each kind, added as a source, and what the mirror holds of it."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal

import pytest

from catalog_mirror.models import Source, Variant
from demo.storefront.server import running
from sync import http, lines
from tests.sync.conformance.stages import STAGES, Stage
from tests.sync.conftest import Said, run
from tests.sync.hooks import SECRET

PAGE = 5
Row = tuple[str, Decimal | None, int | None, bool]


@dataclass
class Set:
    """A stage that is a source."""

    stage: Stage
    url: str

    @property
    def source(self) -> Source:
        return Source.objects.get(slug="stage")

    def read(self) -> Said:
        return run("reconcile")


@pytest.fixture(params=STAGES)
def stage(request, monkeypatch) -> Stage:
    made = STAGES[request.param]()
    made.small_pages(monkeypatch, PAGE)
    return made


@pytest.fixture
def shop(database, stage, monkeypatch, tmp_path, brake_off) -> Iterator[Set]:
    """A shop without goods, added as a source."""
    monkeypatch.setattr(http, "pause", lambda seconds: None)
    with ExitStack() as stack:
        url = stack.enter_context(running(stage.app)) + ("/goods" if stage.kind == "feed" else "")
        options = stage.options(tmp_path) | {"hook_secret": SECRET}
        said = run("add_source", "stage", kind=stage.kind, url=url, **options)
        assert said.code == 0, said.text
        stack.callback(lines.hang_up)
        yield Set(stage, url)


def held() -> dict[str, Row]:
    """What the mirror holds of every live variant."""
    rows = Variant.objects.filter(retired_at=None)
    columns = ("external_id", "sku", "list_price", "stock_on_hand", "is_published")
    return {row[0]: row[1:] for row in rows.values_list(*columns)}


def full(shop: Set, count: int = 3) -> list[str]:
    """Fill the shop, have it read, and return the ids."""
    ids = [shop.stage.add(f"SKU-{number}") for number in range(count)]
    assert shop.read().code == 0
    return ids
