"""The stock of a Magento shop: by sources where it has them, else as one number a product."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from catalog_mirror.records import Stock
from sync.http import ShopAnswersNonsense, ShopRefusedKey
from sync.magento.client import Client, Json, NoSuchThing, ends_early
from sync.magento.mapping import single_stock, stock_of

SOURCE_ITEMS, SOURCES = "inventory/source-items", "inventory/sources"
SKUS_AT_ONCE = 50  # named in one address, which servers cut off at some 8 kB
PER_PAGE = 300  # as many as shops with limits give
_LONGEST_LIST = 4000  # characters of SKUs in one address


class StockReader:
    """Reads stock by SKU; which way the shop counts is asked once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._listed: list[Json] | None = None
        self._has_read_sources = False
        self._has_sources: bool | None = None

    def of(self, products: Sequence[Json]) -> dict[str, Stock]:
        """Return the stock of products by SKU."""
        own = {each["sku"]: _own(each) for each in products}
        if not self.has_sources:
            items_of = {sku: item or self._item(sku) for sku, item in own.items() if sku.strip()}
            return {sku: single_stock(item) for sku, item in items_of.items() if item}
        items = self._source_items([sku for sku in own if sku.strip()])
        enabled = self._switched_on(items)
        return {
            sku: stock_of(items.get(sku, ()), enabled=enabled, managed=item)
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

    def _switched_on(self, items: Mapping[str, Sequence[Json]]) -> set[str]:
        """Return the sources that count: those switched on, or all of them where the key may not tell."""
        named = {str(each["source_code"]) for some in items.values() for each in some}
        if not self._has_read_sources:
            try:
                self._listed = self._pages(SOURCES, [], key=("source_code",))
            except (NoSuchThing, ShopRefusedKey):
                self._listed = None
            self._has_read_sources = True
        if self._listed is None:
            return named
        if named and not self._listed:
            raise ShopAnswersNonsense(
                f"The shop lists no sources, while stock lies in {min(named)}. Look at what the key may "
                "read, and at its list of sources."
            )
        return {str(each["source_code"]) for each in self._listed if each.get("enabled")}

    def _source_items(self, skus: list[str]) -> Mapping[str, list[Json]]:
        found: dict[str, list[Json]] = defaultdict(list)
        # A comma in a SKU would part it in two.
        for some in [
            *_lists([each for each in skus if "," not in each]),
            *([s] for s in skus if "," in s),
        ]:
            condition = "in" if len(some) > 1 else "eq"
            for each in self._pages(
                SOURCE_ITEMS, [("sku", condition, ",".join(some))], key=("sku", "source_code")
            ):
                found[str(each["sku"])].append(each)
        return found

    def _pages(
        self, path: str, filters: list[tuple[str, str, str]], *, key: tuple[str, ...]
    ) -> list[Json]:
        """Return a list whole; raise `ShopAnswersNonsense` where it ends early or names one twice."""
        found: dict[tuple[str, ...], Json] = {}
        page = 1
        while True:
            some, total = self._client.page(path, filters, size=PER_PAGE, page=page, sort=key[0])
            for each in some:
                named = tuple(str(each[name]) for name in key)
                if named in found:  # then another that it pushed aside is missing
                    raise ShopAnswersNonsense(
                        f"The shop's list {path} names {' at '.join(named)} twice: it changed while it "
                        "was read. Try again."
                    )
                found[named] = each
            if len(found) >= total:
                return list(found.values())
            if not some:
                raise ends_early(path)
            page += 1

    def _item(self, sku: str) -> Json | None:
        """Return the stock item of a SKU; None where it has none, or is gone meanwhile."""
        try:
            item: Any = self._client.read(f"stockItems/{quote(sku, safe='')}")
        except NoSuchThing:
            return None
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
