"""A Shopify shop on loopback, added as a source."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from catalog_mirror.models import Variant
from demo.storefront.server import running
from sync import http, lines
from tests.sync.conftest import run
from tests.sync.shops.shopify_shop import ShopifyShop

SECRET = "shpss_of_the_app"


@pytest.fixture
def paused(monkeypatch) -> list[float]:
    """The pauses that were made, in seconds; none takes any time."""
    pauses: list[float] = []
    monkeypatch.setattr(http, "pause", pauses.append)
    return pauses


@pytest.fixture
def shopify(database, paused, brake_off) -> Iterator[Callable[..., ShopifyShop]]:
    with ExitStack() as stack:
        stack.callback(lines.hang_up)

        def add(
            slug: str = "shopify", shop: ShopifyShop | None = None, **more: object
        ) -> ShopifyShop:
            shop = shop or ShopifyShop()
            shop.url = stack.enter_context(running(shop))
            options = {"token": shop.token, "hook_secret": SECRET} | more
            said = run("add_source", slug, kind="shopify", url=shop.url, **options)
            assert said.code == 0, said.text
            shop.said = said.out
            return shop

        yield add


def variant(sku: str) -> Variant:
    return Variant.objects.get(sku=sku, retired_at=None)


def skus() -> dict[str, int | None]:
    live = Variant.objects.filter(retired_at=None)
    return dict(live.values_list("sku", "stock_on_hand"))
