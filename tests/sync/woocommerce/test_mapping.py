"""Recorded JSON in the mirror's words; bodies recorded from WooCommerce 9.9.5 on WordPress 6.9."""

from decimal import Decimal

import pytest

from catalog_mirror.records import (
    BrandRecord,
    CategoryRecord,
    Dimensions,
    Image,
    Price,
    ProductRecord,
    Stock,
    StockAt,
    Unmirrorable,
    Weight,
)
from sync.woocommerce.mapping import Units, category_of, records_of

UNITS = Units()
# Recorded from WooCommerce 9.9.5 on WordPress 6.9 (GET /wc/v3/products with `_fields`), shortened.
SIMPLE = {
    "id": 3529, "name": "Cap <b>", "slug": "cap", "permalink": "https://shop.example/product/cap/",
    "type": "simple", "status": "publish", "catalog_visibility": "visible", "description": "<p>A</p>",
    "sku": " CAP-1 ", "regular_price": "14.93", "sale_price": "11.94", "manage_stock": True,
    "stock_quantity": 5, "stock_status": "instock", "weight": "2.582",
    "dimensions": {"length": "10", "width": "", "height": ""},
    "categories": [{"id": 15, "name": "Uncategorized", "slug": "uncategorized"}],
    "brands": [{"id": 9, "name": "O'Brien", "slug": "o-brien"},
               {"id": 7, "name": "M\u00fcller &amp; S\u00f6hne", "slug": "muller"}],
    "images": [{"id": 1, "src": "https://shop.example/a.jpg", "alt": "A"}],
    "attributes": [{"id": 0, "name": "Voltage", "slug": "Voltage", "position": 0, "visible": True,
                    "variation": False, "options": ["230 V", "110 V"]},
                   {"id": 0, "name": "Secret", "slug": "Secret", "position": 1, "visible": False,
                    "variation": False, "options": ["x"]}],
    "global_unique_id": "8715000000364", "post_password": "",
}  # fmt: skip
PARENT = {
    **SIMPLE, "id": 3530, "type": "variable", "sku": "CAP-V", "regular_price": "", "sale_price": "",
    "attributes": [{"id": 0, "name": "Kleur", "slug": "Kleur", "position": 0, "visible": True,
                    "variation": True, "options": ["Rood", "Blauw"]}],
}  # fmt: skip
# Recorded from WooCommerce 9.9.5 on WordPress 6.9 (08-create-variation-rest), shortened.
VARIATION = {
    "id": 3531, "parent_id": 3530, "status": "publish", "description": "", "sku": "CAP-V-1",
    "regular_price": "20", "sale_price": "", "manage_stock": True, "stock_quantity": 5,
    "stock_status": "instock", "weight": "", "dimensions": {"length": "", "width": "", "height": ""},
    "image": None, "attributes": [{"id": 0, "name": "Kleur", "slug": "kleur", "option": "Rood"}],
    "global_unique_id": "",
}  # fmt: skip


def simple(**differs):
    return records_of({**SIMPLE, **differs}, [], UNITS)[0]


def variation(*, parent=None, **differs):
    return records_of({**PARENT, **(parent or {})}, [{**VARIATION, **differs}], UNITS)[0]


def test_a_simple_product_is_a_product_with_one_variant():
    record = simple()
    assert isinstance(record, ProductRecord)
    assert (record.external_id, record.code, record.name) == ("3529", "CAP-1", "Cap <b>")
    assert record.brand == BrandRecord(external_id="7", slug="muller", name="Müller & Söhne")
    assert record.category_external_ids == ("15",)
    [variant] = record.variants
    assert (variant.external_id, variant.content.sku) == ("3529", "CAP-1")
    assert variant.content.attributes == {"Voltage": "230 V, 110 V"}
    assert variant.content.options == {}
    assert variant.content.images == (Image(url="https://shop.example/a.jpg", alt="A"),)
    assert variant.content.gtin == "8715000000364"
    assert variant.content.weight == Weight(value="2.582", unit="kg")
    assert variant.content.dimensions == Dimensions(length="10", width="", height="", unit="cm")
    assert variant.price == Price(list_price=Decimal("14.93"), sale_price=Decimal("11.94"))
    assert variant.stock == Stock(status="in_stock", levels=(StockAt(on_hand=5),))


def test_a_variation_is_a_variant_of_its_product():
    record = variation()
    assert (record.external_id, record.code) == ("3530", "CAP-V")
    [variant] = record.variants
    assert (variant.external_id, variant.content.sku) == ("3531", "CAP-V-1")
    assert variant.content.name == "Cap <b>, Rood"
    assert variant.content.options == {"Kleur": "Rood"}
    assert variant.content.attributes == {}
    assert variant.content.description == "<p>A</p>"
    assert (variant.content.weight, variant.content.gtin) == (None, None)


def test_a_variation_with_text_and_image_of_its_own_shows_them_first():
    image = {"id": 2, "src": "https://shop.example/red.jpg", "alt": None}
    [variant] = variation(description="<p>Red</p>", image=image).variants
    assert variant.content.description == "<p>Red</p>"
    assert [each.url[-7:] for each in variant.content.images] == ["red.jpg", "e/a.jpg"]


@pytest.mark.parametrize(
    "differs",
    [
        {"status": "draft"},
        {"status": "private"},
        {"status": "future"},
        {"status": "archived"},
        {"post_password": "x"},
        {"catalog_visibility": "hidden"},
    ],
)
def test_what_the_shop_does_not_show_is_not_published(differs):
    assert not simple(**differs).variants[0].content.is_published
    assert not variation(parent=differs).variants[0].content.is_published


@pytest.mark.parametrize("visibility", ["visible", "catalog", "search"])
def test_what_the_shop_shows_somewhere_is_published(visibility):
    assert simple(catalog_visibility=visibility).variants[0].content.is_published


def test_a_private_variation_is_not_published():
    assert variation().variants[0].content.is_published
    assert not variation(status="private").variants[0].content.is_published


@pytest.mark.parametrize(
    ("text", "price"),
    [("", None), (None, None), ("0", "0"), ("0.125", "0.125"), ("1250", "1250"), (".5", "0.5"),
     ("-5", "-5"), (12.5, "12.5"), ("12345678901.99", "12345678901.99")],
)  # fmt: skip
def test_prices_are_read_exactly(text, price):
    read = simple(regular_price=text).variants[0].price.list_price
    assert read == (None if price is None else Decimal(price))


@pytest.mark.parametrize(
    "text", ["12,50", "NaN", "Infinity", "1_000", "€5", "٣", "5 " * 2, [], True]
)
def test_a_price_that_is_none_is_refused(text):
    record = simple(regular_price=text)
    assert (record.reason, record.external_id, record.sku) == ("price_unreadable", "3529", "CAP-1")
    assert simple(sale_price=text).reason == "price_unreadable"


@pytest.mark.parametrize(
    ("managed", "quantity", "on_hand"),
    [(True, 5, 5), (True, None, None), (True, -4, -4), (False, None, None), (False, 7, None),
     ("parent", 40, 40), (True, 2.5, 2), (True, -0.5, -1)],
)  # fmt: skip
def test_stock_is_counted_where_the_shop_counts_it(managed, quantity, on_hand):
    [variant] = variation(manage_stock=managed, stock_quantity=quantity).variants
    assert variant.stock.on_hand == on_hand


@pytest.mark.parametrize(
    ("status", "mirrored"),
    [("instock", "in_stock"), ("outofstock", "out_of_stock"), ("onbackorder", "on_backorder")],
)
def test_the_three_stock_statuses(status, mirrored):
    assert simple(stock_status=status).variants[0].stock.status == mirrored


def test_a_stock_status_of_a_plugin_is_refused():
    assert simple(stock_status="discontinued").reason == "stock_status_unknown"
    assert simple(stock_quantity="many").reason == "stock_unreadable"


def test_a_variation_that_shows_its_products_sku_has_none():
    record = variation(sku="CAP-V")
    assert isinstance(record, Unmirrorable)
    assert (record.reason, record.product_external_id) == ("sku_inherited", "3530")


def test_a_variation_without_any_sku_is_left_for_the_mirror_to_refuse():
    [variant] = variation(sku="", parent={"sku": ""}).variants
    assert variant.content.sku == ""
    assert variation(sku="X", parent={"sku": ""}).code == "cap"


@pytest.mark.parametrize("kind", ["grouped", "external", "bundle"])
def test_other_types_are_refused(kind):
    assert simple(type=kind).reason == "unsupported_type"


def test_a_variable_product_without_variations_is_nothing():
    assert records_of(PARENT, [], UNITS) == []


def test_an_attribute_left_at_any_is_no_option():
    [variant] = variation(
        attributes=[{"id": 0, "name": "Kleur", "slug": "kleur", "option": ""}]
    ).variants
    assert (variant.content.options, variant.content.name) == ({}, "Cap <b>")


def test_one_refused_variation_does_not_keep_the_others():
    refused, product = records_of(
        PARENT, [VARIATION, {**VARIATION, "id": 3532, "sku": "CAP-V"}], UNITS
    )
    assert refused.external_id == "3532"
    assert [each.external_id for each in product.variants] == ["3531"]


def test_a_shop_without_brands_has_none():
    record = dict(SIMPLE)
    del record["brands"]
    assert records_of(record, [], UNITS)[0].brand is None


def test_measures_carry_the_shops_units():
    [record] = records_of(SIMPLE, [], Units(weight="lbs", dimension="in"))
    assert record.variants[0].content.weight.unit == "lbs"
    assert record.variants[0].content.dimensions.unit == "in"


def test_a_category_with_an_entity_in_its_name():
    body = {"id": 83, "name": "Bags &amp; Cases", "slug": "bags", "parent": 79}
    assert category_of(body) == CategoryRecord(
        external_id="83", parent_external_id="79", slug="bags", name="Bags & Cases"
    )
    assert category_of({**body, "parent": 0}).parent_external_id is None


def test_terms_of_shop_wide_attributes_lose_their_entities_and_a_products_own_do_not():
    shared = {
        "id": 3,
        "name": "Fit &amp; cut",
        "visible": True,
        "variation": False,
        "options": ["A &amp; B"],
    }
    own = {
        "id": 0,
        "name": "Care &amp; wash",
        "visible": True,
        "variation": False,
        "options": ["30 &amp; 40"],
    }
    product = simple(attributes=[shared, own])
    assert product.variants[0].content.attributes == {
        "Fit & cut": "A & B",
        "Care &amp; wash": "30 &amp; 40",
    }
