"""What a customer is shown, read as /v1 reads it: the same snapshot, role, gate, items and prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db.models import Q

from catalog_mirror.models import Product, Variant
from contract.lists import PageRequest, product_page
from contract.parameters import MOST_VALUES, Filters
from contract.problems import Problem
from contract.snapshots import ContractInactive, snapshot_for
from customers.models import Customer

PAGE = 25


@dataclass(frozen=True)
class Seen:
    """A page of a view, or the sentence that says why there is none."""

    items: Sequence[dict[str, Any]]
    next_cursor: str | None = None
    because: str = ""

    @property
    def by_sku(self) -> dict[str, dict[str, Any]]:
        return {item["sku"]: item for item in self.items}


def seen_by(
    customer: Customer, *, skus: Sequence[str] | None = None, cursor: str | None = None
) -> Seen:
    """Return a page of what the customer is shown now, narrowed to `skus` where they are given."""
    if skus is not None and not skus:
        return Seen((), because="No SKU and no product is called so. Search for a part of it.")
    filters = Filters((("sku", tuple(skus)),) if skus is not None else ())
    limit = PAGE if skus is None else MOST_VALUES
    try:
        with snapshot_for(customer.pk) as snapshot:
            page = product_page(snapshot, PageRequest(filters, limit, cursor))
    except ContractInactive:
        return Seen((), because="No contract of its own is in force now, so it is shown nothing.")
    except Problem as problem:
        return Seen((), because=f"{problem.detail} Begin at the first page.")
    items = [orjson.loads(item) for item in page.items]
    hidden = "" if items else "Nothing of it is shown to this customer. Ask why for a SKU."
    return Seen(items, page.next_cursor, hidden)


def skus_called(text: str, *, limit: int = MOST_VALUES) -> list[str]:
    """Return the published SKU that a text is, or else those in which it is, or in whose product's name."""
    if Variant.objects.filter(sku=text, is_published=True).exists():
        return [text]
    products = Product.objects.filter(name__icontains=text).values("pk")
    called = Q(sku__icontains=text) | Q(product__in=products)
    rows = Variant.objects.filter(called, is_published=True).order_by("pk")
    return list(rows.values_list("sku", flat=True)[:limit])


def skus_after(pk: int) -> tuple[list[str], int | None]:
    """Return the next published SKUs of the mirror, and where the page after them begins."""
    rows = Variant.objects.filter(pk__gt=pk, is_published=True).order_by("pk")
    found = list(rows.values_list("pk", "sku")[: PAGE + 1])
    skus = [sku for _, sku in found[:PAGE]]
    return skus, found[PAGE - 1][0] if len(found) > PAGE else None


def price_in_words(item: dict[str, Any]) -> str:
    """Return the price of one piece, and of more: "10.49 (50: 9.90) USD"."""
    price = item["price"]
    if price["unit"] is None:
        return "not sold"
    more = ", ".join(f"{b['minimum_quantity']}: {b['unit']}" for b in price["breaks"][1:])
    return f"{price['unit']}{f' ({more})' if more else ''} {price['currency']}"


def basis_in_words(item: dict[str, Any]) -> str:
    """Return what the price of one piece rests on."""
    breaks = item["price"]["breaks"]
    if not breaks:
        return "-"
    basis = breaks[0]["basis"]
    off = breaks[0]["discount_percentage"]
    named = f", {breaks[0]['name']}" if breaks[0]["name"] else ""
    share = f", {off} % off" if off else ""
    return f"{basis['who']}, {basis['what']}, {basis['kind']}{share}{named}"
