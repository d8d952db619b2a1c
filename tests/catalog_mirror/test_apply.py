"""What `mirror.apply` writes, and what it leaves alone."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from catalog_mirror import mirror, tables
from catalog_mirror.models import (
    Brand,
    Location,
    Observation,
    Product,
    Revision,
    StockLevel,
    Variant,
    VariantDocument,
    VariantHistory,
)
from catalog_mirror.records import Stock, StockAt
from groundwork.correlation import made_at
from tests.factories import (
    INKWELL,
    NORTHCUP,
    SourceFactory,
    a_category,
    a_product,
    a_stock,
    a_variant,
    categorized,
    mirrored,
    newest_revision,
    now,
    variant,
)


@pytest.fixture
def shop(database):
    return SourceFactory(slug="shop")


def history() -> list[tuple[int, str]]:
    rows = VariantHistory.objects.order_by("until_revision", "variant_id")
    return list(rows.values_list("until_revision", "sku"))


def only(facet: str, external_id: str = "1", **says):
    """Return a product of which one facet alone was read."""
    others = dict.fromkeys({"content", "price", "stock"} - {facet})
    return a_product("p1", a_variant(external_id, **says, **others))


def test_new_variant_is_written_with_all_it_says(shop):
    applied = mirrored(shop, a_product("p1", a_variant("1", sale_price=Decimal(8)), brand=NORTHCUP))
    row = variant("SKU-1")
    assert applied.revision == newest_revision() == 1
    assert (row.source_id, row.brand_id, row.product_id) == (
        shop.pk,
        Brand.objects.get(slug="northcup").pk,
        Product.objects.get(code="P1").pk,
    )
    assert (row.list_price, row.sale_price, row.currency, row.tax_included) == (
        Decimal(10),
        Decimal(8),
        "USD",
        False,
    )
    assert (row.stock_on_hand, row.stock_available, row.stock_status) == (5, 5, "in_stock")
    revisions = (
        row.created_revision,
        row.content_revision,
        row.stock_revision,
        row.touched_revision,
    )
    assert revisions == (1, 1, 1, 1)
    assert [(d.field, d.mirror_value, d.source_value) for d in applied.differences] == [
        ("created", None, "SKU-1")
    ]
    assert history() == []


def test_equal_records_take_no_revision(shop):
    mirrored(shop, a_product("p1"))
    again = mirrored(shop, a_product("p1"))
    assert (again.revision, again.unchanged, again.differences) == (None, 1, [])
    assert newest_revision() == 1


def test_a_new_variant_of_which_a_facet_is_missing_is_not_written(shop):
    applied = mirrored(shop, a_product("p1", a_variant("1", stock=None)))
    assert (applied.revision, Variant.objects.count(), newest_revision()) == (None, 0, 0)


def test_content_alone_leaves_price_and_stock(shop):
    mirrored(shop, a_product("p1"))
    applied = mirrored(shop, only("content", name="Renamed"))
    row = variant("SKU-1")
    assert (row.content_revision, row.touched_revision, row.stock_revision) == (2, 2, 1)
    assert (row.list_price, row.stock_on_hand) == (Decimal(10), 5)
    assert [(d.facet, d.field, d.mirror_value, d.source_value) for d in applied.differences] == [
        ("content", "name", "Thing 1", "Renamed")
    ]
    assert history() == []


def test_price_alone_leaves_content_and_stock(shop):
    mirrored(shop, a_product("p1"))
    applied = mirrored(shop, only("price", list_price=Decimal(11)))
    row = variant("SKU-1")
    assert (row.content_revision, row.touched_revision, row.stock_revision) == (1, 2, 1)
    assert row.list_price == Decimal(11)
    assert [(d.field, d.mirror_value, d.source_value) for d in applied.differences] == [
        ("list_price", Decimal(10), Decimal(11))
    ]
    assert history() == [(2, "SKU-1")]


def test_stock_alone_leaves_content_and_price(shop):
    mirrored(shop, a_product("p1"))
    applied = mirrored(shop, only("stock", on_hand=0))
    row = variant("SKU-1")
    assert (row.content_revision, row.touched_revision, row.stock_revision) == (1, 1, 2)
    assert (row.stock_on_hand, row.stock_status, row.sku) == (0, "out_of_stock", "SKU-1")
    assert [d.field for d in applied.differences] == ["on_hand", "available", "status"]
    assert history() == []


@pytest.mark.parametrize("same", ["10", "10.0", "10.0000", "1E+1"])
def test_10_and_10_00_are_one_price(shop, same):
    mirrored(shop, a_product("p1", a_variant("1", list_price=Decimal("10.00"))))
    assert mirrored(shop, only("price", list_price=Decimal(same))).revision is None


def test_a_sale_price_alone_moves_no_stamp_of_the_view(shop):
    mirrored(shop, a_product("p1"))
    applied = mirrored(shop, only("price", sale_price=Decimal("7.50")))
    row = variant("SKU-1")
    assert row.sale_price == Decimal("7.50")
    assert (row.content_revision, row.touched_revision, row.stock_revision) == (1, 1, 1)
    assert [d.field for d in applied.differences] == ["sale_price"]
    assert history() == []


def test_the_last_of_a_repeated_record_counts(shop):
    mirrored(
        shop,
        a_product("p1", a_variant("1", name="First")),
        a_product("p1", a_variant("1", name="Second")),
    )
    assert '"name":"Second"' in VariantDocument.objects.get().body


def test_stock_is_summed_over_locations_and_a_lost_location_is_removed(shop):
    two = Stock(
        status="in_stock",
        levels=(
            StockAt(location="north", on_hand=3, reserved=1),
            StockAt(location="south", on_hand=4, reserved=1, incoming=9),
        ),
    )
    mirrored(shop, a_product("p1", a_variant("1", stock=two)))
    assert (variant("SKU-1").stock_on_hand, variant("SKU-1").stock_available) == (7, 5)
    mirrored(shop, a_product("p1", a_variant("1", stock=replace(two, levels=two.levels[1:]))))
    assert (variant("SKU-1").stock_on_hand, variant("SKU-1").stock_available) == (4, 3)
    levels = StockLevel.objects.values_list(
        "location__external_id", "on_hand", "reserved", "incoming"
    )
    assert list(levels) == [("south", 4, 1, 9)]
    assert Location.objects.count() == 2


def test_stock_that_the_shop_does_not_count_is_unknown_not_zero(shop):
    mirrored(shop, a_product("p1", a_variant("1", stock=a_stock(None))))
    row = variant("SKU-1")
    assert (row.stock_on_hand, row.stock_available, row.stock_status) == (None, None, "in_stock")


def test_more_reserved_than_on_hand_is_zero_available(shop):
    stock = Stock(status="on_backorder", levels=(StockAt(on_hand=2, reserved=5),))
    mirrored(shop, a_product("p1", a_variant("1", stock=stock)))
    assert variant("SKU-1").stock_available == 0


def test_a_source_s_prefix_leads_its_skus(database):
    shop = SourceFactory(sku_prefix="EU-")
    mirrored(shop, a_product("p1"))
    assert variant("EU-SKU-1").external_id == "1"


def test_a_source_s_new_currency_is_a_change_of_price(shop):
    mirrored(shop, a_product("p1"))
    shop.currency = "EUR"
    shop.save()
    assert mirrored(shop, a_product("p1")).revision == 2
    assert (variant("SKU-1").currency, history()) == ("EUR", [(2, "SKU-1")])


def test_a_dry_run_tells_and_writes_nothing(shop):
    mirrored(shop, a_product("p1"))
    wrong = a_product("p2", a_variant("2", list_price=Decimal(-1)))
    applied = mirror.apply(
        shop,
        [a_product("p1", a_variant("1", name="Renamed")), wrong],
        observed_at=now(),
        origin="test",
        dry_run=True,
    )
    assert [d.source_value for d in applied.differences] == ["Renamed"]
    assert [each.reason for each in applied.quarantined] == ["price_negative"]
    assert (newest_revision(), shop.quarantinedrecord_set.count()) == (1, 0)
    assert '"name":"Thing 1"' in VariantDocument.objects.get().body


def test_the_revision_names_its_origin(shop):
    mirrored(shop, a_product("p1"))
    revision = Revision.objects.get(number=1)
    assert (revision.origin, revision.touches_rules) == ("test", False)
    assert made_at(revision.correlation_id) is not None


# -- history and the revisions that the delta reads --------------------------------------------


@pytest.mark.parametrize(
    "moved",
    [
        {"code": "OTHER", "external_id": "p9"},
        {"brand": INKWELL},
        {"category_external_ids": ("leaf",)},
        {"variants": (a_variant("1", sku="RENAMED"),)},
        {"variants": (a_variant("1", is_published=False),)},
        {"variants": (a_variant("1", list_price=None),)},
    ],
    ids=["product", "brand", "category", "sku", "published", "list price"],
)
def test_what_decides_visibility_or_price_is_kept_in_history(shop, moved):
    categorized(shop, a_category("root"), a_category("leaf", "root"))
    before = a_product("p1", brand=NORTHCUP)
    mirrored(shop, before)
    mirrored(shop, replace(before, **moved))
    assert history() == [(3, "SKU-1")]
    assert Variant.objects.get().touched_revision == 3


@pytest.mark.parametrize("moved", [{"name": "Else"}, {"url": "https://shop.example/else"}])
def test_content_that_decides_nothing_is_not_kept_in_history(shop, moved):
    before = a_product("p1")
    mirrored(shop, before)
    mirrored(shop, replace(before, **moved))
    assert history() == []
    assert variant("SKU-1").touched_revision == variant("SKU-1").content_revision == 2


def test_a_change_of_closure_alone_moves_a_stamp(shop):
    """The category is the same and so is the document, but a rule on its new parent now reaches."""
    categorized(shop, a_category("a"), a_category("b"), a_category("leaf", "a"))
    product = a_product("p1", category_external_ids=("leaf",))
    mirrored(shop, product)
    ids = variant("SKU-1").category_ids
    categorized(shop, a_category("a"), a_category("b"), a_category("leaf", "b"))
    applied = mirrored(shop, product)
    row = variant("SKU-1")
    assert applied.revision == newest_revision() == row.touched_revision == 4
    assert (len(row.category_ids), row.category_depths) == (2, [0, 1])
    assert row.category_ids != ids
    assert history() == [(4, "SKU-1")]
    assert VariantHistory.objects.get().category_ids == ids


# -- the fence ---------------------------------------------------------------------------------


def test_an_older_read_is_dropped_facet_by_facet(shop):
    at = now()
    mirrored(shop, a_product("p1"), at=at)
    mirrored(shop, only("price", list_price=Decimal(12)), at=at + timedelta(seconds=5))
    late = a_product("p1", a_variant("1", name="Renamed", list_price=Decimal(11), on_hand=3))
    applied = mirrored(shop, late, at=at + timedelta(seconds=3))
    row = variant("SKU-1")
    assert row.list_price == Decimal(12)
    assert row.stock_on_hand == 3
    assert '"name":"Renamed"' in row.variantdocument.body
    assert {d.facet for d in applied.differences} == {"content", "stock"}


def test_an_older_read_of_everything_takes_no_revision(shop):
    at = now()
    mirrored(shop, a_product("p1"), at=at)
    old = a_product("p1", a_variant("1", name="Old", list_price=Decimal(1), on_hand=1))
    assert mirrored(shop, old, at=at - timedelta(seconds=1)).revision is None
    assert newest_revision() == 1


def test_an_equal_read_advances_the_fence(shop):
    at = now()
    mirrored(shop, a_product("p1"), at=at)
    mirrored(shop, a_product("p1"), at=at + timedelta(seconds=9))
    late = a_product("p1", a_variant("1", on_hand=1))
    assert mirrored(shop, late, at=at + timedelta(seconds=5)).revision is None
    assert variant("SKU-1").stock_on_hand == 5


def test_an_equal_facet_advances_the_fence_though_another_moved(shop):
    """What was read with a changed name says of the price that it stood at that time."""
    at = now()
    mirrored(shop, a_product("p1"), at=at)
    renamed = a_product("p1", a_variant("1", name="Renamed"))
    mirrored(shop, renamed, at=at + timedelta(seconds=9))
    late = a_product("p1", a_variant("1", list_price=Decimal(8)))
    assert mirrored(shop, late, at=at + timedelta(seconds=5)).revision is None
    assert variant("SKU-1").list_price == Decimal(10)
    observation = Observation.objects.get()
    assert {observation.content_at, observation.price_at, observation.stock_at} == {
        at + timedelta(seconds=9)
    }


def test_a_facet_that_was_not_read_keeps_its_fence(shop):
    at = now()
    mirrored(shop, a_product("p1"), at=at)
    mirrored(shop, only("stock", on_hand=5), at=at + timedelta(seconds=9))
    observation = Observation.objects.get()
    assert observation.price_at == observation.content_at == at
    assert observation.stock_at == at + timedelta(seconds=9)


def test_what_another_wrote_between_comparing_and_noting_is_compared_again(shop, monkeypatch):
    """Found unchanged, then written by another from an older read: the newer read must win."""
    at = now()
    mirrored(shop, a_product("p1"), at=at)
    note = tables.note_unchanged

    def late(*args, **kwargs):
        monkeypatch.setattr(tables, "note_unchanged", note)
        mirrored(shop, a_product("p1", a_variant("1", on_hand=1)), at=at + timedelta(seconds=1))
        return note(*args, **kwargs)

    monkeypatch.setattr(tables, "note_unchanged", late)
    applied = mirrored(shop, a_product("p1"), at=at + timedelta(seconds=2))
    assert variant("SKU-1").stock_on_hand == 5
    assert (applied.revision, applied.unchanged) == (3, 0)
