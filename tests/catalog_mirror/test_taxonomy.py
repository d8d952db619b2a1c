"""The tree of categories, and what depends on it."""

import pytest

from catalog_mirror.models import Category
from catalog_mirror.taxonomy import DEEPEST, CategoriesMakeNoTree, tree_of
from tests.factories import (
    SourceFactory,
    a_category,
    a_product,
    categorized,
    mirrored,
    newest_revision,
    variant,
)


@pytest.fixture
def shop(database):
    return SourceFactory(slug="shop")


def lineages(shop) -> dict[str, list[str]]:
    rows = {row.pk: row for row in Category.objects.filter(source=shop)}
    return {r.external_id: [rows[i].external_id for i in r.ancestor_ids] for r in rows.values()}


def test_a_category_knows_its_ancestors_whatever_the_order_they_come_in(shop):
    assert categorized(shop, a_category("c", "b"), a_category("b", "a"), a_category("a")) == 3
    assert lineages(shop) == {"a": ["a"], "b": ["a", "b"], "c": ["a", "b", "c"]}
    assert newest_revision() == 1


def test_equal_categories_take_no_revision(shop):
    records = [a_category("a"), a_category("b", "a")]
    categorized(shop, *records)
    assert categorized(shop, *records[::-1]) == 0
    assert newest_revision() == 1


def test_a_subtree_moves_with_its_root(shop):
    categorized(shop, a_category("a"), a_category("b"), a_category("x", "a"), a_category("y", "x"))
    moved = categorized(
        shop, a_category("a"), a_category("b"), a_category("x", "b"), a_category("y", "x")
    )
    assert moved == 1
    assert lineages(shop)["y"] == ["b", "x", "y"]


def test_a_closure_is_every_ancestor_once_with_its_depth(shop):
    categorized(shop, a_category("a"), a_category("b", "a"), a_category("c", "b"), a_category("d"))
    tree = tree_of(shop)
    ids = dict(Category.objects.values_list("external_id", "pk"))
    closure, depths = tree.closure(["c", "b", "d"])
    assert closure == sorted(ids.values())
    assert dict(zip(closure, depths, strict=True)) == {
        ids["a"]: 0,
        ids["b"]: 1,
        ids["c"]: 2,
        ids["d"]: 0,
    }
    assert tree.closure([]) == ([], [])
    assert [node.path for node in tree.nodes(["c"])] == [("A", "B", "C")]
    assert (tree.knows(["a", "d"]), tree.knows(["a", "z"])) == (True, False)


@pytest.mark.parametrize(
    "circle",
    [
        [a_category("a", "a")],
        [a_category("a", "b"), a_category("b", "a")],
        [a_category("a", "c"), a_category("b", "a"), a_category("c", "b"), a_category("d", "c")],
    ],
)
def test_a_circle_is_refused_and_nothing_is_written(shop, circle):
    categorized(shop, a_category("a"))
    with pytest.raises(CategoriesMakeNoTree, match="in a circle"):
        categorized(shop, *circle)
    assert (lineages(shop), newest_revision()) == ({"a": ["a"]}, 1)


def test_a_tree_may_be_twenty_levels_deep_and_no_deeper(shop):
    names = [f"c{i}" for i in range(DEEPEST + 1)]
    parents = [None, *names]
    chain = [a_category(*pair) for pair in zip(names, parents, strict=False)]
    assert categorized(shop, *chain) == DEEPEST + 1
    with pytest.raises(CategoriesMakeNoTree):
        categorized(shop, *chain, a_category("deeper", names[-1]))


def test_a_renamed_category_shows_once_its_products_are_applied(shop):
    product = a_product("p1", category_external_ids=("leaf",))
    categorized(shop, a_category("root"), a_category("leaf", "root"))
    mirrored(shop, product)
    assert categorized(shop, a_category("root", name="Else"), a_category("leaf", "root")) == 1
    assert '"path":["Root","Leaf"]' in variant("SKU-1").variantdocument.body
    mirrored(shop, product)
    assert '"path":["Else","Leaf"]' in variant("SKU-1").variantdocument.body


def test_a_category_that_the_shop_no_longer_lists_stays(shop):
    categorized(shop, a_category("a"), a_category("b", "a"))
    assert categorized(shop, a_category("a")) == 0
    assert set(lineages(shop)) == {"a", "b"}


def test_a_category_whose_parent_is_no_longer_listed_becomes_a_root_once(shop):
    """Not anew at every sweep: that took a revision each time."""
    categorized(shop, a_category("a"), a_category("b", "a"))
    assert categorized(shop, a_category("b", "a")) == 1
    assert lineages(shop)["b"] == ["b"]
    assert categorized(shop, a_category("b", "a")) == 0
    assert newest_revision() == 2


def test_a_parent_that_was_never_listed_counts_as_none(shop):
    assert categorized(shop, a_category("b", "gone")) == 1
    assert lineages(shop) == {"b": ["b"]}
    assert categorized(shop, a_category("b", "gone")) == 0


def test_sources_have_trees_of_their_own(shop):
    other = SourceFactory(slug="other")
    categorized(shop, a_category("a"))
    categorized(other, a_category("a"), a_category("b", "a"))
    assert set(tree_of(shop).by_external_id) == {"a"}
    assert tree_of(other).by_external_id["b"].path == ("A", "B")
