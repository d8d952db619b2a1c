"""The Magento connector: a whole shop, named records of it, and what its polls ask."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog_mirror.records import CategoryRecord
from sync.connectors import Batch, Clock, EmptyShop, Fetched, Named, Position, Record
from sync.http import ShopAnswersNonsense
from sync.magento.client import Client, Filter, Json, NoSuchThing, ends_early
from sync.magento.mapping import (
    BRAND,
    CONFIGURABLE,
    PRODUCT_FIELDS,
    SINGLE,
    Family,
    Shown,
    categories_of,
    links_of,
    records_of,
    stock_record,
)
from sync.magento.stock import StockReader
from sync.shapes import as_sent_by

PER_PAGE = 100
IDS_AT_ONCE = 100
PARENTS_AT_ONCE = 300
# Edits that commit late carry a date from before: so much is asked again.
OVERLAP = timedelta(minutes=2)
FIRST_LOOK = timedelta(minutes=10)  # back, the first time: a sweep has read the rest
_LINKS = "id,type_id,extension_attributes[configurable_product_links]"
_MOMENT = "%Y-%m-%d %H:%M:%S"  # of its REST API, in UTC


class Magento:
    """One shop. `clock` is the database's, which dates what is read."""

    together = 1000  # each reading begins with the parents of all children: 300 a request

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._stock = StockReader(client)
        self._shown_as: Shown | None = None

    @property
    def requests(self) -> int:
        return self._client.wire.requests

    def close(self) -> None:
        self._client.wire.close()

    def webhook_problems(self, url: str) -> None:
        """Return None: it has no webhooks, and is polled."""
        del url

    @as_sent_by("Magento")
    def categories(self) -> list[CategoryRecord]:
        found = [each for page in self._by_id("categories/list", []) for each in page[1]]
        try:
            return categories_of(found)
        except (KeyError, TypeError) as error:
            raise ShopAnswersNonsense(
                "The shop's categories lack a name, level or parent."
            ) from error

    def everything(self, after: Position | None = None) -> Iterator[Batch]:
        """Read the configurable products with their children, then all others by id.

        A child in two products belongs to the one with the lower id.
        """
        with as_sent_by("Magento"):
            yield from self._everything(after)

    def _everything(self, after: Position | None) -> Iterator[Batch]:
        # A product is told under the parent that it had then: no batch is dated later.
        known_at = self._clock()
        parents = self._parents()
        after = after or {"list": CONFIGURABLE, "last": 0}
        is_empty = not parents
        if after["list"] == CONFIGURABLE:
            yield from self._configurables(parents, known_at, last=after["last"])
            after = {"list": "others", "last": 0}
        others = [("type_id", "neq", CONFIGURABLE)]
        for _, page in self._by_id("products", others, last=after["last"]):
            is_empty = False
            alone = [each for each in page if str(each["id"]) not in parents]
            position = {"list": "others", "last": int(page[-1]["id"])}
            yield Batch(known_at, self._records([(each, []) for each in alone]), position)
        if is_empty and after["last"] == 0:
            raise EmptyShop

    def _configurables(
        self, parents: dict[str, str], known_at: datetime, *, last: int
    ) -> Iterator[Batch]:
        filters = [("type_id", "eq", CONFIGURABLE)]
        for _, page in self._by_id("products", filters, last=last):
            position = {"list": CONFIGURABLE, "last": int(page[-1]["id"])}
            yield Batch(known_at, self._records(self._with_children(page, parents)), position)

    def _with_children(
        self, products: Sequence[Json], parents: dict[str, str]
    ) -> list[tuple[Json, list[Json]]]:
        wanted = {
            str(each["id"]): [i for i in links_of(each) if parents.get(i) == str(each["id"])]
            for each in products
        }
        children = self._products([i for some in wanted.values() for i in some])
        return [
            (each, [children[i] for i in wanted[str(each["id"])] if i in children])
            for each in products
        ]

    def _parents(self) -> dict[str, str]:
        """Return the configurable product of each child, by their ids."""
        parents: dict[str, str] = {}
        filters = [("type_id", "eq", CONFIGURABLE)]
        for _, page in self._by_id("products", filters, size=PARENTS_AT_ONCE, fields=_LINKS):
            for each in page:
                for child in links_of(each):
                    parents.setdefault(child, str(each["id"]))
        return parents

    @as_sent_by("Magento")
    def fetch(self, names: Sequence[Named], *, families: Sequence[str] = ()) -> Fetched:
        """Read variants again by their ids, and products with all children that they have now."""
        parents = self._parents() if names or families else {}
        asked = dict.fromkeys([*families, *(n.external_id for n in names)])
        asked |= dict.fromkeys(n.product_external_id for n in names)
        asked |= dict.fromkeys(parents[i] for i in list(asked) if i in parents)
        there = self._products(list(asked))
        named = {name.external_id for name in names}
        gone = [i for i in named if i not in there or not _is_sold(there[i])]
        fetched = Fetched(gone=sorted(gone), deleted=sorted(i for i in gone if i not in there))
        wanted: dict[str, dict[str, None]] = defaultdict(dict)
        for each in families:
            if each in there and each not in parents:
                wanted[each] |= dict.fromkeys(links_of(there[each]))
            elif each in parents:
                wanted[parents[each]][each] = None
        for each in named - set(gone):
            wanted[parents.get(each, each)][each] = None
        fetched.records = self._wanted(wanted, there, parents)
        return fetched

    def _wanted(
        self, wanted: dict[str, dict[str, None]], there: dict[str, Json], parents: dict[str, str]
    ) -> list[Record]:
        missing = [i for some in wanted.values() for i in some if i not in there]
        there = there | self._products(missing)
        found = []
        for product_id, ids in wanted.items():
            children = [there[i] for i in ids if i in there and parents.get(i) == product_id]
            if product_id in there:
                found.append((there[product_id], children))
        return self._records(found)

    @as_sent_by("Magento")
    def changed(self, after: Position | None) -> tuple[list[str], Position]:
        """Return the ids of products edited since; stock and pictures move no date."""
        now, self._client.told_at = self._clock().astimezone(UTC), None
        since = datetime.fromisoformat(after["at"]) if after else now - FIRST_LOOK
        edited = [("updated_at", "gteq", (since - OVERLAP).strftime(_MOMENT))]
        pages = self._by_id("products", edited, size=PARENTS_AT_ONCE, fields="id")
        found = [str(each["id"]) for _, page in pages for each in page]
        # The dates of edits are the shop's: where its clock is behind ours, so is the position.
        return found, {"at": min(now, self._client.told_at or now).isoformat()}

    def stock(self) -> Iterator[Batch]:
        """Read the stock of all that is sold, and nothing else of it."""
        with as_sent_by("Magento"):
            yield from self._all_stock()

    def _all_stock(self) -> Iterator[Batch]:
        fields = "id,sku,type_id,extension_attributes[stock_item]"
        for observed_at, page in self._by_id("products", [], fields=fields):
            sold = [each for each in page if _is_sold(each)]
            stock = self._stock.of(sold)
            # Which product a variant is of is content, and is not told here.
            records: list[Record] = [
                stock_record(str(each["id"]), str(each["id"]), stock[each["sku"]])
                for each in sold
                if each["sku"] in stock
            ]
            yield Batch(observed_at, records, {})

    def _records(self, found: Sequence[tuple[Json, list[Json]]]) -> list[Record]:
        sold = [each for product, children in found for each in (product, *children)]
        stock = self._stock.of([each for each in sold if _is_sold(each)])
        records: list[Record] = []
        for product, children in found:
            records += records_of(
                Family(product=product, children=children, stock=stock), self._shown(product)
            )
        return records

    def _products(self, ids: list[str]) -> dict[str, Json]:
        """Return the products that are there, by id."""
        found: dict[str, Json] = {}
        for start in range(0, len(ids), IDS_AT_ONCE):
            some = [i for i in ids[start : start + IDS_AT_ONCE] if i.isdecimal()]
            if some:
                filters = [("entity_id", "in", ",".join(some))]
                listed, total = self._client.page(
                    "products", filters, size=IDS_AT_ONCE, fields=PRODUCT_FIELDS
                )
                _check_ids(listed)
                if len(listed) < total:  # none that is left out may be taken for gone
                    raise ShopAnswersNonsense(
                        f"The shop gives {len(listed)} of {total} products that were asked for by id. "
                        "Look at the limits of its web API."
                    )
                found |= {str(each["id"]): each for each in listed}
        return found

    def _by_id(
        self,
        path: str,
        filters: Sequence[Filter],
        *,
        last: int = 0,
        size: int | None = None,
        fields: str = PRODUCT_FIELDS,
    ) -> Iterator[tuple[datetime, list[Json]]]:
        """Yield a list's pages, each beginning behind the last id: what is deleted shifts nothing."""
        asked = fields if path == "products" else ""
        while True:
            observed_at = self._clock()
            behind = [*filters, ("entity_id", "gt", str(last))]
            page, total = self._client.page(
                path, behind, size=size or PER_PAGE, sort="entity_id", fields=asked
            )
            _check_ids(page)
            if not page and total > 0:
                raise ends_early(path)
            if not page:
                return
            if int(page[-1]["id"]) <= last:
                raise ShopAnswersNonsense(
                    f"The shop's list {path} does not go on behind id {last}. Look for a cache in front "
                    "of the shop."
                )
            yield observed_at, page
            last = int(page[-1]["id"])

    def _shown(self, product: Json) -> Shown:
        """Return what all products share, with the labels of this one's options."""
        shown = self._shown_as = self._shown_as or self._base()
        extension = product.get("extension_attributes") or {}
        ids = [
            str(each.get("attribute_id"))
            for each in extension.get("configurable_product_options") or ()
        ]
        for attribute_id in ids:
            if attribute_id not in shown.codes:
                shown = self._shown_as = self._with_labels(shown, attribute_id)
        return shown

    def _base(self) -> Shown:
        config = self._config()
        shown = Shown(
            currency=str(config.get("base_currency_code") or ""),
            media_url=str(config.get("secure_base_media_url") or ""),
            weight_unit={"lbs": "lb", "kgs": "kg"}.get(str(config.get("weight_unit")), "kg"),
        )
        return self._with_labels(shown, BRAND)

    def _config(self) -> Json:
        found: Any = self._client.read("store/storeConfigs")
        if not (isinstance(found, list) and found and isinstance(found[0], dict)):
            raise ShopAnswersNonsense("The shop does not tell of its stores (store/storeConfigs).")
        own = [each for each in found if each.get("code") == self._client.store]
        return dict((own or found)[0])

    def _with_labels(self, shown: Shown, attribute: str) -> Shown:
        """Return it with the labels of one more attribute, by its id or code; one may be missing."""
        try:
            told: Any = self._client.read(f"products/attributes/{attribute}")
        except NoSuchThing:
            told = {}
        code = str(told.get("attribute_code") or attribute)
        labels = {
            str(o["value"]): str(o["label"]) for o in told.get("options") or () if o.get("value")
        }
        return Shown(
            currency=shown.currency,
            media_url=shown.media_url,
            weight_unit=shown.weight_unit,
            codes={**shown.codes, str(told.get("attribute_id", attribute)): code, attribute: code},
            labels={**shown.labels, code: labels},
        )


def _is_sold(product: Json) -> bool:
    return product.get("type_id") in SINGLE


def _check_ids(page: Sequence[Json]) -> None:
    if not all(isinstance(each.get("id"), int) for each in page):
        raise ShopAnswersNonsense(
            "The shop's answer holds records without an id: it is not Magento's."
        )
