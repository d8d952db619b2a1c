"""The only writer of categories, and the tree they make."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from catalog_mirror import revisions
from catalog_mirror.models import Category, Source
from catalog_mirror.records import UNWRITABLE, CategoryRecord

# A tree deeper than this is a loop or a mistake; WooCommerce's own forms stop being usable long before.
DEEPEST = 20


@dataclass(frozen=True)
class Node:
    id: int
    slug: str
    name: str
    ancestor_ids: tuple[int, ...]
    path: tuple[str, ...]


@dataclass(frozen=True)
class Tree:
    """A source's categories by external id, and by the mirror's own."""

    by_external_id: Mapping[str, Node]
    depths: Mapping[int, int]

    def knows(self, external_ids: Iterable[str]) -> bool:
        return all(external_id in self.by_external_id for external_id in external_ids)

    def nodes(self, external_ids: Iterable[str]) -> list[Node]:
        """Return the nodes in the tree's own order, whatever the order they were named in."""
        return sorted((self.by_external_id[each] for each in set(external_ids)), key=lambda n: n.id)

    def closure(self, external_ids: Iterable[str]) -> tuple[list[int], list[int]]:
        """Return the categories with all their ancestors, ascending, and the depth of each."""
        ids = sorted({i for node in self.nodes(external_ids) for i in node.ancestor_ids})
        return ids, [self.depths[i] for i in ids]


def tree_of(source: Source) -> Tree:
    """Read a source's categories; one query."""
    rows = {row.pk: row for row in Category.objects.filter(source=source)}
    return Tree(
        {
            row.external_id: Node(
                id=row.pk,
                slug=row.slug,
                name=row.name,
                ancestor_ids=tuple(row.ancestor_ids),
                path=tuple(rows[i].name for i in row.ancestor_ids),
            )
            for row in rows.values()
        },
        {row.pk: len(row.ancestor_ids) - 1 for row in rows.values()},
    )


def foreseen(source: Source, records: list[CategoryRecord]) -> Tree:
    """Return the tree as it would be once `records` are applied; new nodes have negative ids."""
    nodes = dict(tree_of(source).by_external_id)
    for number, record in enumerate(_parents_first(records), start=1):
        known, parent = nodes.get(record.external_id), nodes.get(record.parent_external_id or "")
        pk = known.id if known else -number
        nodes[record.external_id] = Node(
            id=pk,
            slug=record.slug,
            name=record.name,
            ancestor_ids=(*(parent.ancestor_ids if parent else ()), pk),
            path=(*(parent.path if parent else ()), record.name),
        )
    return Tree(nodes, {node.id: len(node.ancestor_ids) - 1 for node in nodes.values()})


class CategoriesMakeNoTree(Exception):
    """A shop's categories name parents that lead in a circle."""


def apply_categories(source: Source, records: list[CategoryRecord], *, origin: str) -> int:
    """Make the source's categories what `records` say; return how many rows changed.

    Categories the shop no longer has stay: rules and history may name them. What a change means for
    variants follows when their products are applied.
    """
    wanted = _parents_first(records)
    if not _differing(source, wanted):
        return 0
    changed = 0
    with revisions.writing(origin):
        changed = _differing(source, wanted)
        if not changed:
            raise revisions.NothingToWrite
        _write(source, wanted)
    return changed


def _parents_first(records: list[CategoryRecord]) -> list[CategoryRecord]:
    by_id = {record.external_id: _writable(record) for record in records}

    def depth(record: CategoryRecord) -> int:
        steps, parent = 0, by_id.get(record.parent_external_id or "")
        while parent:
            steps, parent = steps + 1, by_id.get(parent.parent_external_id or "")
            if steps > DEEPEST:
                raise CategoriesMakeNoTree(
                    f"Category {record.external_id} lies more than {DEEPEST} levels deep, or in a "
                    "circle. Correct its parents in the shop."
                )
        return steps

    return sorted(by_id.values(), key=lambda record: (depth(record), record.external_id))


def _writable(record: CategoryRecord) -> CategoryRecord:
    """Return a record whose texts fit. Refusing it would tear what lies under it from its rules."""
    return replace(
        record,
        slug=UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", record.slug)[:200],
        name=UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", record.name)[:300],
    )


def _described(row: Category, external_ids: Mapping[int, str]) -> tuple[str, str, str | None]:
    parent = external_ids.get(row.parent_id) if row.parent_id else None
    return (row.slug, row.name, parent)


def _differing(source: Source, wanted: list[CategoryRecord]) -> int:
    rows = list(Category.objects.filter(source=source))
    external_ids = {row.pk: row.external_id for row in rows}
    known = {row.external_id: _described(row, external_ids) for row in rows}
    listed = {record.external_id for record in wanted}
    return sum(
        known.get(record.external_id)
        != (
            record.slug,
            record.name,
            record.parent_external_id if record.parent_external_id in listed else None,
        )
        for record in wanted
    )


def _write(source: Source, wanted: list[CategoryRecord]) -> None:
    rows: dict[str, Category] = {}  # of those listed, parents first
    for record in wanted:
        parent = rows.get(record.parent_external_id or "")
        row, _ = Category.objects.update_or_create(
            source=source,
            external_id=record.external_id,
            defaults={"parent": parent, "slug": record.slug, "name": record.name},
        )
        lineage = [*(parent.ancestor_ids if parent else []), row.pk]
        if row.ancestor_ids != lineage:
            row.ancestor_ids = lineage
            row.save(update_fields=["ancestor_ids"])
        rows[record.external_id] = row
