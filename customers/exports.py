"""Rules that stand, written as the lines that an import reads back."""

import csv
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from customers.cells import guarded
from customers.models import Customer
from customers.reserved import RESERVED
from customers.sheets import Sheet

# Where each cell of who and what stands, seen from a rule.
_NAMED = {
    "customer": "customer__slug",
    "tier": "tier__slug",
    "brand": "brand__slug",
    "category": "category__slug",
    "product": "product__code",
    "sku": "variant__sku",
}
_SOURCES = ("source", "brand__source", "category__source", "product__source", "variant__source")

Cells = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def visibility_cells(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"effect": rule["effect"]}


def export_rules(sheet: Sheet, cells: Cells, file: IO[str], *, customer: Customer | None) -> int:
    """Write the standing rules, of one customer or of all, but for the sandbox's; return their number."""
    writer = csv.DictWriter(file, sheet.columns, lineterminator="\n")
    writer.writeheader()
    count = 0
    for rule in _standing(sheet, customer):
        row = {**_who_what_when(rule), **cells(rule)}
        writer.writerow({name: guarded(str(value)) for name, value in row.items()})
        count += 1
    return count


def _standing(sheet: Sheet, customer: Customer | None) -> Iterator[Mapping[str, Any]]:
    rules = sheet.model._default_manager.filter(until_revision=None).exclude(RESERVED)  # noqa: SLF001
    if customer:
        rules = rules.filter(customer=customer)
    own = dict.fromkeys((*sheet.key, *sheet.content))
    sources = [f"{path}__slug" for path in _SOURCES]
    columns = ["rule_uid", "starts_at", "ends_at", *own, *_NAMED.values(), *sources]
    yield from rules.order_by("pk").values(*columns).iterator(chunk_size=2000)


def _who_what_when(rule: Mapping[str, Any]) -> dict[str, Any]:
    source = next((rule[f"{p}__slug"] for p in _SOURCES if rule[f"{p}__slug"]), "")
    window = {
        name: rule[name].isoformat() if rule[name] else "" for name in ("starts_at", "ends_at")
    }
    named = {cell: rule[path] or "" for cell, path in _NAMED.items()}
    return {"rule": rule["rule_uid"], "source": source, **named, **window}
