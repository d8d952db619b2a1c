"""What cannot be mirrored: kept with a reason, while the rest goes on."""

from datetime import timedelta
from decimal import Decimal

import pytest

from catalog_mirror import mirror
from catalog_mirror.models import QuarantinedRecord, Variant
from catalog_mirror.records import BrandRecord, Stock, StockAt, Unmirrorable
from catalog_mirror.validation import problem_of
from tests.factories import (
    SourceFactory,
    a_category,
    a_product,
    a_variant,
    categorized,
    mirrored,
    newest_revision,
    now,
    variant,
)

BIGGEST = 2**31 - 1


@pytest.fixture
def shop(database):
    return SourceFactory(slug="shop")


def stock(*counts: int | None) -> Stock:
    return at(*(StockAt(on_hand=n, location=f"l{i}") for i, n in enumerate(counts)))


def at(*levels: StockAt) -> Stock:
    return Stock(status="in_stock", levels=levels)


def brand(**says: str) -> BrandRecord:
    return BrandRecord(**{"external_id": "b", "slug": "b", "name": "b"} | says)


REFUSED = [
    ("nul_character", a_product("p1", a_variant("1", name="Mug\0"))),
    ("nul_character", a_product("p1", a_variant("1", sku="A\0"))),
    ("nul_character", a_product("p1", a_variant("1", options={"Color\0": "Red"}))),
    ("nul_character", a_product("p1", a_variant("1", attributes={"Color": "Red\0"}))),
    ("nul_character", a_product("p1", a_variant("1"), name="Mug\0")),
    ("nul_character", a_product("p1", a_variant("1"), brand=brand(name="\0"))),
    ("nul_character", a_product("p\0", a_variant("1"))),
    ("nul_character", a_product("p1", a_variant("1\0"))),
    ("invalid_character", a_product("p1", a_variant("1", name="Mug \ud83d"))),
    ("invalid_character", a_product("p1", a_variant("1", sku="\udc00"))),
    ("invalid_character", a_product("p\ud800", a_variant("\ud800"))),
    ("sku_missing", a_product("p1", a_variant("1", sku=""))),
    ("sku_too_long", a_product("p1", a_variant("1", sku="S" * 101))),
    ("text_too_long", a_product("p1", a_variant("1", description="d" * 1_000_001))),
    ("text_too_long", a_product("p1", a_variant("1"), code="c" * 201)),
    ("text_too_long", a_product("p1", a_variant("1"), name="n" * 1001)),
    ("text_too_long", a_product("p1", a_variant("1"), url="u" * 2001)),
    ("text_too_long", a_product("p1", a_variant("1"), brand=brand(name="b" * 301))),
    ("text_too_long", a_product("p1", a_variant("1"), brand=brand(slug="b" * 201))),
    ("text_too_long", a_product("p1", a_variant("1"), brand=brand(external_id="b" * 101))),
    ("text_too_long", a_product("p" * 101, a_variant("1"))),
    ("text_too_long", a_product("p1", a_variant("1" * 101, sku="A"))),
    ("price_negative", a_product("p1", a_variant("1", list_price=Decimal("-0.01")))),
    ("price_negative", a_product("p1", a_variant("1", sale_price=Decimal("-0.01")))),
    ("price_too_precise", a_product("p1", a_variant("1", list_price=Decimal("0.00001")))),
    ("price_out_of_range", a_product("p1", a_variant("1", list_price=Decimal("1E12")))),
    ("price_out_of_range", a_product("p1", a_variant("1", list_price=Decimal("NaN")))),
    ("price_out_of_range", a_product("p1", a_variant("1", sale_price=Decimal("Infinity")))),
    ("price_out_of_range", a_product("p1", a_variant("1", sale_price=Decimal("-Infinity")))),
    ("stock_out_of_range", a_product("p1", a_variant("1", stock=stock(BIGGEST + 1)))),
    ("stock_out_of_range", a_product("p1", a_variant("1", stock=stock(-BIGGEST - 1)))),
    ("stock_out_of_range", a_product("p1", a_variant("1", stock=stock(BIGGEST, 1)))),
    (
        "location_unusable",
        a_product("p1", a_variant("1", stock=at(StockAt(on_hand=1), StockAt(on_hand=1)))),
    ),
    (
        "location_unusable",
        a_product("p1", a_variant("1", stock=at(StockAt(on_hand=1, location="l" * 101)))),
    ),
    ("category_unknown", a_product("p1", a_variant("1"), category_external_ids=("nowhere",))),
    ("category_unknown", a_product("p1", a_variant("1"), category_external_ids=("no\0where",))),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "product"), REFUSED)
def test_unmirrorable_record_is_kept_with_its_reason_and_the_rest_goes_on(shop, reason, product):
    applied = mirrored(shop, product, a_product("p2", a_variant("2")))
    assert [each.reason for each in applied.quarantined] == [reason]
    record = QuarantinedRecord.objects.get()
    assert (record.source_id, record.reason) == (shop.pk, reason)
    assert record.detail
    assert list(Variant.objects.values_list("sku", flat=True)) == ["SKU-2"]


@pytest.mark.parametrize(
    "product",
    [
        a_product("p1", a_variant("1", sku="S" * 100)),
        a_product("p1", a_variant("1", description="d" * 1_000_000)),
        a_product(
            "p" * 100,
            a_variant("1" * 100, sku="A"),
            code="c" * 200,
            name="n" * 1000,
            url="u" * 2000,
        ),
        a_product("p1", a_variant("1", list_price=Decimal("999999999999.9999"))),
        a_product("p1", a_variant("1", list_price=Decimal(0))),
        a_product("p1", a_variant("1", list_price=None, sale_price=None)),
        a_product("p1", a_variant("1", stock=stock(BIGGEST))),
        a_product("p1", a_variant("1", stock=stock(-5))),
        a_product("p1", a_variant("1", stock=stock())),
    ],
)
def test_the_largest_that_fits_is_mirrored(shop, product):
    applied = mirrored(shop, product)
    assert (applied.quarantined, applied.revision) == ([], 1)
    assert Variant.objects.count() == 1


def test_a_bad_variant_does_not_take_its_siblings_along(shop):
    mirrored(shop, a_product("p1", a_variant("1", name="Mug\0"), a_variant("2")))
    assert QuarantinedRecord.objects.get().external_id == "1"
    assert variant("SKU-2").external_id == "2"


def test_a_live_variant_keeps_its_last_good_values(shop):
    mirrored(shop, a_product("p1"))
    bad = a_product("p1", a_variant("1", name="Else", list_price=Decimal(-1), on_hand=1))
    assert mirrored(shop, bad).revision is None
    row = variant("SKU-1")
    assert (row.list_price, row.stock_on_hand, row.is_published) == (Decimal(10), 5, True)
    assert newest_revision() == 1


def test_a_mended_record_leaves_quarantine(shop):
    mirrored(shop, a_product("p1", a_variant("1", sku="")))
    mirrored(shop, a_product("p1"))
    assert QuarantinedRecord.objects.count() == 0
    assert variant("SKU-1").external_id == "1"


def test_a_record_that_was_mended_without_any_change_leaves_quarantine(shop):
    mirrored(shop, a_product("p1"))
    mirrored(shop, a_product("p1", a_variant("1", sku="")))
    assert QuarantinedRecord.objects.count() == 1
    assert mirrored(shop, a_product("p1")).revision is None
    assert QuarantinedRecord.objects.count() == 0


def test_a_record_that_stays_bad_keeps_when_it_was_first_seen(shop):
    first = now()
    mirrored(shop, a_product("p1", a_variant("1", sku="")), at=first)
    mirrored(shop, a_product("p1", a_variant("1", sku="S" * 101)), at=first + timedelta(hours=1))
    record = QuarantinedRecord.objects.get()
    assert (record.first_seen_at, record.last_seen_at) == (first, first + timedelta(hours=1))
    assert record.reason == "sku_too_long"


def test_what_a_connector_cannot_read_is_kept_too(shop):
    unread = Unmirrorable(
        external_id="9",
        product_external_id="p9",
        sku="S" * 400,
        reason="price_unreadable",
        detail="D" * 600,
    )
    mirror.apply(shop, [unread], observed_at=now(), origin="test")
    record = QuarantinedRecord.objects.get()
    assert (record.external_id, record.sku, record.detail) == ("9", "S" * 300, "D" * 500)
    assert newest_revision() == 0


def test_a_category_that_was_read_in_between_lets_the_record_in(shop):
    product = a_product("p1", category_external_ids=("mugs",))
    mirrored(shop, product)
    assert Variant.objects.count() == 0
    categorized(shop, a_category("mugs"))
    mirrored(shop, product)
    assert (QuarantinedRecord.objects.count(), Variant.objects.count()) == (0, 1)


def test_a_facet_that_was_not_read_is_not_judged():
    record = a_variant("1", content=None, price=None, stock=None)
    assert problem_of(a_product("p1", record), record) is None


def test_a_record_needs_every_category_it_names(shop):
    categorized(shop, a_category("a"))
    applied = mirrored(shop, a_product("p1", category_external_ids=("a", "b")), a_product("p2"))
    assert [(each.external_id, each.reason) for each in applied.quarantined] == [
        ("1", "category_unknown")
    ]
    assert Variant.objects.get().external_id == "2"
