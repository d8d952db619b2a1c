"""The Shopify connector: a whole shop by bulk operations, or named records by their ids."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from catalog_mirror.records import CategoryRecord
from sync.connectors import Batch, Clock, EmptyShop, Fetched, Named, Position, Record
from sync.http import ShopAnswersNonsense
from sync.shapes import as_sent_by
from sync.shopify import bulk, documents
from sync.shopify.bulk import Rows
from sync.shopify.client import Client, CostsTooMuch, Json
from sync.shopify.mapping import Family, category_of, gid_of, number_of, records_of
from sync.shopify.webhooks import problems_of

PER_BATCH = 100  # products handed on together
ITEM = (
    "InventoryItem/"  # before the number of what a delivery of stock names, where an id is wanted
)
_PRODUCT, _VARIANT = "Product", "ProductVariant"


class Shopify:
    """One shop. `clock` is the database's, which dates what is read."""

    together = 250

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client, self._clock = client, clock

    @property
    def requests(self) -> int:
        return self._client.wire.requests

    def close(self) -> None:
        self._client.wire.close()

    @as_sent_by("Shopify")
    def categories(self) -> list[CategoryRecord]:
        found = self._all(documents.COLLECTIONS, lambda data: data["collections"])
        try:
            return [category_of(each) for each in found]
        except (KeyError, TypeError) as error:
            raise ShopAnswersNonsense("The shop's collections lack a title or a handle.") from error

    def everything(self, after: Position | None = None) -> Iterator[Batch]:
        """Read the stock, then the products, each as one bulk operation dated before both began.

        A position names the operations, whose results are kept for days, and how many products of
        them were read.
        """
        with as_sent_by("Shopify"):
            yield from self._everything(after)

    def _everything(self, after: Position | None) -> Iterator[Batch]:
        place = self._going_on(after) if after else None
        place = place or self._begun()
        observed_at = datetime.fromisoformat(place["at"])
        with bulk.result_of(self._client, place["stock"]) as stock:
            place["products"] = place["products"] or bulk.start(
                self._client, documents.BULK_PRODUCTS
            )
            with bulk.result_of(self._client, place["products"]) as products:
                if not products:
                    raise EmptyShop
                if not stock:
                    raise ShopAnswersNonsense(
                        "The shop tells products and no stock of any. Look at the app's scopes "
                        "read_inventory and read_locations, then try again."
                    )
                yield from _batches(products, stock, observed_at, place)

    def _begun(self) -> Position:
        at = self._clock()
        operation = bulk.start(self._client, documents.bulk_stock(self._client.version))
        return {"at": at.isoformat(), "stock": operation, "products": "", "done": 0}

    def _going_on(self, after: Position) -> Position | None:
        """Return the place to go on at, None where the shop keeps its operations no more."""
        kept = [bulk.is_kept(self._client, after[name]) for name in ("stock", "products")]
        return dict(after) if all(kept) else None

    @as_sent_by("Shopify")
    def webhook_problems(self, url: str) -> list[str]:
        found = self._all(documents.WEBHOOKS, lambda data: data["webhookSubscriptions"])
        return problems_of(list(found), url)

    @as_sent_by("Shopify")
    def fetch(self, names: Sequence[Named], *, families: Sequence[str] = ()) -> Fetched:
        """Read variants again by their ids, and families with all variants that they have now.

        A name may be an inventory item's, as deliveries of stock have it.
        """
        fetched = Fetched()
        named = [*(n for n in names if not n.external_id.startswith(ITEM)), *self._of_items(names)]
        asked = dict.fromkeys([*families, *(name.product_external_id for name in named)])
        products = self._products(list(asked))
        wanted: dict[str, None] = {
            each: None for i in families if i in products for each in products[i]["variant_ids"]
        }
        wanted |= {n.external_id: None for n in named if n.product_external_id in products}
        variants = self._variants(list(wanted))
        # None of them counts as deleted untold: a product's end and a variant's both have a webhook.
        fetched.gone = [name.external_id for name in named if name.external_id not in variants]
        by_product: dict[str, list[Json]] = defaultdict(list)
        for variant in variants.values():
            by_product[number_of(variant["product"]["id"])].append(variant)
        for product_id, found in by_product.items():
            if product_id in products:
                fetched.records += records_of(_family(products[product_id], found))
        return fetched

    def _of_items(self, names: Sequence[Named]) -> list[Named]:
        """Return the variants of the inventory items among the names; one that is gone has none."""
        items = [n.external_id for n in names if n.external_id.startswith(ITEM)]
        gids = [gid_of("InventoryItem", each.removeprefix(ITEM)) for each in dict.fromkeys(items)]
        found = self._nodes(documents.ITEMS, gids, size=documents.ITEMS_AT_ONCE)
        return [
            Named(number_of(each["product"]["id"]), number_of(each["id"]))
            for item in found
            for each in item["variants"]["nodes"]
        ]

    def _products(self, ids: list[str]) -> dict[str, Json]:
        """Return the products that are there, by number, each with all its variants' numbers."""
        gids = [gid_of(_PRODUCT, each) for each in ids]
        found = self._nodes(documents.PRODUCTS, gids, size=documents.PRODUCTS_AT_ONCE)
        return {number_of(each["id"]): self._whole(each) for each in found}

    def _whole(self, product: Json) -> Json:
        gid = product["id"]
        variants = self._rest(product["variants"], documents.MORE_VARIANTS, gid, "variants")
        product["variant_ids"] = [number_of(each["id"]) for each in variants]
        product["collection_ids"] = [
            each["id"]
            for each in self._rest(
                product["collections"], documents.MORE_COLLECTIONS, gid, "collections"
            )
        ]
        product["all_media"] = self._rest(product["media"], documents.MORE_MEDIA, gid, "media")
        return product

    def _rest(self, first: Json, document: str, gid: str, name: str) -> list[Json]:
        """Return a product's list whole, of which the first page was read beside it."""
        return self._pages(first, document, gid, lambda data: (data["product"] or {}).get(name))

    def _pages(
        self, first: Json, document: str, gid: str, inner: Callable[[Json], Json | None]
    ) -> list[Json]:
        page: Json | None = first
        found: list[Json] = []
        while page:
            found += page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                break
            page = inner(self._client.ask(document, id=gid, after=page["pageInfo"]["endCursor"]))
        return found

    def _variants(self, ids: list[str]) -> dict[str, Json]:
        """Return the variants that are there, by number, each with all its levels."""
        version = self._client.version
        gids = [gid_of(_VARIANT, each) for each in ids]
        found = self._nodes(documents.variants(version), gids, size=documents.VARIANTS_AT_ONCE)
        for each in found:
            each["all_levels"] = self._pages(
                each["stock"]["inventoryLevels"],
                documents.more_levels(version),
                each["inventoryItem"]["id"],
                lambda data: (data["inventoryItem"] or {}).get("inventoryLevels"),
            )
        return {number_of(each["id"]): each for each in found}

    def _nodes(self, document: str, gids: list[str], *, size: int) -> list[Json]:
        """Return what there is of these ids; fewer at once where that costs too much."""
        found: list[Json] = []
        for start in range(0, len(gids), size):
            some = gids[start : start + size]
            try:
                nodes = self._client.ask(document, ids=some)["nodes"]
            except CostsTooMuch:
                if len(some) == 1:
                    raise ShopAnswersNonsense(
                        f"The shop finds {some[0]} alone too dear to tell. Look at its number of "
                        "collections and locations."
                    ) from None
                found += self._nodes(document, some, size=len(some) // 2)
                continue
            if len(nodes) != len(some):  # none that is left out may be taken for gone
                raise ShopAnswersNonsense(
                    f"The shop was asked for {len(some)} records by id and answers {len(nodes)}. Try again."
                )
            found += [each for each in nodes if each]
        return found

    def _all(self, document: str, inner: Callable[[Json], Json]) -> Iterator[Json]:
        after = None
        while True:
            page = inner(self._client.ask(document, after=after))
            yield from page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]


def _family(product: Json, variants: list[Json]) -> Family:
    return Family(
        product=product,
        variants=variants,
        levels={each["id"]: each["all_levels"] for each in variants},
        collections=product["collection_ids"],
        media=product["all_media"],
    )


def _batches(
    products: Rows, stock: Rows, observed_at: datetime, place: Position
) -> Iterator[Batch]:
    records: list[Record] = []
    families = products.families(start=place["done"])
    for done, (product, rows) in enumerate(families, place["done"] + 1):
        records += records_of(_bulk_family(product, rows, stock))
        if done % PER_BATCH == 0 or done == len(products):
            yield Batch(observed_at, records, {**place, "done": done})
            records = []


def _bulk_family(product: Json, rows: list[Json], stock: Rows) -> Family:
    kinds = _by_kind(rows)
    variants, levels = kinds.pop(_VARIANT, []), {}
    collections = kinds.pop("Collection", [])
    for each in variants:
        # A level names as its parent the variant, or the item between the two.
        below = _by_kind(stock.of(each["id"], _item(each)))
        found = below.pop("InventoryLevel", [])
        if stock.has(
            each["id"]
        ):  # else it is newer than the reading of stock, or was left out of it
            levels[each["id"]] = found
        each["media"] = {"nodes": [media for some in below.values() for media in some]}
    return Family(
        product=product,
        variants=variants,
        levels=levels,
        collections=[each["id"] for each in collections],
        media=[each for some in kinds.values() for each in some],
    )


def _by_kind(rows: list[Json]) -> dict[str, list[Json]]:
    kinds: dict[str, list[Json]] = defaultdict(list)
    for row in rows:
        kinds[_kind(row)].append(row)
    return kinds


def _kind(row: Json) -> str:
    """Return what a row is by its global id; a few have none."""
    return str(row.get("id") or "").removeprefix("gid://shopify/").partition("/")[0]


def _item(variant: Json) -> str:
    item: Any = variant.get("inventoryItem") or {}
    return str(item.get("id"))
