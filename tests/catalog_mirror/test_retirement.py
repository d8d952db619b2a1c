"""Variants that leave the shop, and come back."""

from datetime import timedelta

import pytest

from catalog_mirror import mirror
from catalog_mirror.models import Variant, VariantHistory
from tests.factories import (
    SourceFactory,
    a_product,
    a_variant,
    mirrored,
    newest_revision,
    now,
    variant,
)


@pytest.fixture
def shop(database):
    return SourceFactory(slug="shop")


def retire(shop, *external_ids, at=None):
    applied = mirror.retire(shop, external_ids, observed_at=at or now(), origin="test")
    assert applied.held == []
    return applied.differences


def of(external_id: str, sku: str = "A"):
    return a_product("p1", a_variant(external_id, sku=sku))


def test_a_retired_variant_stays_unpublished_and_keeps_its_history(shop):
    mirrored(shop, of("1"))
    differences = retire(shop, "1")
    row = Variant.objects.get()
    assert (row.is_published, row.retired_at is not None, row.sku) == (False, True, "A")
    assert (row.content_revision, row.touched_revision, row.stock_revision) == (2, 2, 1)
    assert [
        (d.sku, d.external_id, d.field, d.mirror_value, d.source_value) for d in differences
    ] == [("A", "1", "retired", False, True)]
    history = VariantHistory.objects.get()
    assert (history.is_published, history.until_revision) == (True, 2)


def test_retiring_twice_or_what_is_not_there_takes_no_revision(shop):
    mirrored(shop, of("1"))
    retire(shop, "1")
    assert retire(shop, "1", "404") == []
    assert newest_revision() == 2


def test_retiring_an_unpublished_variant_keeps_no_history_but_moves_a_stamp(shop):
    mirrored(shop, a_product("p1", a_variant("1", is_published=False)))
    retire(shop, "1")
    assert VariantHistory.objects.count() == 0
    assert Variant.objects.get().touched_revision == 2


def test_what_was_read_after_the_retirement_was_observed_stays(shop):
    at = now()
    mirrored(shop, of("1"), at=at)
    assert retire(shop, "1", at=at - timedelta(microseconds=1)) == []
    assert (variant("A").retired_at, newest_revision()) == (None, 1)


def test_a_read_from_before_the_retirement_does_not_revive(shop):
    at = now()
    mirrored(shop, of("1"), at=at)
    retire(shop, "1", at=at + timedelta(seconds=9))
    applied = mirrored(shop, of("1"), at=at + timedelta(seconds=5))
    assert applied.revision is None
    assert Variant.objects.get().retired_at == at + timedelta(seconds=9)


def test_a_variant_that_is_back_is_the_same_row(shop):
    mirrored(shop, of("1"))
    pk = variant("A").pk
    retire(shop, "1")
    applied = mirrored(shop, of("1"))
    assert (variant("A").pk, variant("A").is_published) == (pk, True)
    assert [(d.field, d.mirror_value, d.source_value) for d in applied.differences] == [
        ("retired", True, False),
        ("is_published", False, True),
    ]


@pytest.mark.parametrize(("days", "same"), [(29, True), (31, False)])
def test_a_re_imported_sku_is_the_same_variant_for_30_days(shop, days, same):
    at = now()
    mirrored(shop, of("1"), at=at)
    pk = variant("A").pk
    retire(shop, "1", at=at)
    mirrored(shop, of("2"), at=at + timedelta(days=days))
    assert (variant("A").pk == pk) is same
    assert variant("A").external_id == "2"
    assert Variant.objects.count() == (1 if same else 2)


def test_a_re_import_revives_the_variant_that_was_retired_last(shop):
    at = now()
    mirrored(shop, of("1", "A"), of("2", "B"), at=at)
    retire(shop, "1", at=at + timedelta(seconds=1))
    mirrored(shop, of("2", "A"), at=at + timedelta(seconds=2))
    retire(shop, "2", at=at + timedelta(seconds=3))
    pk = Variant.objects.get(external_id="2").pk
    mirrored(shop, of("3", "A"), at=at + timedelta(seconds=4))
    assert variant("A").pk == pk


def test_a_retired_sku_may_be_used_by_another_source_as_a_new_variant(shop):
    mirrored(shop, of("1"))
    retire(shop, "1")
    other = SourceFactory(slug="other")
    mirrored(other, of("1"))
    assert variant("A").source_id == other.pk
    assert Variant.objects.filter(sku="A").count() == 2


def test_a_retired_variant_that_is_back_under_another_sku_is_not_revived_by_its_old_one_too(shop):
    """Both records would be written over one row."""
    mirrored(shop, of("1", "A"))
    pk = variant("A").pk
    retire(shop, "1")
    mirrored(shop, of("1", "B"), of("2", "A"))
    assert variant("B").pk == pk
    assert variant("A").pk != pk
