"""Each kind of source has its page, and what the pages show is true."""

import re
from pathlib import Path

import orjson
import pytest

from sync.feed.maps import map_of
from sync.kinds import KINDS
from sync.magento.kind import MagentoKind
from sync.shopify.documents import VERSIONS
from sync.shopify.kind import SCOPES
from sync.shopify.webhooks import TOPICS

PAGES = Path(__file__).resolve().parents[2] / "docs" / "sources"


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_a_page_that_the_list_names(kind):
    page = (PAGES / f"{kind}.md").read_text()
    assert "add_source" in page
    assert f"[{kind}.md]({kind}.md)" in (PAGES / "README.md").read_text()


def test_the_map_in_the_page_of_feeds_is_one():
    page = (PAGES / "feed.md").read_text()
    [shown] = re.findall(r"## A map\n\n((?:    .*\n|\n)+)", page)
    read = map_of(orjson.loads(shown))
    assert (read.records, read.paging.size_param) == ("data.items", "per_page")


def test_each_worked_map_is_named_in_the_page():
    page = (PAGES / "feed.md").read_text()
    names = sorted(path.name for path in (PAGES / "maps").iterdir())
    assert names == ["business_central.json", "netsuite.json", "odoo.json", "wordpress.json"]
    assert all(f"(maps/{name})" in page for name in names)


def test_the_figures_of_the_pages_are_the_code_s():
    shopify, magento = ((PAGES / f"{name}.md").read_text() for name in ("shopify", "magento"))
    assert all(each in shopify for each in (*VERSIONS, *SCOPES))
    assert len(TOPICS) == 16
    minutes = {name: every.total_seconds() / 60 for name, every in MagentoKind.polls.items()}
    assert minutes == {"changes": 3, "stock": 15}
    assert "every 3 minutes for what was edited, every 15 minutes" in magento
