"""The stock of a Magento shop: by sources where it has them, else as one number a product."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from catalog_mirror.records import Stock
from sync.http import ShopRefusedKey
from sync.magento.client import Client, Json, NoSuchThing
from sync.magento.mapping import single_stock, stock_of

SOURCE_ITEMS, SOURCES = "inventory/source-items", "inventory/sources"
SKUS_AT_ONCE = 50  # named in one address, which servers cut off at some 8 kB
PER_PAGE = 300  # as many as shops with limits give
_LONGEST_LIST = 4000  # characters of SKUs in one address


class StockReader:
    """Reads stock by SKU; which way the shop counts is asked once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._enabled: set[str] | None = None
        self._has_sources: bool | None = None

    def of(self, products: Sequence[Json]) -> dict[str, Stock]:
        """Return the stock of products by SKU."""
        own = {each["sku"]: _own(each) for each in products}
        if not self.has_sources:
            return {sku: single_stock(item or self._item(sku)) for sku, item in own.items() if sku}
        items = self._source_items([sku for sku in own if sku.strip()])
        return {
            sku: stock_of(items.get(sku, ()), enabled=self._sources, managed=item)
            for sku, item in own.items()
        }

    @property
    def has_sources(self) -> bool:
        """Whether the shop counts by sources; its modules for it may be off."""
        if self._has_sources is None:
            try:
                self._client.items(SOURCE_ITEMS, [], size=1)
            except NoSuchThing:
                self._has_sources = False
            else:
                self._has_sources = True
        return self._has_sources

    @property
    def _sources(self) -> set[str]:
        """The sources that are switched on; all of them where the key may not tell."""
        if self._enabled is None:
            try:
                found = self._client.items(SOURCES, [], size=PER_PAGE)
            except (NoSuchThing, ShopRefusedKey):
                found = []
            self._enabled = {each["source_code"] for each in found if each.get("enabled")}
        return self._enabled

    def _source_items(self, skus: list[str]) -> Mapping[str, list[Json]]:
        found: dict[str, list[Json]] = defaultdict(list)
        # A comma in a SKU would part it in two.
        for some in [
            *_lists([each for each in skus if "," not in each]),
            *([s] for s in skus if "," in s),
        ]:
            condition = "in" if len(some) > 1 else "eq"
            for each in self._pages([("sku", condition, ",".join(some))]):
                found[str(each["sku"])].append(each)
        return found

    def _pages(self, filters: list[tuple[str, str, str]]) -> list[Json]:
        found: list[Json] = []
        page = 1
        while True:
            some, total = self._client.page(
                SOURCE_ITEMS, filters, size=PER_PAGE, page=page, sort="sku"
            )
            found += some
            if not some or len(found) >= total:
                return found
            page += 1

    def _item(self, sku: str) -> Json:
        item: Any = self._client.read(f"stockItems/{quote(sku, safe='')}")
        return dict(item)


def _own(product: Json) -> Json | None:
    return (product.get("extension_attributes") or {}).get("stock_item")


def _lists(skus: list[str]) -> list[list[str]]:
    """Return the SKUs in lists that fit into an address."""
    found: list[list[str]] = []
    size = _LONGEST_LIST
    for sku in skus:
        size += len(sku) + 3
        if size > _LONGEST_LIST or len(found[-1]) >= SKUS_AT_ONCE:
            found.append([])
            size = len(sku) + 3
        found[-1].append(sku)
    return found
