"""One stage for each kind of shop: the same plain catalogue, changed in the same ways."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import orjson

from demo.catalogue.bench import UNCATEGORIZED
from demo.shops import small_shop
from demo.storefront.faults import Faults
from demo.storefront.http import request_from
from demo.storefront.storefront import Storefront
from sync.feed import connector as feed_connector
from sync.magento import connector as magento_connector
from sync.magento import stock as magento_stock
from sync.shopify import connector as shopify_connector
from sync.shopify import documents
from sync.signing import base64_signature, hex_signature
from sync.woocommerce import reading
from tests.sync.shops.base import FakeShop
from tests.sync.shops.feed_shop import MAP, FeedShop
from tests.sync.shops.magento_shop import MagentoShop, edited
from tests.sync.shops.shopify_shop import ShopifyShop


class Stage(Protocol):
    """A shop of some kind. Ids are the variants', as its connector names them."""

    kind: str
    app: Any
    lists: str  # part of the address of every page of its goods
    nonsense: str  # how the line begins that tells of an answer that is none

    @property
    def faults(self) -> Faults: ...

    @property
    def asked(self) -> list[str]: ...

    @property
    def methods(self) -> dict[str, int]: ...

    def options(self, folder: Path) -> dict[str, Any]: ...

    def small_pages(self, monkeypatch: Any, size: int) -> None: ...

    def add(self, sku: str, **says: Any) -> str: ...

    def change(self, external_id: str, **says: Any) -> None: ...

    def delete(self, external_id: str) -> None: ...

    def meanwhile(self, before: Callable[[int], None]) -> None: ...

    def told(self, external_id: str, secret: str) -> tuple[dict[str, str], bytes] | None:
        """What the shop sends of a product, signed; None where it sends nothing."""
        ...


class Meanwhile:
    """Calls a test's function before each page of goods, with the page's number."""

    def __init__(self, lists: str) -> None:
        self._lists, self._number = lists, 0
        self.call: Callable[[int], None] = lambda number: None

    def start(self, call: Callable[[int], None]) -> None:
        self._number, self.call = 0, call

    def __call__(self, request: Any) -> None:
        if self._lists in request.path:
            self._number += 1
            self.call(self._number)


class WooStage:
    kind = "woocommerce"
    lists = "/wc/v3/products"
    nonsense = "The shop's answer for /wc/v3/products/categories is not what WooCommerce sends."

    def __init__(self) -> None:
        self.shop = Storefront(replace(small_shop(1), slug="stage"))
        self.shop.store.catalogue.products.clear()
        self.methods: dict[str, int] = {}
        self.asked: list[str] = []
        self.before = Meanwhile(self.lists)
        self.app = self

    @property
    def faults(self) -> Faults:
        return self.shop.faults

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Any:
        method = environ["REQUEST_METHOD"]
        self.methods[method] = self.methods.get(method, 0) + 1
        self.asked.append(environ["PATH_INFO"])
        self.before(request_from({**environ, "REQUEST_METHOD": "GET"}))
        return self.shop(environ, start_response)

    def options(self, folder: Path) -> dict[str, Any]:
        return {"key": self.shop.shop.consumer_key, "secret": self.shop.shop.consumer_secret}

    def small_pages(self, monkeypatch: Any, size: int) -> None:
        monkeypatch.setattr(reading, "PER_PAGE", size)

    def add(self, sku: str, **says: Any) -> str:
        # The storefront knows no empty catalogue when it counts up ids.
        if not self.shop.store.catalogue.products:
            self.shop.store.next_id = lambda: (
                max(self.shop.store.catalogue.products, default=100) + 1
            )
        new = self.shop.add_simple(sku, name=f"Thing {sku}", price="10.00", stock=5)
        self.change(str(new), **says)
        self.shop.store.catalogue.products[new].category_ids = (UNCATEGORIZED,)
        return str(new)

    def change(self, external_id: str, **says: Any) -> None:
        names = {"price": "regular_price", "stock": "stock_quantity"}
        changes = {names.get(name, name): value for name, value in says.items()}
        if "published" in changes:
            changes["status"] = "publish" if changes.pop("published") else "draft"
        if changes:
            self.shop.change_silently(int(external_id), **changes)

    def delete(self, external_id: str) -> None:
        self.shop.delete_forever(int(external_id))

    def meanwhile(self, before: Callable[[int], None]) -> None:
        self.before.start(before)

    def told(self, external_id: str, secret: str) -> tuple[dict[str, str], bytes] | None:
        body = orjson.dumps({"id": int(external_id), "type": "simple"})
        topic = {"X-WC-Webhook-Topic": "product.updated"}
        return {**topic, "X-WC-Webhook-Signature": base64_signature(body, secret)}, body


class FakeStage:
    """What the shops of `tests.sync.shops` have in common."""

    lists = ""
    kind = ""

    def __init__(self, shop: FakeShop) -> None:
        self.app = self.shop = shop
        self.before = Meanwhile(self.lists)
        shop.before = self.before

    @property
    def faults(self) -> Faults:
        return self.shop.faults

    @property
    def methods(self) -> dict[str, int]:
        return self.shop.methods

    @property
    def asked(self) -> list[str]:
        return self.shop.asked

    def add(self, sku: str, **says: Any) -> str:
        return self.id_of(self.shop.add(sku, **says).id)

    def change(self, external_id: str, **says: Any) -> None:
        thing = self.shop.things[self.number_of(external_id)]
        for name, value in says.items():
            setattr(thing, name, value)

    def delete(self, external_id: str) -> None:
        del self.shop.things[self.number_of(external_id)]

    def id_of(self, number: int) -> str:
        return str(number)

    def number_of(self, external_id: str) -> int:
        return int(external_id)

    def meanwhile(self, before: Callable[[int], None]) -> None:
        self.before.start(before)


class FeedStage(FakeStage):
    kind = "feed"
    lists = "/goods"
    nonsense = "The feed is no whole JSON"

    def __init__(self) -> None:
        super().__init__(FeedShop())
        self.size = 100

    def options(self, folder: Path) -> dict[str, Any]:
        paging = {**MAP["paging"], "size": self.size}
        path = folder / "map.json"
        path.write_bytes(orjson.dumps({**MAP, "paging": paging, "push": {"product_id": "product"}}))
        return {"token": self.shop.token, "map": path}

    def told(self, external_id: str, secret: str) -> tuple[dict[str, str], bytes] | None:
        body = orjson.dumps({"product": external_id})
        return {"X-Signature-256": f"sha256={hex_signature(body, secret)}"}, body

    def small_pages(self, monkeypatch: Any, size: int) -> None:
        self.size = size
        monkeypatch.setattr(feed_connector, "PER_BATCH", size)


class ShopifyStage(FakeStage):
    kind = "shopify"
    lists = "/graphql.json"
    nonsense = "The shop's answer is not what Shopify sends."

    def __init__(self) -> None:
        super().__init__(ShopifyShop())

    def options(self, folder: Path) -> dict[str, Any]:
        return {"token": self.shop.token}

    def told(self, external_id: str, secret: str) -> tuple[dict[str, str], bytes] | None:
        body = orjson.dumps({"id": self.number_of(external_id)})
        topic = {"X-Shopify-Topic": "products/update"}
        return {**topic, "X-Shopify-Hmac-Sha256": base64_signature(body, secret)}, body

    def small_pages(self, monkeypatch: Any, size: int) -> None:
        monkeypatch.setattr(shopify_connector, "PER_BATCH", size)
        monkeypatch.setattr(documents, "VARIANTS_AT_ONCE", size)
        monkeypatch.setattr(documents, "PRODUCTS_AT_ONCE", size)

    def id_of(self, number: int) -> str:
        return str(number + 10_000)

    def number_of(self, external_id: str) -> int:
        return int(external_id) - 10_000


class MagentoStage(FakeStage):
    kind = "magento"
    lists = "/V1/products"
    nonsense = "The shop's answer for categories/list is not what Magento sends."

    def __init__(self) -> None:
        super().__init__(MagentoShop())

    def options(self, folder: Path) -> dict[str, Any]:
        return {"token": self.shop.token}

    def told(self, external_id: str, secret: str) -> tuple[dict[str, str], bytes] | None:
        edited(self.shop.things[int(external_id)])
        return None

    def small_pages(self, monkeypatch: Any, size: int) -> None:
        for name in ("PER_PAGE", "IDS_AT_ONCE"):
            monkeypatch.setattr(magento_connector, name, size)
        monkeypatch.setattr(magento_stock, "PER_PAGE", size)


STAGES: dict[str, Callable[[], Stage]] = {
    stage.kind: stage for stage in (WooStage, FeedStage, ShopifyStage, MagentoStage)
}
