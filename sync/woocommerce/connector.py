"""The WooCommerce connector: a whole shop, or named records of it."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from catalog_mirror.records import CategoryRecord, Unmirrorable
from sync.connectors import Batch, EmptyShop, Fetched, Named, Position, Record
from sync.http import ShopAnswersNonsense, ShopRefusedKey
from sync.woocommerce.client import Client, NoSuchThing
from sync.woocommerce.mapping import (
    PRODUCT_FIELDS,
    VARIATION_FIELDS,
    Units,
    category_of,
    records_of,
)
from sync.woocommerce.reading import PER_PAGE, Page, Place, Reader
from sync.woocommerce.webhooks import problems_of, webhooks_of

PRODUCTS = "/wc/v3/products"
CATEGORIES = "/wc/v3/products/categories"
# Lists of all variations: the first from WooCommerce 10.3, the other where its analytics are on.
ALL_VARIATIONS = ("/wc/v3/variations", "/wc-analytics/variations")
_GONE = {"woocommerce_rest_product_invalid_id", "woocommerce_rest_product_variation_invalid_id"}
# Of a product that is read by its id: its variations too, those that are published or private.
FETCHED_FIELDS = f"{PRODUCT_FIELDS},variations"

Json = dict[str, Any]
Wanted = dict[str, None]  # ids in the order they were met, each once
# Variable products by id, and when each was read.
_Parents = dict[int, tuple[datetime, Json]]
# What a position says was being read, where it is not the address of a list of all variations.
_PRODUCTS, _FAMILIES = "products", "families"


class WooCommerce:
    """One shop. `clock` is the database's, which dates what is read."""

    def __init__(self, client: Client, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._clock = clock
        self._read = Reader(client, clock)
        self._known_units: Units | None = None
        self._list: str | None = None
        self._deleted: set[str] = set()  # ids that the shop was asked for and does not know

    @property
    def requests(self) -> int:
        return self._client.wire.requests

    @property
    def together(self) -> int:
        """Variations of many products fill pages of 100 together; without a list of all they do not."""
        return 20 * PER_PAGE if self._lists_all else PER_PAGE

    def close(self) -> None:
        self._client.wire.close()

    def categories(self) -> list[CategoryRecord]:
        fields = "id,parent,slug,name"
        found = self._read.pages(CATEGORIES, orderby="id", order="asc", _fields=fields)
        try:
            return [category_of(each) for each in found]
        except (KeyError, TypeError) as error:
            raise ShopAnswersNonsense(
                "The shop's categories lack a name, slug or parent. Look for a plugin that changes them."
            ) from error

    def everything(self, after: Position | None = None) -> Iterator[Batch]:
        """Read products by id, then the variations of the variable ones.

        What goes on after a position reads the variable products again: their variations are written
        with what they say.
        """
        after = after or {"list": _PRODUCTS}
        parents = self._parents() if "last" in after else {}
        if after["list"] == _PRODUCTS:
            yield from self._every_product(parents, start=_place(after))
        if self._lists_all:
            start = after if after["list"] == self._list else {}
            yield from self._all_variations(parents, start=_place(start))
        else:
            last = after["last"] if after["list"] == _FAMILIES else -1
            yield from self._by_parent(parents, after=last)

    def _every_product(self, parents: _Parents, *, start: Place) -> Iterator[Batch]:
        """Yield all but the variable products, which are put among the parents."""
        is_empty = True
        fields = PRODUCT_FIELDS
        for page in self._read.by_id(PRODUCTS, start=start, status="any", _fields=fields):
            is_empty = False
            variable = [each for each in page.records if each.get("type") == "variable"]
            others = [each for each in page.records if each.get("type") != "variable"]
            parents |= {each["id"]: (page.observed_at, each) for each in variable}
            yield Batch(
                page.observed_at,
                [r for each in others for r in self._records(each, [])],
                {"list": _PRODUCTS, **asdict(page.place)},
            )
        if is_empty and start == Place():
            raise EmptyShop

    def _parents(self) -> _Parents:
        fields = PRODUCT_FIELDS
        pages = self._read.by_id(PRODUCTS, status="any", type="variable", _fields=fields)
        return {each["id"]: (page.observed_at, each) for page in pages for each in page.records}

    def _all_variations(self, parents: _Parents, *, start: Place) -> Iterator[Batch]:
        """Yield variations as they come; dated as their products, whose content they share."""
        path, fields = self._list or "", VARIATION_FIELDS
        for page in self._read.by_id(path, start=start, status="any", _fields=fields):
            families: dict[int, list[Json]] = defaultdict(list)
            for each in page.records:
                if each.get("parent_id") in parents:  # orphans are no part of any product
                    families[each["parent_id"]].append(each)
            if families:
                yield Batch(
                    min(parents[i][0] for i in families),
                    [
                        r
                        for i, family in families.items()
                        for r in self._records(parents[i][1], family)
                    ],
                    {"list": self._list, **asdict(page.place)},
                )

    def _by_parent(self, parents: _Parents, *, after: int) -> Iterator[Batch]:
        for parent_id in sorted(each for each in parents if each > after):
            observed_at, parent = parents[parent_id]
            pages = self._variations_of(parent_id)
            family = [variation for page in pages for variation in page.records]
            yield Batch(
                observed_at, self._records(parent, family), {"list": _FAMILIES, "last": parent_id}
            )

    def _variations_of(self, parent_id: int) -> Iterator[Page]:
        path = f"{PRODUCTS}/{parent_id}/variations"
        return self._read.by_id(path, status="any", _fields=VARIATION_FIELDS)

    @property
    def _lists_all(self) -> bool:
        """Whether the shop lists all variations at once; asked once."""
        if self._list is None:
            self._list = next((path for path in ALL_VARIATIONS if self._offers(path)), "")
        return bool(self._list)

    def _offers(self, path: str) -> bool:
        try:
            self._client.page(path, per_page=1, _fields="id")
        except (NoSuchThing, ShopRefusedKey):  # the key that reads products may not see analytics
            return False
        return True

    def webhook_problems(self, url: str) -> list[str]:
        """Return what the shop's webhooks lack to tell `url` of every change."""
        return problems_of(webhooks_of(self._client, self._read), url)

    def fetch(self, names: Sequence[Named], *, families: Sequence[str] = ()) -> Fetched:
        """Read variants again: products 100 at a time, then variations; what is missing singly."""
        fetched = Fetched()
        asked = dict.fromkeys([*families, *(name.product_external_id for name in names)])
        products = self._products(list(asked))
        whole = {each: products[each] for each in families if each in products}
        wanted = self._of_families(whole, fetched)
        for product_id, variant_id in names:
            product = products.get(product_id)
            if product is None:  # its variations went with it
                fetched.gone.append(variant_id)
                if product_id in self._deleted:
                    fetched.deleted.append(variant_id)
            elif variant_id != product_id:
                wanted[product_id][variant_id] = None
            elif (
                product["type"] == "variable"
            ):  # what was sold as a simple product is none any more
                fetched.gone.append(variant_id)
            elif product_id not in whole:
                fetched.records += self._records(product, [])
        for product_id, found in self._named_variations(wanted, fetched).items():
            fetched.records += self._records(products[product_id], found)
        return fetched

    def _of_families(self, products: dict[str, Json], fetched: Fetched) -> dict[str, Wanted]:
        """Return the variations that whole products tell of; what needs no more reading is fetched."""
        wanted: dict[str, Wanted] = defaultdict(dict)
        for product_id, product in products.items():
            if product["type"] == "variable":
                wanted[product_id] |= dict.fromkeys(map(str, product.get("variations") or ()))
            else:
                fetched.records += self._records(product, [])
        return wanted

    def _products(self, ids: list[str]) -> dict[str, Json]:
        """Return the products that are not gone: not in the trash, not unknown to the shop."""
        found = {
            str(each["id"]): each
            for each in self._read.chosen(PRODUCTS, ids, status="any", _fields=FETCHED_FIELDS)
        }
        missing = [each for each in ids if each not in found]
        trashed = self._read.chosen(PRODUCTS, missing, status="trash", _fields="id,status")
        in_trash = {str(each["id"]) for each in trashed if each.get("status") == "trash"}
        for product_id in missing:
            if product_id not in in_trash:
                single = self._single(f"{PRODUCTS}/{product_id}", FETCHED_FIELDS)
                if single is not None:
                    found[product_id] = single
        return found

    def _named_variations(
        self, wanted: dict[str, Wanted], fetched: Fetched
    ) -> dict[str, list[Json]]:
        """Return the variations that exist by product; those that are gone are noted."""
        found: dict[str, list[Json]] = defaultdict(list)
        listed = set()
        for product_id, variation in self._listed_variations(wanted):
            if str(variation["id"]) in wanted[product_id]:
                found[product_id].append(variation)
                listed.add(str(variation["id"]))
        for product_id, ids in wanted.items():
            for missing in (each for each in ids if each not in listed):
                path = f"{PRODUCTS}/{product_id}/variations/{missing}"
                single = self._single(path, VARIATION_FIELDS)
                if single is None:
                    fetched.gone.append(missing)
                    if missing in self._deleted:
                        fetched.deleted.append(missing)
                else:
                    found[product_id].append(single)
        return found

    def _listed_variations(self, wanted: dict[str, Wanted]) -> Iterator[tuple[str, Json]]:
        """Yield variations by their product's id, from one list of all where the shop has it."""
        options = {"status": "any", "_fields": VARIATION_FIELDS}
        if wanted and self._lists_all:
            ids = [each for named in wanted.values() for each in named]
            for variation in self._read.chosen(self._list or "", ids, **options):
                if (parent_id := str(variation.get("parent_id"))) in wanted:
                    yield parent_id, variation
            return
        for product_id, named in wanted.items():
            path = f"{PRODUCTS}/{product_id}/variations"
            for variation in self._read.chosen(path, list(named), **options):
                yield product_id, variation

    def _single(self, path: str, fields: str) -> Json | None:
        """Return one record, or None where the shop itself says that it is gone or in the trash."""
        try:
            record = self._client.one(path, _fields=fields)
        except NoSuchThing as error:
            if error.code in _GONE:
                self._deleted.add(path.rpartition("/")[2])
                return None
            raise ShopAnswersNonsense(
                f"The shop answers 404 {error.code[:80]} for {path}: its REST API seems to be off."
            ) from error
        return None if record.get("status") == "trash" else record

    def _records(self, product: Json, variations: list[Json]) -> list[Record]:
        try:
            return records_of(product, variations, self._units)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            return [_unreadable(each, product, error) for each in variations or [product]]

    @property
    def _units(self) -> Units:
        """What the shop measures in, asked once; a key or shop that does not tell means kg and cm."""
        if self._known_units is None:
            try:
                settings = self._client.many("/wc/v3/settings/products")
            except (NoSuchThing, ShopRefusedKey):
                settings = []
            told = {each.get("id"): each.get("value") for each in settings}
            self._known_units = Units(
                weight=str(told.get("woocommerce_weight_unit") or "kg"),
                dimension=str(told.get("woocommerce_dimension_unit") or "cm"),
            )
        return self._known_units


def _place(position: Position) -> Place:
    return Place(**{k: v for k, v in position.items() if k != "list"})


def _unreadable(record: Json, product: Json, error: Exception) -> Unmirrorable:
    return Unmirrorable(
        external_id=str(record["id"]),
        product_external_id=str(product.get("id", "")),
        sku=str(record.get("sku") or "")[:300],
        reason="record_unreadable",
        detail=f"A field is missing or of the wrong kind ({type(error).__name__}: {error})."[:500],
    )
