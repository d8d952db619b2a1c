"""The fifty variants are what the guide says of them."""

import re
from collections import Counter

from catalog_mirror.validation import problem_of
from contract.sandbox.goods import CATEGORIES, SKU_PREFIX, products
from tests.guide import GUIDE

SKUS = [f"{SKU_PREFIX}{variant.content.sku}" for each in products() for variant in each.variants]


def test_there_are_fifty_and_no_two_are_called_alike():
    assert len(SKUS) == 50
    assert len(set(SKUS)) == 50
    ids = [variant.external_id for each in products() for variant in each.variants]
    assert ids == [sku.removeprefix(SKU_PREFIX) for sku in SKUS]


def test_each_can_be_mirrored():
    assert [problem_of(each, v) for each in products() for v in each.variants] == [None] * 50
    known = {category.external_id for category in CATEGORIES}
    assert all(set(each.category_external_ids) <= known for each in products())


def test_stock_is_in_every_state():
    stocks = [variant.stock for each in products() for variant in each.variants]
    assert Counter(stock.status for stock in stocks) == {
        "in_stock": 34,
        "on_backorder": 8,
        "out_of_stock": 8,
    }
    assert [stock.on_hand for stock in stocks[:6]] == [1200, 40, 42, 0, 0, None]
    assert [stock.available for stock in stocks[:6]] == [1200, 35, 42, 0, 0, None]


def test_the_odd_skus_are_as_odd_as_the_guide_says():
    assert {"SANDBOX-NOTE A/5", "SANDBOX-TASSE-ÄÖÜ-ß", "SANDBOX-50%+1?&#="} < set(SKUS)
    assert {"SANDBOX-PENCIL-HB", "SANDBOX-pencil-hb"} < set(SKUS)
    assert max(map(len, SKUS)) == 108


def test_a_gtin_ends_in_its_check_digit():
    gtins = [v.content.gtin for each in products() for v in each.variants if v.content.gtin]
    assert len(gtins) == 40
    assert gtins[0] == "2000000000015"
    for gtin in gtins:
        weighted = sum(int(digit) * (1, 3)[at % 2] for at, digit in enumerate(gtin))
        assert (len(gtin), weighted % 10) == (13, 0)


def test_the_guide_names_none_that_is_not_there():
    named = set(re.findall(r"`(SANDBOX-[^`]+)`", GUIDE.read_text())) - {"SANDBOX-LONG-0123...-LAST"}
    assert len(named) == 14
    assert named <= set(SKUS)
