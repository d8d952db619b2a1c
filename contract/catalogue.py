"""The brands and categories of a view, counted over what the customer sees and nothing else."""

from collections.abc import Mapping
from typing import Any

from contract.snapshots import Snapshot
from customers.entitlements import GATE

_BRANDS = f"""
    with seen as (
        select v.brand_id, count(*) as items from catalog_mirror_variant v
        where {GATE} and v.brand_id is not null group by 1
    )
    select b.slug, b.name, s.slug, seen.items
    from seen
    join catalog_mirror_brand b on b.id = seen.brand_id
    join catalog_mirror_source s on s.id = b.source_id
    order by b.slug, s.slug, b.id
"""  # noqa: S608 - constants
_CATEGORIES = f"""
    with seen as (
        select unnest(v.category_ids) as id, count(*) as items from catalog_mirror_variant v
        where {GATE} group by 1
    )
    select c.slug, c.name, s.slug, seen.items,
           array(select a.name from catalog_mirror_category a where a.id = any(c.ancestor_ids)
                 order by cardinality(a.ancestor_ids)),
           (select p.slug from catalog_mirror_category p where p.id = c.parent_id)
    from seen
    join catalog_mirror_category c on c.id = seen.id
    join catalog_mirror_source s on s.id = c.source_id
    order by s.slug, 5, c.id
"""  # noqa: S608


def brands(snapshot: Snapshot) -> list[Mapping[str, Any]]:
    """Return the brands of the view, each with the number of its items there."""
    return [
        {"slug": slug, "name": name, "source": source, "items": items}
        for slug, name, source, items in snapshot.rows(_BRANDS, snapshot.gate)
    ]


def categories(snapshot: Snapshot) -> list[Mapping[str, Any]]:
    """Return the categories of the view, parents before children; `items` counts all beneath."""
    return [
        {
            "slug": slug,
            "name": name,
            "source": source,
            "parent": parent,
            "path": path,
            "items": items,
        }
        for slug, name, source, items, path, parent in snapshot.rows(_CATEGORIES, snapshot.gate)
    ]
