"""The SQL by which the mirror is read for comparison and written. Called by `mirror` alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db import connection

from catalog_mirror.documents import Desired
from catalog_mirror.models import Brand, Location, Product, Source, Variant
from catalog_mirror.taxonomy import Tree


@dataclass(frozen=True)
class Known:
    """A variant of the mirror with what was last read of it."""

    external_id: str
    id: int
    is_retired: bool
    content_at: datetime
    price_at: datetime
    stock_at: datetime
    content_hash: bytes
    price_hash: bytes
    stock_hash: bytes


class Holder(NamedTuple):
    """A live variant with the SKU it holds."""

    id: int
    source_slug: str
    rank: int
    external_id: str
    product_external_id: str
    sku: str
    content_at: datetime


class Published(NamedTuple):
    """A variant that customers may see, named as its shop names it."""

    id: int
    external_id: str
    product_external_id: str
    sku: str


_KNOWN = """
    select v.external_id, v.id, v.retired_at is not null, o.content_at, o.price_at, o.stock_at,
           o.content_hash, o.price_hash, o.stock_hash
    from catalog_mirror_variant v join catalog_mirror_observation o on o.variant_id = v.id
    where v.source_id = %s and v.external_id = any(%s)
"""
# What is about to be written over stays as compared: an equal read waits with its note.
_KNOWN_AND_HELD = _KNOWN + "order by v.id for update of o"

_HOLDERS = """
    select v.id, s.slug, s.rank, v.external_id, p.external_id, v.sku, o.content_at
    from catalog_mirror_variant v
    join catalog_mirror_source s on s.id = v.source_id
    join catalog_mirror_product p on p.id = v.product_id
    join catalog_mirror_observation o on o.variant_id = v.id
    where v.retired_at is null
      and (v.sku = any(%s) or (v.source_id = %s and v.external_id = any(%s)))
"""

_REVIVABLE = """
    select distinct on (sku) sku, id from catalog_mirror_variant
    where source_id = %s and sku = any(%s) and retired_at > %s and id <> all(%s)
    order by sku, retired_at desc, id desc
"""

_LIVE_UNREAD = """
    select v.id from catalog_mirror_variant v
    join catalog_mirror_observation o on o.variant_id = v.id
    where v.source_id = %s and v.external_id = any(%s)
      and v.retired_at is null and o.content_at <= %s
"""

_PUBLISHED = """
    select v.id, v.external_id, p.external_id, v.sku
    from catalog_mirror_variant v join catalog_mirror_product p on p.id = v.product_id
    where v.id = any(%s) and v.is_published order by v.id
"""

_NEW_IDS = """
    select nextval(pg_get_serial_sequence('catalog_mirror_variant', 'id'))
    from generate_series(1, %s)
"""

_GATE = (
    "sku, is_published, source_id, brand_id, product_id, category_ids, category_depths, "
    "list_price, currency, tax_included"
)

# History keeps a row where what decides visibility or price is about to change.
_KEEP_HISTORY = f"""
    with next as (select * from jsonb_populate_recordset(null::catalog_mirror_variant, %(rows)s))
    insert into catalog_mirror_varianthistory (variant_id, until_revision, {_GATE})
    select v.id, %(revision)s, {", ".join("v." + c for c in _GATE.split(", "))}
    from catalog_mirror_variant v join next n on n.id = v.id
    where row({", ".join("v." + c for c in _GATE.split(", "))})
          is distinct from row({", ".join("n." + c for c in _GATE.split(", "))})
    returning variant_id
"""  # noqa: S608 - column names, constants of this module

_COLUMNS = (
    f"id, {_GATE}, external_id, sale_price, stock_on_hand, stock_available, stock_status, "
    "retired_at, created_revision, content_revision, stock_revision, touched_revision"
)

_WRITE_VARIANTS = f"""
    insert into catalog_mirror_variant ({_COLUMNS})
    select {_COLUMNS} from jsonb_populate_recordset(null::catalog_mirror_variant, %s)
    on conflict (id) do update set
        {", ".join(f"{c} = excluded.{c}" for c in _COLUMNS.split(", ")[1:])}
"""  # noqa: S608

_WRITE_DOCUMENTS = """
    insert into catalog_mirror_variantdocument (variant_id, body)
    select * from unnest(%s::bigint[], %s::text[])
    on conflict (variant_id) do update set body = excluded.body
"""

_WRITE_LEVELS = """
    with next as (
        select * from jsonb_to_recordset(%(rows)s) as n
            (variant_id bigint, location_id bigint, on_hand int, reserved int, incoming int)
    ), closed as (
        delete from catalog_mirror_stocklevel l
        where l.variant_id = any(%(ids)s) and not exists (
            select from next n where (n.variant_id, n.location_id) = (l.variant_id, l.location_id))
    )
    insert into catalog_mirror_stocklevel (variant_id, location_id, on_hand, reserved, incoming)
    select variant_id, location_id, on_hand, reserved, incoming from next
    on conflict (variant_id, location_id) do update set
        on_hand = excluded.on_hand, reserved = excluded.reserved, incoming = excluded.incoming
"""

_FACETS = ("content", "price", "stock")

_NOTE_WRITTEN = f"""
    insert into catalog_mirror_observation as o
        (variant_id, {", ".join(f"{f}_at, {f}_hash" for f in _FACETS)})
    select id, {", ".join(f"%(at)s, decode({f}, 'hex')" for f in _FACETS)}
    from jsonb_to_recordset(%(rows)s) as n
        (id bigint, {", ".join(f"{f} text" for f in _FACETS)})
    on conflict (variant_id) do update set
        {
    ", ".join(
        f"{f}_at = case when excluded.{f}_hash = '' then o.{f}_at else excluded.{f}_at end, "
        f"{f}_hash = case when excluded.{f}_hash = '' then o.{f}_hash else excluded.{f}_hash end"
        for f in _FACETS
    )
}
"""  # noqa: S608

# An equal read still advances the observation, unless another writer came between: such rows are
# not returned and are compared again.
_NOTE_UNCHANGED = f"""
    with n as (
        select id, {", ".join(f"decode({f}, 'hex') as {f}" for f in _FACETS)}
        from jsonb_to_recordset(%(rows)s) as n
            (id bigint, {", ".join(f"{f} text" for f in _FACETS)})
    )
    , held as (  -- in one order, so that two at once never wait for each other
        select variant_id from catalog_mirror_observation
        where variant_id in (select id from n) order by variant_id for update
    )
    update catalog_mirror_observation o set
        {
    ", ".join(
        f"{f}_at = case when n.{f} = '' then o.{f}_at else greatest(o.{f}_at, %(at)s) end"
        for f in _FACETS
    )
}
    from n join held h on h.variant_id = n.id where o.variant_id = n.id
      and {
    " and ".join(f"(n.{f} = '' or o.{f}_hash = n.{f} or o.{f}_at > %(at)s)" for f in _FACETS)
}
    returning o.variant_id
"""  # noqa: S608

_RETIRE = """
    update catalog_mirror_variant set
        is_published = false, retired_at = %(at)s,
        content_revision = %(revision)s, touched_revision = %(revision)s
    where id = any(%(ids)s)
    returning external_id, sku, id
"""

_NOTE_RETIRED = """
    update catalog_mirror_observation set content_at = greatest(content_at, %s)
    where variant_id = any(%s)
"""


def _rows(sql: str, params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def known_variants(source: Source, external_ids: list[str], *, hold: bool) -> dict[str, Known]:
    """Return the variants with these ids; `hold` keeps their observations for this transaction."""
    rows = _rows(_KNOWN_AND_HELD if hold else _KNOWN, [source.pk, external_ids])
    return {row[0]: Known(*row[:6], *map(bytes, row[6:])) for row in rows}


def holders(source: Source, skus: list[str], external_ids: list[str]) -> list[Holder]:
    """Return the live variants that hold one of `skus`, and those of the source with these ids."""
    if not skus:
        return []
    return [Holder(*row) for row in _rows(_HOLDERS, [skus, source.pk, external_ids])]


def revivable(
    source: Source, fresh: Mapping[str, str], *, since: datetime, but: list[int]
) -> dict[str, int]:
    """Return, for new external ids by SKU, the variants that carried the SKU and were retired since.

    `but` are the variants that come back by their own external id.
    """
    if not fresh:
        return {}
    return {fresh[sku]: pk for sku, pk in _rows(_REVIVABLE, [source.pk, list(fresh), since, but])}


def live_unread_since(source: Source, external_ids: list[str], at: datetime) -> list[int]:
    return [pk for (pk,) in _rows(_LIVE_UNREAD, [source.pk, external_ids, at])]


def published(ids: Sequence[int]) -> list[Published]:
    """Return those of the variants that are published, oldest first."""
    return [Published(*row) for row in _rows(_PUBLISHED, [list(ids)])] if ids else []


def rows_of(ids: Sequence[int]) -> dict[int | None, tuple[Variant | None, str]]:
    """Return the variants as they are, each with its document."""
    variants = Variant.objects.filter(pk__in=ids).select_related("variantdocument")
    return {row.pk: (row, row.variantdocument.body) for row in variants}


def retire(ids: list[int], *, revision: int, at: datetime) -> list[tuple[str, str]]:
    """Retire those variants; return the external id and SKU of each."""
    if not ids:
        return []
    held = [{**_as_row(row), "is_published": False} for row in Variant.objects.filter(pk__in=ids)]
    _rows(_KEEP_HISTORY, {"rows": _json(held), "revision": revision})
    gone = _rows(_RETIRE, {"ids": ids, "revision": revision, "at": at})
    _rows(_NOTE_RETIRED, [at, ids])
    return [(external_id, sku) for external_id, sku, _ in gone]


def note_unchanged(
    known: Mapping[str, Known], unchanged: list[Desired], *, at: datetime
) -> dict[str, Desired]:
    """Advance the observations of what was found equal; return what another wrote meanwhile."""
    held = {known[each.external_id].id: each for each in unchanged if each.external_id in known}
    if not held:
        return {}
    rows = [{"id": pk, **_hashes(each, set(_FACETS))} for pk, each in held.items()]
    noted = {pk for (pk,) in _rows(_NOTE_UNCHANGED, {"rows": _json(rows), "at": at})}
    return {each.external_id: each for pk, each in held.items() if pk not in noted}


def write(
    source: Source,
    accepted: list[tuple[Desired, Variant | None]],
    *,
    facets: Mapping[str, set[str]],
    tree: Tree,
    revision: int,
    at: datetime,
) -> None:
    """Write the facets of each variant that moved, over the row it has or as a new one."""
    wanted = [each for each, _ in accepted]
    brands, products = _write_brands(source, wanted), _write_products(source, wanted)
    fresh = iter(_rows(_NEW_IDS, [sum(row is None for _, row in accepted)]))
    rows = []
    for each, row in accepted:
        base = _as_row(row) if row else {"id": next(fresh)[0], "created_revision": revision}
        moved = facets[each.external_id]
        if "content" in moved:
            base |= _content_columns(source, each, tree, brands, products, revision)
        if "price" in moved:
            base |= _price_columns(source, each)
        if "stock" in moved:
            base |= _stock_columns(each, revision)
        rows.append(base)
    _write_rows(rows, revision)
    pairs = [(each, row["id"]) for each, row in zip(wanted, rows, strict=True)]
    _write_documents([(e, pk) for e, pk in pairs if "content" in facets[e.external_id]])
    _write_levels(source, [(e, pk) for e, pk in pairs if "stock" in facets[e.external_id]])
    noted = [{"id": pk, **_hashes(each, facets[each.external_id])} for each, pk in pairs]
    _rows(_NOTE_WRITTEN, {"rows": _json(noted), "at": at})


def _as_row(row: Variant) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _COLUMNS.split(", ")}


def _content_columns(
    source: Source,
    each: Desired,
    tree: Tree,
    brands: Mapping[str, int],
    products: Mapping[str, int],
    revision: int,
) -> dict[str, Any]:
    ids, depths = tree.closure(each.product.category_external_ids)
    return {
        "external_id": each.external_id,
        "sku": each.sku,
        "is_published": each.record.content is not None and each.record.content.is_published,
        "source_id": source.pk,
        "brand_id": each.product.brand and brands[each.product.brand.external_id],
        "product_id": products[each.product.external_id],
        "category_ids": ids,
        "category_depths": depths,
        "retired_at": None,
        "content_revision": revision,
        "touched_revision": revision,
    }


def _price_columns(source: Source, each: Desired) -> dict[str, Any]:
    price = each.record.price
    return {
        "list_price": price and price.list_price,
        "sale_price": price and price.sale_price,
        "currency": source.currency,
        "tax_included": source.prices_include_tax,
    }


def _stock_columns(each: Desired, revision: int) -> dict[str, Any]:
    stock = each.record.stock
    return {
        "stock_on_hand": stock and stock.on_hand,
        "stock_available": stock and stock.available,
        "stock_status": stock and stock.status,
        "stock_revision": revision,
    }


def _write_rows(rows: list[dict[str, Any]], revision: int) -> None:
    kept = {pk for (pk,) in _rows(_KEEP_HISTORY, {"rows": _json(rows), "revision": revision})}
    for row in rows:
        if row["id"] in kept:
            row["touched_revision"] = revision
    _rows(_WRITE_VARIANTS, [_json(rows)])


def _write_documents(pairs: list[tuple[Desired, int]]) -> None:
    _rows(_WRITE_DOCUMENTS, [[pk for _, pk in pairs], [each.document for each, _ in pairs]])


def _write_levels(source: Source, pairs: list[tuple[Desired, int]]) -> None:
    levels = [
        (pk, level) for each, pk in pairs if each.record.stock for level in each.record.stock.levels
    ]
    locations = _locations(source, {level.location for _, level in levels})
    rows = [
        {
            "variant_id": pk,
            "location_id": locations[level.location],
            "on_hand": level.on_hand,
            "reserved": level.reserved,
            "incoming": level.incoming,
        }
        for pk, level in levels
    ]
    _rows(_WRITE_LEVELS, {"rows": _json(rows), "ids": [pk for _, pk in pairs]})


def _locations(source: Source, names: set[str]) -> dict[str, int]:
    return {
        name: Location.objects.get_or_create(
            source=source, external_id=name, defaults={"name": name}
        )[0].pk
        for name in sorted(names)
    }


def _write_brands(source: Source, wanted: list[Desired]) -> dict[str, int]:
    records = {e.product.brand.external_id: e.product.brand for e in wanted if e.product.brand}
    Brand.objects.bulk_create(
        [Brand(source=source, external_id=i, slug=b.slug, name=b.name) for i, b in records.items()],
        update_conflicts=True,
        unique_fields=["source", "external_id"],
        update_fields=["slug", "name"],
    )
    found = Brand.objects.filter(source=source, external_id__in=records)
    return dict(found.values_list("external_id", "pk"))


def _write_products(source: Source, wanted: list[Desired]) -> dict[str, int]:
    records = {each.product.external_id: each.product for each in wanted}
    Product.objects.bulk_create(
        [
            Product(source=source, external_id=i, code=p.code, name=p.name, url=p.url)
            for i, p in records.items()
        ],
        update_conflicts=True,
        unique_fields=["source", "external_id"],
        update_fields=["code", "name", "url"],
    )
    found = Product.objects.filter(source=source, external_id__in=records)
    return dict(found.values_list("external_id", "pk"))


def _hashes(each: Desired, facets: set[str]) -> dict[str, str]:
    return {f: getattr(each, f"{f}_hash").hex() if f in facets else "" for f in _FACETS}


def _json(rows: list[dict[str, Any]]) -> str:
    return orjson.dumps(rows, default=str).decode()
