"""Lists that shift while they are read, and both ways to sign."""

from datetime import UTC, datetime

import pytest

from demo.shops import small_shop
from demo.storefront.server import running
from demo.storefront.storefront import Storefront
from sync import http
from sync.connectors import Named
from sync.http import own_turns
from sync.woocommerce.client import Client, Key, Listed, NoSuchThing, basic
from sync.woocommerce.connector import PRODUCTS, WooCommerce
from sync.woocommerce.reading import Reader

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class Shifting:
    """A list in memory that a test changes after each page."""

    def __init__(self, ids, *changes, hidden=()):
        self.ids, self.changes, self.hidden = list(ids), list(changes), set(hidden)
        self.asked = 0

    def page(self, path, *, per_page, offset, **params):
        assert params == {"orderby": "id", "order": "asc"}
        self.asked += 1
        cut = self.ids[offset : offset + per_page]
        listed = Listed([{"id": i} for i in cut if i not in self.hidden], len(self.ids))
        if self.changes:
            self.changes.pop(0)(self.ids)
        return listed


def read(shop):
    pages = Reader(shop, lambda: NOW).by_id("/list")
    return [record["id"] for page in pages for record in page.records]


def removing(*gone):
    def remove(ids):
        ids[:] = [i for i in ids if i not in gone]

    return remove


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 199, 200, 1000])
def test_every_record_once_in_order(count):
    shop = Shifting(range(1, count + 1))
    assert read(shop) == list(range(1, count + 1))
    assert shop.asked <= count // 99 + 1


@pytest.mark.parametrize("gone", [[1], [100], [50, 100], range(1, 100), range(1, 101)])
def test_records_deleted_behind_the_reader_hide_none_before_it(gone):
    assert read(Shifting(range(1, 501), removing(*gone))) == list(range(1, 501))


def test_one_deleted_and_one_created_leave_the_total_as_it_was():
    shop = Shifting(range(1, 301), lambda ids: (ids.remove(5), ids.append(301)))
    assert set(read(shop)) == set(range(1, 302))


def test_a_record_that_comes_back_behind_the_reader_is_read_in_a_second_pass():
    shop = Shifting([i for i in range(1, 301) if i != 5], lambda ids: ids.insert(4, 5))
    assert sorted(read(shop)) == list(range(1, 301))


def test_records_the_shop_counts_and_never_shows_end_the_reading():
    shop = Shifting(range(1, 501), hidden=[100, 199, 200, 250])
    assert len(read(shop)) == 496
    assert shop.asked < 30


def test_a_list_that_ends_in_the_middle_is_nonsense():
    with pytest.raises(http.ShopAnswersNonsense, match="ended in the middle"):
        read(Shifting(range(1, 301), lambda ids: ids.clear()))


@pytest.fixture
def front(monkeypatch):
    monkeypatch.setattr(http, "pause", lambda seconds: None)
    shop = Storefront(small_shop(1))
    with running(shop) as url:
        shop.url = url
        yield shop


def client_of(front, **differs):
    shop = front.shop
    key = {"consumer_key": shop.consumer_key, "consumer_secret": shop.consumer_secret, **differs}
    return Client(front.url, Key(**key), turns=own_turns(per_second=1000))


def test_oauth_signs_over_plain_http(front):
    client = client_of(front)
    awkward = client.page(
        PRODUCTS, sku="ODD+3&4,ODD/1 2,ODD-Ünï-ブ,~", per_page=10, _fields="id,sku"
    )
    assert {each["sku"] for each in awkward.records} == {"ODD+3&4", "ODD/1 2", "ODD-Ünï-ブ"}
    client.wire.close()
    wrong = client_of(front, consumer_secret="cs_wrong")
    with pytest.raises(http.ShopRefusedKey, match="401"):
        wrong.page(PRODUCTS)
    wrong.wire.close()


def test_basic_signs_over_https(front):
    """The storefront is told by a header, as behind a proxy, that it is asked over https."""
    secure = Client("https://shop.example", client_key(front), turns=own_turns(per_second=1000))
    assert secure.sign("https://shop.example/", {}).headers["Authorization"].startswith("Basic ")
    assert "oauth" not in secure.sign("https://shop.example/", {"a": "b"}).url
    secure.wire.close()
    client = client_of(front)
    client.sign = basic(client_key(front))
    client.wire._session.headers["X-Forwarded-Proto"] = "https"
    assert client.page(PRODUCTS, per_page=1).total > 0
    client.sign = basic(Key(consumer_key=front.shop.consumer_key, consumer_secret="cs_wrong"))
    with pytest.raises(http.ShopRefusedKey):
        client.page(PRODUCTS, per_page=1)
    client.wire.close()


def client_key(front):
    return Key(consumer_key=front.shop.consumer_key, consumer_secret=front.shop.consumer_secret)


def test_only_the_shops_own_words_mean_gone(front, monkeypatch):
    client = client_of(front)
    shop = WooCommerce(client, lambda: NOW)
    there, trashed, deleted = front.odd["price_zero"], front.odd["hidden"], front.odd["password"]
    front.trash(trashed)
    front.delete_forever(deleted)
    fetched = shop.fetch([Named(str(i), str(i)) for i in (there, trashed, deleted)])
    assert [record.external_id for record in fetched.records] == [str(there)]
    assert set(fetched.gone) == {str(trashed), str(deleted)}

    def no_route(path, **params):
        raise NoSuchThing("rest_no_route")

    monkeypatch.setattr(client, "one", no_route)
    with pytest.raises(http.ShopAnswersNonsense, match="rest_no_route"):
        shop.fetch([Named(str(deleted), str(deleted))])
    client.wire.close()


def test_a_record_without_its_fields_is_refused_alone(front, monkeypatch):
    client = client_of(front)
    page = client.page

    def broken(path, **params):
        listed = page(path, **params)
        for record in listed.records:
            if record["id"] == front.odd["price_zero"]:
                del record["stock_status"]
        return listed

    monkeypatch.setattr(client, "page", broken)
    shop = WooCommerce(client, lambda: NOW)
    records = [record for batch in shop.everything() for record in batch.records]
    refused = {r.external_id: r.reason for r in records if hasattr(r, "reason")}
    assert refused[str(front.odd["price_zero"])] == "record_unreadable"
    assert len(records) > 100
    client.wire.close()
