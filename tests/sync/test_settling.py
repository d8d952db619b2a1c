"""Two shops that sell one SKU: the lower rank keeps it, and what changes in a shop resolves it."""

import pytest

from catalog_mirror.models import QuarantinedRecord, Source, Variant
from demo.shops import small_shop
from tests.sync.conftest import moved, picture, run

SKU = "SHARED-1"


@pytest.fixture
def two(connected):
    """Two shops, each with a product of the same SKU; the first has the lower rank."""
    first, second = connected(small_shop(1)), connected(small_shop(2))
    for each in (first, second):
        each.id = each.shop.add_simple(SKU, name="Shared", price="5.00", stock=3)
    assert run("reconcile").code == 0
    return first, second


def holder() -> str:
    return Variant.objects.get(sku=SKU, retired_at=None).source.slug


def refused(one) -> list[str]:
    return list(
        QuarantinedRecord.objects.filter(source=one.source, external_id=one.id).values_list(
            "reason", flat=True
        )
    )


def test_the_lower_rank_keeps_a_shared_sku(two):
    first, second = two
    assert holder() == first.source.slug
    assert (refused(first), refused(second)) == ([], ["duplicate_sku"])


def test_it_stays_so_without_a_revision(two):
    before = picture()
    run("reconcile")
    assert moved(before, picture()) == {}


def test_who_gives_the_sku_up_leaves_it_to_the_other(two):
    first, second = two
    first.shop.rename_sku(first.id, "ANOTHER-1")
    # The second is read before the first: it reads the first's record again.
    run("reconcile", source=[second.source.slug])
    assert holder() == second.source.slug
    assert refused(second) == []
    assert Variant.objects.filter(sku="ANOTHER-1", source=first.source).exists()


@pytest.mark.parametrize("goes", ["trash", "delete_forever"])
def test_a_holder_that_is_gone_from_its_shop_is_retired_for_the_claimant(two, goes):
    first, second = two
    getattr(first.shop, goes)(first.id)
    run("reconcile", source=[second.source.slug])
    assert holder() == second.source.slug
    assert Variant.objects.get(source=first.source, external_id=first.id).retired_at


@pytest.mark.parametrize("read_first", [0, 1])
def test_ranks_that_change_places_hand_the_sku_over(two, read_first):
    first, second = two
    Source.objects.filter(pk=second.source.pk).update(rank=1)
    run("reconcile", source=[two[read_first].source.slug], yes=True)
    run("reconcile", source=[two[1 - read_first].source.slug], yes=True)
    assert holder() == second.source.slug
    assert (refused(first), refused(second)) == (["duplicate_sku"], [])
    before = picture()
    run("reconcile")
    # What was displaced is told in more words once it was read itself.
    assert set(moved(before, picture())) <= {"quarantinedrecord"}


def test_a_holder_whose_shop_is_down_keeps_its_sku(two):
    first, second = two
    first.shop.rename_sku(first.id, "ANOTHER-1")
    first.shop.faults.set("down")
    said = run("reconcile", source=[second.source.slug])
    assert said.code == 0
    assert holder() == first.source.slug
    assert refused(second) == ["duplicate_sku"]
    first.shop.faults.clear()
    run("reconcile")
    assert holder() == second.source.slug or refused(second) == ["duplicate_sku"]
    run("reconcile")
    assert holder() == second.source.slug


def test_a_prefix_keeps_two_shops_apart(two):
    first, second = two
    Source.objects.filter(pk=second.source.pk).update(sku_prefix="B-")
    run("reconcile")
    assert holder() == first.source.slug
    assert Variant.objects.filter(source=second.source, sku=f"B-{SKU}").exists()
    assert refused(second) == []


def test_of_two_products_of_one_shop_the_older_keeps_it(two):
    first, _ = two
    newer = first.shop.add_simple("LATER", name="Later", price="5.00")
    first.shop.change_silently(newer, sku=SKU)
    run("reconcile")
    assert Variant.objects.get(sku=SKU, retired_at=None).external_id == str(first.id)
    first.shop.delete_forever(first.id)
    run("reconcile", source=[first.source.slug])
    assert Variant.objects.get(sku=SKU, retired_at=None).external_id == str(newer)
