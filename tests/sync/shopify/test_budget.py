"""What Shopify lets be spent, and lists that are longer than a page."""

import pytest

from catalog_mirror.models import Category, Source
from sync.connections import connector_for
from sync.connectors import Named
from sync.http import ShopAnswersNonsense
from tests.sync.conftest import moved, picture, run
from tests.sync.shopify.conftest import skus
from tests.sync.shops.shopify_shop import gid


def test_a_query_that_comes_too_early_waits_as_long_as_its_cost_takes(shopify, paused):
    shop = shopify()
    shop.add("A")
    run("reconcile")
    paused.clear()
    shop.throttles, shop.available = 2, 0.0
    with_budget = connector_for(Source.objects.get())
    fetched = with_budget.fetch([Named("101", "10101")])
    with_budget.close()
    assert len(fetched.records) == 1
    # 50 points at 100 a second; what the first answers told is waited for before each further one.
    assert [round(each, 1) for each in paused if each >= 0.3][:2] == [0.5, 0.5]


def test_a_shop_that_throttles_without_end_is_told(shopify):
    shop = shopify()
    shop.throttles = 1000
    said = run("reconcile")
    assert (said.code, "keeps asking for fewer requests (THROTTLED)" in said.error) == (1, True)


def test_what_costs_too_much_is_asked_for_in_halves(shopify):
    shop = shopify()
    names = []
    for number in range(40):
        one = shop.add(f"SKU-{number}")
        names.append(Named(str(one.id), str(one.id + 10_000)))
    shop.dearest = 300.0  # seven ids at once
    with_halves = connector_for(Source.objects.get())
    fetched = with_halves.fetch(names)
    with_halves.close()
    assert len(fetched.records) == 40


def test_what_is_too_dear_alone_is_told(shopify):
    shop = shopify()
    shop.dearest = 20.0
    too_dear = connector_for(Source.objects.get())
    with pytest.raises(Exception, match="finds gid://shopify/Product/101 alone too dear"):
        too_dear.fetch([Named("101", "10101")])
    too_dear.close()


def test_a_product_with_more_than_a_page_of_everything_is_read_whole(shopify):
    shop = shopify()
    shop.collections = {n: (f"c{n}", f"Collection {n}") for n in range(1, 61)}
    variants = [
        {"sku": f"V-{n}", "selectedOptions": [{"name": "Size", "value": str(n)}],
         "levels": [{"location": at, "available": 1, "on_hand": 1} for at in range(1, 24)]}
        for n in range(102)
    ]  # fmt: skip
    media = [
        {
            "__typename": "MediaImage",
            "id": gid("MediaImage", n),
            "alt": "",
            "image": {"url": f"https://cdn/{n}"},
        }
        for n in range(30)
    ]
    shop.add(
        "-", more={"variants": variants, "collections": list(shop.collections), "media": media}
    )
    run("reconcile")
    assert (len(skus()), Category.objects.count()) == (102, 60)
    assert set(skus().values()) == {23}
    before = picture()
    whole = connector_for(Source.objects.get())
    fetched = whole.fetch([], families=["101"])
    whole.close()
    [product] = fetched.records
    assert len(product.variants) == 102
    assert len(product.category_external_ids) == 60
    assert {len(each.stock.levels) for each in product.variants} == {23}
    assert {len(each.content.images) for each in product.variants} == {30}
    assert moved(before, picture()) == {}


def test_an_answer_with_fewer_records_than_ids_retires_nobody(shopify, monkeypatch):
    shop = shopify()
    shop.add("A")
    shop.add("B")
    short = connector_for(Source.objects.get())
    ask = short._client.ask

    def cut(document, **variables):
        data = ask(document, **variables)
        return {"nodes": data["nodes"][:1]}

    monkeypatch.setattr(short._client, "ask", cut)
    with pytest.raises(ShopAnswersNonsense, match="asked for 2 records by id and answers 1"):
        short.fetch([Named("101", "10101"), Named("102", "10102")])
    short.close()
