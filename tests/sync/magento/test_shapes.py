"""What the shop of the tests answers is what Magento's schema (2.4.9) knows, field by field and by type."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.sync.magento.conftest import family
from tests.sync.shops.magento_shop import MagentoShop

SHAPES = json.loads((Path(__file__).parent / "shapes.json").read_text())
TYPES = {
    "integer": int,
    "number": (int, float),
    "string": str,
    "boolean": bool,
    "array": list,
    "object": dict,
}
# What lies within a field, by the shape of its parts.
WITHIN = {
    ("product", "extension_attributes"): "product_extension",
    ("product", "media_gallery_entries"): "media_entry",
    ("product_extension", "stock_item"): "stock_item",
    ("product_extension", "category_links"): "category_link",
    ("product_extension", "configurable_product_options"): "option",
    ("attribute", "options"): "attribute_option",
}
LISTS = {
    "products": "product",
    "categories/list": "category",
    "inventory/sources": "source",
    "inventory/source-items": "source_item",
}


def agree(shape: str, record: dict[str, Any]) -> int:
    """Hold a record to its shape; return how many fields were looked at."""
    looked = 0
    for name, value in record.items():
        assert name in SHAPES[shape], f"{shape} knows no {name}"
        # Real shops answer null for what they leave empty.
        if value is None:
            continue
        kind = SHAPES[shape][name]
        assert isinstance(value, TYPES[kind]), f"{shape}.{name} is no {kind}: {value!r}"
        assert kind == "boolean" or not isinstance(value, bool), f"{shape}.{name}: {value!r}"
        looked += 1
        within = WITHIN.get((shape, name))
        if within:
            looked += sum(agree(within, e) for e in (value if isinstance(value, list) else [value]))
    return looked


@pytest.fixture
def shop(magento) -> MagentoShop:
    one = MagentoShop()
    one.tells_stock = True
    magento(one)
    _, black, _ = family(one)
    one.things[black].more["media_gallery_entries"] = [
        {"id": 1, "media_type": "image", "label": None, "position": 1, "disabled": False, "types": [], "file": "/a.jpg"},
    ]  # fmt: skip
    return one


def ask(shop: MagentoShop, path: str) -> Any:
    headers = {"Authorization": f"Bearer {shop.token}"}
    answer = requests.get(f"{shop.url}/rest/default/V1/{path}", headers=headers, timeout=5)
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize("path", LISTS)
def test_lists_agree(shop, path):
    body = ask(shop, f"{path}?searchCriteria[pageSize]=10&searchCriteria[currentPage]=1")
    assert set(body) == {"items", "total_count"}
    assert sum(agree(LISTS[path], each) for each in body["items"]) >= 3


def test_single_records_agree(shop):
    assert agree("store_config", ask(shop, "store/storeConfigs")[0]) == 16
    assert agree("stock_item", ask(shop, "stockItems/MUG-BLK")) >= 7
    assert agree("attribute", ask(shop, "products/attributes/93")) >= 6


def test_what_the_schema_does_not_know_is_noticed():
    with pytest.raises(AssertionError, match="product knows no stock"):
        agree("product", {"stock": 1})
    with pytest.raises(AssertionError, match="product.id is no integer"):
        agree("product", {"id": "1"})
