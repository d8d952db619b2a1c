"""After a reconciliation the mirror says what the shop says, and nothing else was written."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from catalog_mirror.models import Category, Product, QuarantinedRecord, Revision, Source, Variant
from demo.catalogue.records import Product as Record
from demo.shops import small_shop
from demo.storefront.money import shown_sale_price
from demo.storefront.storefront import Storefront
from sync.models import Connection, SweepRun
from tests.sync.conftest import moved, picture, run

STATUS = {"instock": "in_stock", "outofstock": "out_of_stock", "onbackorder": "on_backorder"}
# Each odd record that cannot be mirrored, and why.
REFUSED = {
    "no_sku": "sku_missing",
    "sku_dup_2": "duplicate_sku",
    "price_negative": "price_negative",
    "external": "unsupported_type",
    "external_no_url": "unsupported_type",
    "grouped_missing_child": "unsupported_type",
    "variation_no_own_sku": "sku_inherited",
    "variation_no_sku_at_all": "sku_missing",
}
NOTHING = "Nothing had drifted; no revision was taken."


def described(shop: Storefront, record: Record) -> tuple:
    """What the mirror should hold of a sellable record, from the shop's own database."""
    parent = shop.store.shown.parent(record)
    family = [record, *([parent] if parent else [])]
    return (
        record.sku.strip(),
        Decimal(record.regular_price) if record.regular_price else None,
        Decimal(sale) if (sale := shown_sale_price(record)) else None,
        shop.store.shown.quantity(record),
        STATUS[shop.store.shown.stock_status(record)],
        all(r.status == "publish" and not r.password and r.visibility != "hidden" for r in family),
    )


def sellable(shop: Storefront) -> dict[str, tuple]:
    records = shop.store.catalogue.products.values()
    refused = {shop.odd[kind] for kind in REFUSED}
    return {
        str(r.id): described(shop, r)
        for r in records
        if r.is_sellable and r.id not in refused and (not r.is_variation or r.parent_id)
    }


def mirrored(**which: object) -> dict[str, tuple]:
    columns = ("sku", "list_price", "sale_price", "stock_on_hand", "stock_status", "is_published")
    rows = Variant.objects.filter(retired_at=None, **which)
    return {row[0]: row[1:] for row in rows.values_list("external_id", *columns)}


def test_the_mirror_equals_the_shop_record_by_record(shop):
    assert mirrored() == sellable(shop)
    assert Variant.objects.filter(retired_at__isnull=False).count() == 0


def test_what_cannot_be_mirrored_is_quarantined_with_its_reason(shop):
    kits = {str(r.id) for r in shop.store.catalogue.products.values() if r.type == "grouped"}
    found = dict(QuarantinedRecord.objects.values_list("external_id", "reason"))
    assert found == dict.fromkeys(kits, "unsupported_type") | {
        str(shop.odd[kind]): reason for kind, reason in REFUSED.items()
    }


def test_brands_categories_and_options_are_the_shops(shop):
    terms = shop.store.catalogue.categories.values()
    assert Category.objects.count() == len(terms)
    assert not Category.objects.filter(name__contains="&amp;").exists()
    two = Variant.objects.get(external_id=shop.odd["two_brands"])
    brands = shop.store.catalogue.products[shop.odd["two_brands"]].brand_ids
    assert two.brand.external_id == str(min(brands))
    body = json.loads(Variant.objects.get(sku="ODD-130-BLK-10").variantdocument.body)
    assert body["options"] == {"Color": "Black", "Size": "10 in"}
    assert body["name"] == "Odd variable 130, Black, 10 in"
    anything = Variant.objects.get(external_id=shop.odd["variation_any"])
    assert json.loads(anything.variantdocument.body)["options"] == {}


def test_a_second_run_takes_no_revision_and_says_so(shop):
    before = picture()
    said = run("reconcile")
    assert (said.code, moved(before, picture())) == (0, {})
    assert said.out.splitlines()[-1] == NOTHING


def test_an_unchanged_record_costs_no_row_but_its_reading_time(shop):
    source = Source.objects.get()
    run("reconcile")
    last = SweepRun.objects.latest("pk")
    assert (last.status, last.unchanged, last.created, last.changed) == ("complete", 234, 0, 0)
    assert (last.seen, last.quarantined, last.revisions) == (248, 14, 0)
    assert Connection.objects.get(source=source).stale_since is None


def simple(shop: Storefront, at: int) -> Record:
    """An ordinary published simple product that counts its stock."""
    records = shop.store.catalogue.products.values()
    odd = set(shop.odd.values())
    fit = [r for r in records if r.type == "simple" and r.id not in odd and r.stock_quantity]
    return [r for r in fit if r.status == "publish" and r.backorders == "no"][at]


CHANGED = {"variant", "revision"}
EDITS = {
    "price": (lambda s, r: s.edit_price(r.id, "9.99"), CHANGED | {"varianthistory"}),
    "sale price": (lambda s, r: s.edit_sale_price(r.id, "0.01"), CHANGED),
    "sold": (lambda s, r: s.sell(r.id), CHANGED | {"stocklevel"}),
    "renamed": (lambda s, r: s.rename(r.id, "New"), CHANGED | {"variantdocument", "product"}),
    "SKU": (
        lambda s, r: s.rename_sku(r.id, "NEW-1"),
        CHANGED | {"variantdocument", "varianthistory", "product"},
    ),
    "hidden": (lambda s, r: s.hide(r.id), CHANGED | {"varianthistory"}),
    "direct SQL": (
        lambda s, r: s.change_silently(r.id, regular_price="3.21"),
        CHANGED | {"varianthistory"},
    ),
    "in the trash": (lambda s, r: s.trash(r.id), CHANGED | {"varianthistory"}),
    "deleted": (lambda s, r: s.delete_forever(r.id), CHANGED | {"varianthistory"}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_writes_its_own_variant_and_no_other(shop, edit):
    record = simple(shop, 0)
    make, tables = EDITS[edit]
    before = picture()
    make(shop, record)
    run("reconcile")
    rows = moved(before, picture())
    variant = Variant.objects.get(external_id=record.id)
    assert set(rows) == tables
    assert [row["external_id"] for row in rows["variant"]] == [str(record.id)]
    assert {row["variant_id"] for row in rows.get("varianthistory", ())} <= {str(variant.pk)}
    assert len(rows["revision"]) == 1
    assert mirrored() == sellable(shop)
    assert run("reconcile").out.splitlines()[-1] == NOTHING


def test_what_is_gone_is_retired_and_never_deleted(shop):
    trashed, deleted = simple(shop, 0), simple(shop, 1)
    shop.trash(trashed.id)
    shop.delete_forever(deleted.id)
    said = run("reconcile", json=True)
    assert json.loads(said.out)["sources"][0]["retired"] == 2
    rows = Variant.objects.filter(external_id__in=[trashed.id, deleted.id])
    assert [(row.is_published, row.retired_at is None) for row in rows] == [(False, False)] * 2
    shop.untrash(trashed.id)
    run("reconcile")
    assert Variant.objects.get(external_id=trashed.id).is_published
    assert Variant.objects.get(external_id=deleted.id).retired_at


def test_variations_go_and_come_with_their_product(shop):
    parent = shop.odd["variable_130"]
    shop.trash(parent)
    said = json.loads(run("reconcile", json=True, yes=True).out)["sources"][0]
    assert said["retired"] == 130
    # Products by trash, no variation asked for singly.
    assert said["requests"] < 20
    shop.untrash(parent)
    assert json.loads(run("reconcile", json=True).out)["sources"][0]["changed"] == 130
    assert mirrored() == sellable(shop)


def test_one_variation_deleted_is_retired_alone(shop):
    gone = shop.id_of("ODD-130-BLK-10")
    shop.delete_forever(gone)
    run("reconcile")
    retired = Variant.objects.exclude(retired_at=None)
    assert [row.external_id for row in retired] == [str(gone)]


def test_two_products_swap_their_skus(shop):
    one, other = simple(shop, 0), simple(shop, 2)
    skus = one.sku, other.sku
    shop.change_silently(one.id, sku=skus[1])
    shop.change_silently(other.id, sku=skus[0])
    before = picture()
    run("reconcile")
    assert Variant.objects.get(external_id=one.id).sku == skus[1]
    assert Variant.objects.get(external_id=other.id).sku == skus[0]
    assert len(moved(before, picture())["variant"]) == 2
    assert mirrored() == sellable(shop)


def test_skus_swapped_between_a_product_and_a_variation_read_later(shop):
    one, other = simple(shop, 0).id, shop.id_of("ODD-130-BLK-10")
    skus = shop.store.catalogue.products[one].sku, "ODD-130-BLK-10"
    shop.change_silently(one, sku=skus[1])
    shop.change_silently(other, sku=skus[0])
    assert run("reconcile").code == 0
    assert mirrored() == sellable(shop)
    assert not QuarantinedRecord.objects.filter(external_id__in=[one, other]).exists()


def test_a_new_product_is_created(shop):
    new = shop.add_simple("BRAND-NEW", name="Brand new", price="5.00", stock=3)
    before = picture()
    run("reconcile")
    rows = moved(before, picture())
    assert [row["external_id"] for row in rows["variant"]] == [str(new)]
    assert mirrored() == sellable(shop)


def test_a_category_renamed_and_one_moved_reach_their_products(shop):
    record = simple(shop, 0)
    category = record.category_ids[0]
    shop.rename_category(category, "Renamed & new")
    touched = {
        str(row.pk)
        for row in Variant.objects.filter(
            category_ids__contains=[Category.objects.get(external_id=category).pk]
        )
    }
    before = picture()
    run("reconcile")
    rows = moved(before, picture())
    assert {row["variant_id"] for row in rows["variantdocument"]} == touched
    assert Category.objects.get(external_id=category).name == "Renamed & new"
    assert "Renamed & new" in Variant.objects.get(external_id=record.id).variantdocument.body
    elsewhere = next(c for c in shop.store.catalogue.categories.values() if c.id != category)
    shop.store.catalogue.categories[category].parent_id = 0 if elsewhere.parent_id else elsewhere.id
    shop.store.forget_all()
    run("reconcile")
    closure = Variant.objects.get(external_id=record.id).category_ids
    parent = shop.store.catalogue.categories[category].parent_id
    expected = {Category.objects.get(external_id=category).pk}
    if parent:
        expected |= {Category.objects.get(external_id=parent).pk}
    assert set(closure) == expected


def test_a_simple_product_that_became_variable_is_sold_no_more(shop):
    record = simple(shop, 0)
    shop.change_silently(record.id, type="variable")
    run("reconcile")
    assert Variant.objects.get(external_id=record.id).retired_at is not None


def test_a_variation_whose_product_became_simple_is_not_shown(shop):
    parent = shop.odd["variable_130"]
    shop.change_silently(parent, type="simple", regular_price="5")
    run("reconcile", yes=True)
    product = Product.objects.get(external_id=parent)
    shown = Variant.objects.filter(product=product, is_published=True)
    assert [row.external_id for row in shown] == [str(parent)]


def test_a_quarantined_record_keeps_its_variants_last_good_values(shop):
    record = simple(shop, 0)
    price = Variant.objects.get(external_id=record.id).list_price
    shop.change_silently(record.id, regular_price="-1")
    run("reconcile")
    assert Variant.objects.get(external_id=record.id).list_price == price
    assert QuarantinedRecord.objects.get(external_id=record.id).reason == "price_negative"
    shop.edit_price(record.id, "4.00")
    run("reconcile")
    assert Variant.objects.get(external_id=record.id).list_price == 4
    assert not QuarantinedRecord.objects.filter(external_id=record.id).exists()


def test_a_quarantined_record_that_is_deleted_is_forgotten(shop):
    shop.delete_forever(shop.odd["no_sku"])
    run("reconcile")
    assert not QuarantinedRecord.objects.filter(external_id=shop.odd["no_sku"]).exists()


def test_a_dry_run_tells_the_differences_and_writes_nothing(shop):
    priced, gone = simple(shop, 0), simple(shop, 1)
    shop.edit_price(priced.id, "9.99")
    shop.delete_forever(gone.id)
    shop.rename_category(simple(shop, 2).category_ids[0], "Renamed")
    before, runs = picture(), SweepRun.objects.count()
    said = run("reconcile", dry_run=True)
    assert (said.code, moved(before, picture()), SweepRun.objects.count()) == (0, {}, runs)
    assert f"{priced.sku}: price list_price" in said.out
    assert f"{gone.sku}: content retired False -> True" in said.out
    assert "small-1: content.categories " in said.out
    assert said.out.splitlines()[-1] == "This was a dry run: nothing was written."


def test_a_dry_run_of_a_shop_never_read_creates_all(connected):
    connected()
    said = json.loads(run("reconcile", dry_run=True, json=True).out)
    assert said["sources"][0]["created"] == 234
    assert Variant.objects.count() == Category.objects.count() == 0


def test_the_list_of_all_variations_and_the_lists_per_product_say_the_same(connected):
    all_at_once = connected(small_shop(1))
    run("reconcile")
    rows = mirrored()
    documents = set(Variant.objects.values_list("external_id", "variantdocument__body"))
    per_product = connected(replace(small_shop(1), slug="other", lists_all_variations=False))
    Source.objects.filter(slug="other").update(sku_prefix="O-")
    run("reconcile", source=["other"])
    other = mirrored(source__slug="other")
    assert {i: (row[0].removeprefix("O-"), *row[1:]) for i, row in other.items()} == rows
    their = Variant.objects.filter(source__slug="other").values_list(
        "external_id", "variantdocument__body"
    )
    assert {
        (
            i,
            body.replace('"sku":"O-', '"sku":"')
            .replace('"other"', '"small-1"')
            .replace(per_product.url, all_at_once.url),
        )
        for i, body in their
    } == documents


def test_one_run_is_one_correlation_id(shop):
    shop.edit_price(simple(shop, 0).id, "9.99")
    said = json.loads(run("reconcile", json=True).out)
    assert said["sources"][0]["fields"] == {"price.list_price": 1}
    assert said["sources"][0]["revisions"] == 1
    assert Revision.objects.latest("number").correlation_id == said["correlation_id"]
    assert SweepRun.objects.latest("pk").correlation_id == said["correlation_id"]
