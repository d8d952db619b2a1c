"""The demo's catalogue: how much, what kinds, the same everywhere."""

import hashlib
from collections import Counter
from zoneinfo import ZoneInfo

import pytest

from demo.catalogue.bench import gtin_13
from demo.catalogue.build import build_catalogue
from demo.catalogue.odd import SIMPLE
from demo.catalogue.records import Catalogue
from demo.shops import APPAREL, DRINKWARE, SHOPS, Shop, small_shop
from demo.storefront.bodies import Bodies, encoded

RENDERED = {
    "drinkware": "20457bf4dadfdfde0e899f042ff008409220088633d76eb4872a94095efacced",
    "apparel": "bbed5b533fb35e3107fa385abff38debf7057ebb75002cff5c590bca9d0c2b48",
}


@pytest.fixture(scope="module")
def catalogues() -> dict[str, Catalogue]:
    return {slug: build_catalogue(shop) for slug, shop in SHOPS.items()}


def rendered(catalogue: Catalogue, shop: Shop) -> str:
    bodies, digest = Bodies(catalogue, ZoneInfo(shop.time_zone)), hashlib.sha256()
    for product in catalogue.products.values():
        digest.update(encoded(bodies.product(product)))
        if product.is_variation:
            digest.update(encoded(bodies.variation(product)))
    return digest.hexdigest()


def test_two_shops_sell_nineteen_thousand_items(catalogues):
    assert catalogues["drinkware"].sellable() == 11_000
    assert catalogues["apparel"].sellable() == 8_000


def test_sellable_is_every_simple_product_and_variation_outside_the_trash(catalogues):
    for slug, shop in SHOPS.items():
        records = catalogues[slug].products.values()
        orderable = [p for p in records if p.type in {"simple", "variation"}]
        assert sum(p.status != "trash" for p in orderable) == shop.sellable
        assert sum(p.status == "trash" for p in orderable) > 0


def test_every_run_renders_the_same_bytes(catalogues):
    found = {slug: rendered(catalogues[slug], shop) for slug, shop in SHOPS.items()}
    assert found == RENDERED


def test_150_skus_are_sold_in_both_shops(catalogues):
    skus = [{p.sku for p in c.products.values() if p.sku} for c in catalogues.values()]
    shared = skus[0] & skus[1]
    assert len({sku for sku in shared if sku.startswith("PX-")}) == 150
    assert {sku for sku in shared if not sku.startswith("PX-")} == {"123", "000123"}


def test_what_both_shops_sell_is_the_same_article(catalogues):
    first, second = (
        {p.sku: p for p in c.products.values() if p.sku.startswith("PX-")}
        for c in catalogues.values()
    )
    assert all(
        p.gtin == second[sku].gtin and p.name == second[sku].name for sku, p in first.items()
    )
    assert sum(p.regular_price != second[sku].regular_price for sku, p in first.items()) > 100


def test_ordinary_skus_are_unique(catalogues):
    for catalogue in catalogues.values():
        counts = Counter(p.sku for p in catalogue.products.values() if p.sku)
        assert [sku for sku, count in counts.items() if count > 1] in (["ODD-DUP"], ["ODX-DUP"])


@pytest.mark.parametrize("shop", [DRINKWARE, APPAREL, small_shop(1), small_shop(2, like=APPAREL)])
def test_every_shop_holds_every_oddity(shop):
    catalogue = build_catalogue(shop)
    structural = {
        "variable_sku_parent", "variation_no_own_sku", "variation_no_price",
        "variation_private",
        "variation_any", "variable_draft_parent", "variation_of_draft_parent",
        "variable_without_sku",
        "variation_no_sku_at_all", "variable_manages_stock", "variation_parent_managed",
        "variation_parent_managed_2", "variation_orphan", "variable_130", "variable_trashed",
    }  # fmt: skip
    assert set(catalogue.odd) == structural | {kind for kind, _, _ in SIMPLE}
    assert all(product_id in catalogue.products for product_id in catalogue.odd.values())
    assert catalogue.sellable() == shop.sellable


def test_130_variations_hang_on_one_product(catalogues):
    for catalogue in catalogues.values():
        parent = catalogue.products[catalogue.odd["variable_130"]]
        assert len(list(catalogue.variations_of(parent))) == 130


def test_category_trees_are_three_levels_deep(catalogues):
    for catalogue in catalogues.values():
        levels = Counter()
        for term in catalogue.categories.values():
            level, at = 1, term
            while at.parent_id:
                level, at = level + 1, catalogue.categories[at.parent_id]
            levels[level] += 1
        assert set(levels) == {1, 2, 3}


def test_ids_are_unique_across_products_terms_and_images(catalogues):
    for catalogue in catalogues.values():
        held = (catalogue.products, catalogue.categories, catalogue.brands, catalogue.images)
        ids = [record_id for kind in held for record_id in kind]
        assert len(ids) == len(set(ids))


def test_gtin_ends_in_its_check_digit():
    assert gtin_13(400_638_133_393) == "4006381333931"


def test_all_kinds_of_stock_and_sale_occur(catalogues):
    for catalogue in catalogues.values():
        records = list(catalogue.products.values())
        assert {p.manages_stock for p in records} == {True, False, "parent"}
        assert {p.backorders for p in records} == {"no", "yes", "notify"}
        assert {p.stock_status for p in records} == {"instock", "outofstock", "onbackorder"}
        statuses = {"publish", "draft", "pending", "private", "future", "trash", "archived"}
        assert {p.status for p in records} == statuses
