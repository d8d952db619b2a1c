"""Finds, orders and cuts the records that a list asks for."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from demo.catalogue.records import Product
from demo.storefront.store import Store

Predicate = Callable[[Product], bool]
Values = Mapping[str, Any]
NEVER = datetime.min.replace(tzinfo=UTC)  # a zero date, which MySQL sorts first
LINE_END = 10_007  # a prime; scatters ties of `modified`


def found(store: Store, records: Iterable[Product], values: Values) -> list[Product]:
    """Return the records that pass every filter of `values`, in its order."""
    tests = [_status(values)]
    tests += [make(store, values) for name, make in FILTERS.items() if name in values]
    kept = [record for record in records if all(test(record) for test in tests)]
    return _ordered(store, kept, values)


def page_of(records: list[Product], values: Values) -> list[Product]:
    start = _start(values)
    return records[start : start + values.get("per_page", 10)]


def sanitized(text: str) -> str:
    """Strip tags, percent codes and spaces, as WordPress's `sanitize_text_field` does."""
    text = re.sub(r"%[0-9a-fA-F]{2}", "", re.sub(r"<[^>]*>", "", text))
    return " ".join(text.split())


def _start(values: Values) -> int:
    size = values.get("per_page", 10)
    return max(0, int(values.get("offset", (values.get("page", 1) - 1) * size)))


def _status(values: Values) -> Predicate:
    if wanted := set(values.get("include_status", ())) - {"any"}:
        return lambda p: p.status in wanted
    unwanted = {"trash", *values.get("exclude_status", ())}
    status = values.get("status", "any")
    return lambda p: p.status not in unwanted if status == "any" else p.status == status


def _sku(_store: Store, values: Values) -> Predicate:
    """Match whole SKUs of records themselves, ignoring case; the whole text counts as one too."""
    text = sanitized(values["sku"]).casefold()
    wanted = {text, *text.split(",")} - {""}
    return lambda p: p.sku.casefold() in wanted


def _search_sku(_store: Store, values: Values) -> Predicate:
    part = sanitized(values["search_sku"]).casefold()
    return lambda p: part in p.sku.casefold()


def _search(_store: Store, values: Values) -> Predicate:
    words = sanitized(values["search"]).casefold().split()
    return lambda p: all(w in f"{p.name}\n{p.description}".casefold() for w in words)


def _categories(store: Store, values: Values) -> Predicate:
    """Match the categories and everything below them."""
    wanted = {int(i) for i in values["category"].split(",") if i.strip().isdigit()}
    for _ in range(3):  # the tree is three levels deep
        wanted |= {c.id for c in store.catalogue.categories.values() if c.parent_id in wanted}
    return lambda p: not wanted.isdisjoint(p.category_ids)


def _brands(_store: Store, values: Values) -> Predicate:
    wanted = {int(i) for i in values["brand"].split(",") if i.strip().isdigit()}
    return lambda p: not wanted.isdisjoint(p.brand_ids)


def _dated(name: str, field: str, *, after: bool) -> Callable[[Store, Values], Predicate]:
    def make(store: Store, values: Values) -> Predicate:
        limit = _wall_time(store, values[name])
        in_gmt = values.get("dates_are_gmt", False)

        def wall(record: Product) -> datetime:
            at: datetime | None = getattr(record, field)
            if at is None:
                return datetime.min  # noqa: DTZ901 - wall time, compared as the database does
            return (at if in_gmt else at.astimezone(store.zone)).replace(tzinfo=None)

        return lambda p: wall(p) > limit if after else wall(p) < limit

    return make


def _wall_time(store: Store, text: str) -> datetime:
    """Return the moment as WordPress compares it: a zone is turned into shop-local time.

    So is it with `dates_are_gmt`, where the column then is GMT: the two do not mix.
    """
    at = datetime.fromisoformat(text.upper().replace(" ", "T"))
    return at.astimezone(store.zone).replace(tzinfo=None) if at.tzinfo else at


FILTERS: Final[Mapping[str, Callable[[Store, Values], Predicate]]] = {
    "type": lambda _, v: lambda p: p.type == v["type"],
    "include": lambda _, v: lambda p: p.id in v["include"],
    "exclude": lambda _, v: lambda p: p.id not in v["exclude"],
    "parent": lambda _, v: lambda p: p.parent_id in v["parent"],
    "slug": lambda _, v: lambda p: p.slug == v["slug"],
    "featured": lambda _, v: lambda p: p.is_featured == v["featured"],
    "stock_status": lambda s, v: lambda p: s.shown.stock_status(p) == v["stock_status"],
    "on_sale": lambda s, v: lambda p: s.shown.is_on_sale(p) == v["on_sale"],
    "category": _categories,
    "brand": _brands,
    "sku": _sku,
    "search_sku": _search_sku,
    "search": _search,
    "after": _dated("after", "created_at", after=True),
    "before": _dated("before", "created_at", after=False),
    "modified_after": _dated("modified_after", "modified_at", after=True),
    "modified_before": _dated("modified_before", "modified_at", after=False),
}


def _ordered(store: Store, records: list[Product], values: Values) -> list[Product]:
    by = values.get("orderby", "date")
    if by in {"include", "post__in"} and "include" in values:
        return sorted(records, key=lambda p: values["include"].index(p.id))
    start = _start(values)
    keys: dict[str, Callable[[Product], Any]] = {
        "id": lambda p: p.id,
        "title": lambda p: (p.name.casefold(), p.id),
        "slug": lambda p: (p.slug, p.id),
        # No tie-break in the shop either: equal dates come in another order on another page.
        "modified": lambda p: (p.modified_at or NEVER, (p.id * LINE_END + start * 31) % 997),
        "popularity": lambda p: (p.total_sales, p.id),
        "sales": lambda p: (p.total_sales, p.id),
        "menu_order": lambda p: (p.menu_order, p.name),
        "price": lambda p: (float(store.shown.price(p) or 0), p.id),
    }
    key = keys.get(by, lambda p: (p.created_at or NEVER, p.id))
    return sorted(records, key=key, reverse=values.get("order", "desc") == "desc")
