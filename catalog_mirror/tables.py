"""The SQL by which the mirror is written. Called by `mirror` alone, under the writers' lock."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from catalog_mirror.documents import Desired
from catalog_mirror.lookups import Known, Row, rows_from, rows_of
from catalog_mirror.models import Location, Source

_NEW_IDS = """
    select nextval(pg_get_serial_sequence('catalog_mirror_variant', 'id'))
    from generate_series(1, %s)
"""

_GATE = (
    "sku, is_published, source_id, brand_id, product_id, category_ids, category_depths, "
    "list_price, currency, tax_included"
)

_COLUMNS = ", ".join(Row._fields)
# Everything but the id, and whether it was touched, which the history says too.
_WRITTEN = [name for name in Row._fields if name not in {"id", "touched_revision"}]

# History keeps a row where what decides visibility or price changes, and then the row is touched.
_HISTORY = f"""
    insert into catalog_mirror_varianthistory (variant_id, until_revision, {_GATE})
    select v.id, %(revision)s, {", ".join("v." + c for c in _GATE.split(", "))}
    from catalog_mirror_variant v join next n on n.id = v.id
    where row({", ".join("v." + c for c in _GATE.split(", "))})
          is distinct from row({", ".join("n." + c for c in _GATE.split(", "))})
    returning variant_id
"""  # noqa: S608 - column names, constants of this module
_NEXT = "select * from json_populate_recordset(null::catalog_mirror_variant, %(rows)s)"
_KEEP_HISTORY = f"with next as materialized ({_NEXT}) {_HISTORY}"

_WRITE_VARIANTS = f"""
    with next as materialized ({_NEXT}), kept as ({_HISTORY}), placed as (
        select {", ".join("n." + c for c in ("id", *_WRITTEN))},
            case when k.variant_id is null then n.touched_revision else %(revision)s end
                as touched_revision
        from next n left join kept k on k.variant_id = n.id
    ), written as (
        update catalog_mirror_variant v set
            {", ".join(f"{c} = p.{c}" for c in (*_WRITTEN, "touched_revision"))}
        from placed p where v.id = p.id returning v.id
    )
    insert into catalog_mirror_variant ({_COLUMNS})
    select {_COLUMNS} from placed where created_revision = %(revision)s
"""  # noqa: S608

# What is there is updated and the rest inserted, which is cheaper than an insert that meets a conflict:
# nobody else writes these tables while the writers' lock is held.
_WRITE_DOCUMENTS = """
    with next as materialized (
        select * from json_to_recordset(%s) as n (id bigint, body text)
    ), written as (
        update catalog_mirror_variantdocument d set body = n.body
        from next n where d.variant_id = n.id returning n.id
    )
    insert into catalog_mirror_variantdocument (variant_id, body)
    select id, body from next where id not in (select id from written)
"""

_WRITE_LEVELS = """
    with next as materialized (
        select * from json_to_recordset(%(rows)s) as n
            (variant_id bigint, location_id bigint, on_hand int, reserved int, incoming int)
    ), closed as (
        delete from catalog_mirror_stocklevel l
        where l.variant_id = any(%(ids)s) and not exists (
            select from next n where (n.variant_id, n.location_id) = (l.variant_id, l.location_id))
    ), written as (
        update catalog_mirror_stocklevel l
        set on_hand = n.on_hand, reserved = n.reserved, incoming = n.incoming
        from next n where (n.variant_id, n.location_id) = (l.variant_id, l.location_id)
        returning l.variant_id, l.location_id
    )
    insert into catalog_mirror_stocklevel (variant_id, location_id, on_hand, reserved, incoming)
    select variant_id, location_id, on_hand, reserved, incoming from next
    where (variant_id, location_id) not in (select variant_id, location_id from written)
"""


class _Named(NamedTuple):
    """The SQL of what a shop names by an id of its own: read what is there, write what differs."""

    columns: tuple[str, ...]
    read: str
    write: str


def _named(table: str, *columns: str) -> _Named:
    said = ", ".join(columns)
    return _Named(
        columns,
        f"""
            select external_id, id, {said} from catalog_mirror_{table}
            where source_id = %s and external_id = any(%s)
        """,  # noqa: S608 - column names, constants of this module
        f"""
            insert into catalog_mirror_{table} (source_id, external_id, {said})
            select %(source)s, external_id, {said} from json_to_recordset(%(rows)s) as n
                (external_id text, {", ".join(f"{c} text" for c in columns)})
            on conflict (source_id, external_id) do update set
                {", ".join(f"{c} = excluded.{c}" for c in columns)}
            returning external_id, id
        """,  # noqa: S608
    )


_BRANDS = _named("brand", "slug", "name")
_PRODUCTS = _named("product", "code", "name", "url")

_FACETS = ("content", "price", "stock")

_NOTE_WRITTEN = f"""
    with n as materialized (
        select id, {", ".join(f"decode({f}, 'hex') as {f}" for f in _FACETS)}
        from json_to_recordset(%(rows)s) as n
            (id bigint, {", ".join(f"{f} text" for f in _FACETS)})
    ), written as (
        update catalog_mirror_observation o set
            {
    ", ".join(
        f"{f}_at = case when n.{f} = '' then o.{f}_at else %(at)s end, "
        f"{f}_hash = case when n.{f} = '' then o.{f}_hash else n.{f} end"
        for f in _FACETS
    )
}
        from n where o.variant_id = n.id returning n.id
    )
    insert into catalog_mirror_observation
        (variant_id, {", ".join(f"{f}_at, {f}_hash" for f in _FACETS)})
    select id, {", ".join(f"%(at)s, {f}" for f in _FACETS)}
    from n where id not in (select id from written)
"""  # noqa: S608

# An equal read still advances the observation, unless another writer came between: such rows are
# not returned and are compared again.
_NOTE_UNCHANGED = f"""
    with n as (
        select id, {", ".join(f"decode({f}, 'hex') as {f}" for f in _FACETS)}
        from json_to_recordset(%(rows)s) as n
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


def retire(ids: list[int], *, revision: int, at: datetime) -> list[tuple[str, str]]:
    """Retire those variants; return the external id and SKU of each."""
    if not ids:
        return []
    rows = [row for row, _ in rows_of(ids).values() if row]
    held = [{**row._asdict(), "is_published": False} for row in rows]
    rows_from(_KEEP_HISTORY, {"rows": _json(held), "revision": revision})
    gone = rows_from(_RETIRE, {"ids": ids, "revision": revision, "at": at})
    rows_from(_NOTE_RETIRED, [at, ids])
    return [(external_id, sku) for external_id, sku, _ in gone]


def note_unchanged(
    known: Mapping[str, Known], unchanged: list[Desired], *, at: datetime
) -> dict[str, Desired]:
    """Advance the observations of what was found equal; return what another wrote meanwhile."""
    held = {known[each.external_id].id: each for each in unchanged if each.external_id in known}
    if not held:
        return {}
    rows = [{"id": pk, **_hashes(each, set(_FACETS))} for pk, each in held.items()]
    noted = {pk for (pk,) in rows_from(_NOTE_UNCHANGED, {"rows": _json(rows), "at": at})}
    return {each.external_id: each for pk, each in held.items() if pk not in noted}


def write(
    source: Source,
    accepted: list[tuple[Desired, Row | None]],
    *,
    facets: Mapping[str, set[str]],
    known: Mapping[str, Known],
    revision: int,
    at: datetime,
) -> None:
    """Write the facets of each variant that moved, over the row it has or as a new one.

    What was read beside them, and no later by another, was read as well.
    """
    wanted = [each for each, _ in accepted]
    # A record of nothing but stock says nothing of its product.
    told = [each for each in wanted if "content" in facets[each.external_id]]
    brands, products = _write_brands(source, told), _write_products(source, told)
    new = sum(row is None for _, row in accepted)
    fresh = iter(rows_from(_NEW_IDS, [new]) if new else [])
    rows = []
    for each, row in accepted:
        base = row._asdict() if row else {"id": next(fresh)[0], "created_revision": revision}
        moved = facets[each.external_id]
        if "content" in moved:
            base |= _content_columns(source, each, brands, products, revision)
        if "price" in moved:
            base |= _price_columns(source, each)
        if "stock" in moved:
            base |= _stock_columns(each, revision)
        rows.append(base)
    rows_from(_WRITE_VARIANTS, {"rows": _json(rows), "revision": revision})
    pairs = [(each, row["id"]) for each, row in zip(wanted, rows, strict=True)]
    _write_documents([(e, pk) for e, pk in pairs if "content" in facets[e.external_id]])
    _write_levels(source, [(e, pk) for e, pk in pairs if "stock" in facets[e.external_id]])
    noted = [{"id": pk, **_hashes(e, _noted(e, known.get(e.external_id)))} for e, pk in pairs]
    rows_from(_NOTE_WRITTEN, {"rows": _json(noted), "at": at})


def _noted(each: Desired, known: Known | None) -> set[str]:
    """Return the facets whose reading is the latest."""
    return {
        facet
        for facet in _FACETS
        if getattr(each.record, facet) is not None
        and (known is None or getattr(known, f"{facet}_open"))
    }


def _content_columns(
    source: Source,
    each: Desired,
    brands: Mapping[str, int],
    products: Mapping[str, int],
    revision: int,
) -> dict[str, Any]:
    ids, depths = each.closure
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


def _write_documents(pairs: list[tuple[Desired, int]]) -> None:
    if not pairs:
        return
    rows = [{"id": pk, "body": each.document} for each, pk in pairs]
    # As JSON: a list of long texts is escaped by the driver one at a time, in Python.
    rows_from(_WRITE_DOCUMENTS, [_json(rows)])


def _write_levels(source: Source, pairs: list[tuple[Desired, int]]) -> None:
    if not pairs:
        return
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
    rows_from(_WRITE_LEVELS, {"rows": _json(rows), "ids": [pk for _, pk in pairs]})


def _locations(source: Source, names: set[str]) -> dict[str, int]:
    known = dict(
        Location.objects.filter(source=source, external_id__in=names).values_list(
            "external_id", "pk"
        )
    )
    return known | {
        name: Location.objects.get_or_create(
            source=source, external_id=name, defaults={"name": name}
        )[0].pk
        for name in sorted(names - known.keys())
    }


def _write_brands(source: Source, wanted: list[Desired]) -> dict[str, int]:
    brands = {e.product.brand.external_id: e.product.brand for e in wanted if e.product.brand}
    rows = {i: (brand.slug, brand.name) for i, brand in brands.items()}
    return _written(_BRANDS, source, rows)


def _write_products(source: Source, wanted: list[Desired]) -> dict[str, int]:
    products = {each.product.external_id: each.product for each in wanted}
    rows = {i: (product.code, product.name, product.url) for i, product in products.items()}
    return _written(_PRODUCTS, source, rows)


def _written(sql: _Named, source: Source, wanted: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Write those rows that are new or say something else; return the ids of all by external id."""
    found = rows_from(sql.read, [source.pk, list(wanted)])
    ids = {row[0]: row[1] for row in found if wanted[row[0]] == row[2:]}
    if len(ids) < len(wanted):
        rows = [
            {"external_id": i, **dict(zip(sql.columns, says, strict=True))}
            for i, says in sorted(wanted.items())
            if i not in ids
        ]
        ids |= rows_from(sql.write, {"source": source.pk, "rows": _json(rows)})
    return ids


def _hashes(each: Desired, facets: set[str]) -> dict[str, str]:
    return {f: getattr(each, f"{f}_hash").hex() if f in facets else "" for f in _FACETS}


def _json(rows: list[dict[str, Any]]) -> str:
    return orjson.dumps(rows, default=str).decode()
