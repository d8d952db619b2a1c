"""The names in a file of rules, resolved to ids in bulk."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection

from catalog_mirror.models import SANDBOX_SOURCE
from customers.models import SANDBOX, SUBJECTS

# What names mean, each asked for once a file. A source narrows what a name means in two shops.
_CUSTOMERS = "select slug, id from customers_customer where slug = any(%s)"
_TIERS = "select slug, id from customers_tier where slug = any(%s)"
_SOURCES = "select slug, id from catalog_mirror_source where slug = any(%s)"
_NAMED = {
    "brand": "select slug, source_id, id from catalog_mirror_brand where slug = any(%s)",
    "category": "select slug, source_id, id from catalog_mirror_category where slug = any(%s)",
    "product": "select code, source_id, id from catalog_mirror_product where code = any(%s)",
    "sku": """
        select sku, source_id, id from catalog_mirror_variant
        where sku = any(%s) and retired_at is null
    """,
}
# What standing rules name: a line that names its rule may go on naming what has left the shop since.
_HELD = """
    select r.rule_uid, replace(r.subject_kind, 'variant', 'sku'),
        coalesce(b.slug, c.slug, p.code, v.sku),
        coalesce(b.source_id, c.source_id, p.source_id, v.source_id), r.subject_id
    from {table} r
    left join catalog_mirror_brand b on b.id = r.brand_id
    left join catalog_mirror_category c on c.id = r.category_id
    left join catalog_mirror_product p on p.id = r.product_id
    left join catalog_mirror_variant v on v.id = r.variant_id
    where r.until_revision is null and r.rule_uid = any(%s)
"""
_MADE_BY_CODE = "The sandbox's rules are made by code alone. Leave it out."
_FIELDS = {"sku": "variant"}  # the column's name where the rule's field is called otherwise


class Refused(ValueError):
    """A value cannot be meant; `column` says where."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


class Names:
    """The ids of everything that the lines of a file name."""

    def __init__(self, cells: list[dict[str, str]], rules: list[UUID], table: str) -> None:
        """`rules` are those that lines name themselves, in their `table`."""
        self._customers = _pairs(_CUSTOMERS, _values(cells, "customer"))
        self._tiers = _pairs(_TIERS, _values(cells, "tier"))
        self._sources = _pairs(_SOURCES, _values(cells, "source"))
        self._named: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        for kind, sql in _NAMED.items():
            for name, source, pk in _fetched(sql, _values(cells, kind)):
                self._named[kind, name].append((source, pk))
        held = _fetched(_HELD.format(table=table), rules)
        self._held = {(uid, kind, name): (source, pk) for uid, kind, name, source, pk in held}

    def resolved(self, cells: Mapping[str, str], rule_uid: UUID | None) -> dict[str, int | None]:
        """Return the ids of who and what a line names; raise `Refused`."""
        ids: dict[str, int | None] = {f"{n}_id": None for n in ("customer", "tier", *SUBJECTS)}
        for who, known in (("customer", self._customers), ("tier", self._tiers)):
            if cells.get(who):
                ids[f"{who}_id"] = _known(known, cells[who], who)
        if ids["customer_id"] == SANDBOX:
            raise Refused("customer", _MADE_BY_CODE)
        if ids["customer_id"] and ids["tier_id"]:
            raise Refused("tier", "Name a customer or a tier, not both; neither means everyone.")
        source = _known(self._sources, cells["source"], "source") if cells.get("source") else None
        if source == SANDBOX_SOURCE:
            raise Refused("source", _MADE_BY_CODE)
        named = [kind for kind in _NAMED if cells.get(kind)]
        if len(named) > 1:
            raise Refused(named[1], f"Name one thing; {named[0]} is named already.")
        if named:
            kind = named[0]
            column = f"{_FIELDS.get(kind, kind)}_id"
            ids[column] = self._kept(rule_uid, kind, cells[kind], source) or self._only(
                kind, cells[kind], source
            )
        else:
            ids["source_id"] = source
        return ids

    def _kept(self, rule_uid: UUID | None, kind: str, name: str, source: int | None) -> int | None:
        """Return what the rule of a line names already, whether it is still sold or not."""
        held = self._held.get((rule_uid, kind, name))
        return held[1] if held and source in (None, held[0]) else None

    def _only(self, kind: str, name: str, source: int | None) -> int:
        found = self._named.get((kind, name), [])
        if not found:
            raise Refused(kind, f"There is no {kind} {name!r}.")
        found = [(of, pk) for of, pk in found if of != SANDBOX_SOURCE]
        if not found:
            raise Refused(kind, _MADE_BY_CODE)
        here = [pk for of, pk in found if source in (None, of)]
        if not here:
            raise Refused(kind, f"{name!r} is of another source than the one named.")
        if len(here) > 1:
            how = "Set this rule on the staff site" if source else "Name its source too"
            raise Refused(kind, f"{name!r} means {len(here)} things. {how}.")
        return here[0]


def _known(known: Mapping[str, int], name: str, column: str) -> int:
    if name not in known:
        raise Refused(column, f"There is no {column} {name!r}.")
    return known[name]


def _values(cells: list[dict[str, str]], name: str) -> list[str]:
    return sorted({each[name] for each in cells if each.get(name) and "\0" not in each[name]})


def _fetched(sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
    if not values:
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql, [values])
        return list(cursor.fetchall())


def _pairs(sql: str, values: list[str]) -> dict[str, int]:
    return dict(_fetched(sql, values))
