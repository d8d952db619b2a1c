"""Another key, address, map or version for a source: tested first, and kept only when it works."""

import orjson
import pytest

from groundwork.models import AuditEntry
from sync.models import Connection
from tests.sync.conftest import run
from tests.sync.feed.conftest import PLAIN, answer, feed, records, skus  # noqa: F401 - fixtures
from tests.sync.magento.conftest import magento  # noqa: F401
from tests.sync.shopify.conftest import paused, shopify  # noqa: F401


def change(slug: str, *args: str, **options: object):
    return run("change_source", slug, *args, **options)


def kept() -> tuple:
    row = Connection.objects.get()
    return (row.base_url, bytes(row.credentials), row.settings)


@pytest.fixture
def written(tmp_path):
    def write(**says: object):
        path = tmp_path / "another.json"
        path.write_bytes(orjson.dumps(PLAIN | says))
        return path

    return write


def test_another_map_is_tested_and_kept(feed, written):  # noqa: F811
    feed(lambda request: answer([records(1)[0] | {"count": 9}]))
    run("reconcile")
    before = kept()
    said = change("feed", map=written(fields={"id": "id"}))
    assert (said.code, said.error) == (2, "The map's fields lack sku, name, list_price.")
    path = written(fields=PLAIN["fields"] | {"on_hand": "count"})
    assert change("feed", "--test-only", map=path).code == 0
    assert (kept(), AuditEntry.objects.count()) == (before, 0)
    assert change("feed", map=path).code == 0
    run("reconcile")
    assert skus() == {"SKU-1": 9}
    [entry] = AuditEntry.objects.filter(action="change_source")
    assert entry.subject == "feed"


def test_a_map_that_does_not_fit_is_told_and_not_kept(feed, written):  # noqa: F811
    feed(lambda request: answer(records(1)))
    before = kept()
    said = change("feed", map=written(fields=PLAIN["fields"] | {"sku": "article"}))
    assert (said.code, "sku: there is nothing at article." in said.out) == (1, True)
    assert kept() == before


def test_another_currency_is_another_shop(feed, written):  # noqa: F811
    feed(lambda request: answer(records(1)))
    before = kept()
    said = change("feed", map=written(currency="EUR"))
    assert (said.code, said.error.startswith("feed is in USD and this shop in EUR")) == (1, True)
    assert kept() == before


def test_a_new_version_and_a_new_token_of_shopify(shopify):  # noqa: F811
    shop = shopify(api_version="2026-01")
    shop.add("A")
    assert change("shopify", api_version="2026-07").code == 0
    assert Connection.objects.get().settings == {"version": "2026-07"}
    shop.token = "shpat_next"
    assert run("reconcile").code == 1
    before = kept()
    said = change("shopify", token="shpat_wrong")
    assert (said.code, said.error.startswith("shopify: The shop refuses the key")) == (1, True)
    assert kept() == before
    assert change("shopify", token="shpat_next").code == 0
    assert run("reconcile").code == 0
    assert Connection.objects.get().settings == {"version": "2026-07"}


def test_what_is_not_said_stays(magento):  # noqa: F811
    shop = magento(prices_include_tax=True, store="b2b")
    shop.token = "next"
    assert change("magento", token="next").code == 0
    assert Connection.objects.get().settings == {"store": "b2b", "prices_include_tax": True}
    assert change("magento", prices_include_tax=False).code == 0
    assert Connection.objects.get().settings == {"store": "b2b", "prices_include_tax": False}


def test_a_key_of_woocommerce_is_changed_in_place(connected):
    one = connected()
    before = kept()
    assert change("small-1", key="ck_wrong").code == 1
    assert kept() == before
    said = change("small-1", key=one.shop.shop.consumer_key)
    assert (said.code, "small-1 is read so from now on: WooCommerce 9.9.5" in said.out) == (0, True)
    assert run("reconcile").code == 0


@pytest.mark.parametrize("url", ["ftp://shop.example", "https://user@shop.example"])
def test_a_wrong_address_is_wrong_usage(connected, url):
    connected()
    before = kept()
    assert change("small-1", url=url).code == 2
    assert kept() == before
