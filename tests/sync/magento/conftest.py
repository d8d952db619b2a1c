"""A Magento shop on loopback, added as a source."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from catalog_mirror.models import Variant
from demo.storefront.server import running
from sync import http, lines
from tests.sync.conftest import run
from tests.sync.shops.magento_shop import MagentoShop


@pytest.fixture
def magento(database, monkeypatch, brake_off) -> Iterator[Callable[..., MagentoShop]]:
    monkeypatch.setattr(http, "pause", lambda seconds: None)
    with ExitStack() as stack:
        stack.callback(lines.hang_up)

        def add(shop: MagentoShop | None = None, **more: object) -> MagentoShop:
            shop = shop or MagentoShop()
            shop.url = stack.enter_context(running(shop))
            said = run(
                "add_source",
                "magento",
                kind="magento",
                url=shop.url,
                **{"token": shop.token} | more,
            )
            assert said.code == 0, said.text
            shop.said = said.out
            return shop

        yield add


def variant(sku: str) -> Variant:
    return Variant.objects.get(sku=sku, retired_at=None)


def skus() -> dict[str, int | None]:
    live = Variant.objects.filter(retired_at=None)
    return dict(live.values_list("sku", "stock_on_hand"))


def family(shop: MagentoShop, **says: object) -> tuple[int, int, int]:
    """A configurable mug in two colors; return the ids of the mug and its children."""
    black = shop.add("MUG-BLK", stock=5, name="Mug-Black", more={"visibility": 1, **chosen("93")})
    white = shop.add("MUG-WHT", stock=7, name="Mug-White", more={"visibility": 1, **chosen("94")})
    options = {
        "id": 1, "attribute_id": "93", "label": "Color", "position": 0,
        "values": [{"value_index": 93}, {"value_index": 94}], "product_id": 200,
    }  # fmt: skip
    extension = {
        "category_links": [{"position": 0, "category_id": "4"}],
        "configurable_product_options": [options],
        "configurable_product_links": [black.id, white.id],
    }
    mug = shop.add("MUG", name="Camp mug", price="0", more={
        "type_id": "configurable", "extension_attributes": extension,
        "custom_attributes": [{"attribute_code": "description", "value": "<p>Enamel.</p>"}],
        **says,
    })  # fmt: skip
    shop.categories += [
        {"id": 3, "parent_id": 2, "name": "Drinkware", "is_active": True, "level": 2},
        {"id": 4, "parent_id": 3, "name": "Mugs", "is_active": True, "level": 3,
         "custom_attributes": [{"attribute_code": "url_key", "value": "all-mugs"}]},
    ]  # fmt: skip
    return mug.id, black.id, white.id


def chosen(color: str) -> dict[str, object]:
    attributes = [
        {"attribute_code": "color", "value": color},
        # A list, as Magento writes some of its own.
        {"attribute_code": "category_ids", "value": ["3", "4"]},
    ]
    return {"custom_attributes": attributes}
