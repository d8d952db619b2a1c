"""What leaves a source's published set stops at the brake, by whatever path, until a person lets it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from django.db import connection

from catalog_mirror import brake, mirror
from catalog_mirror.brake import NothingToRelease, allowance
from catalog_mirror.models import (
    BrakeRelease,
    HeldChange,
    QuarantinedRecord,
    Variant,
    VariantDocument,
)
from groundwork.models import Alarm, AuditEntry
from tests.factories import SourceFactory, a_product, a_variant, mirrored, newest_revision, now

MANY = 30


@pytest.fixture
def shop(database):
    """A shop of thirty variants, of which twenty may leave in a day."""
    shop = SourceFactory(slug="shop")
    mirrored(shop, *products(range(MANY)))
    return shop


def products(numbers, **says):
    return [a_product(f"p{n}", a_variant(str(n), **says)) for n in numbers]


def hidden(numbers):
    return products(numbers, is_published=False)


def retire(shop, numbers):
    return mirror.retire(shop, [str(n) for n in numbers], observed_at=now(), origin="test")


def published(shop) -> int:
    return Variant.objects.filter(source=shop, is_published=True).count()


def held() -> list[tuple[str, str]]:
    return sorted(HeldChange.objects.values_list("external_id", "change"), key=lambda h: int(h[0]))


@pytest.mark.parametrize("leave", [retire, lambda shop, numbers: mirrored(shop, *hidden(numbers))])
def test_twenty_leave_and_the_others_are_served_as_they_were(shop, leave):
    before = list(Variant.objects.order_by("pk").values()[20:])
    applied = leave(shop, range(MANY))
    assert (published(shop), len(applied.held), len(applied.differences)) == (10, 10, 20)
    assert list(Variant.objects.order_by("pk").values()[20:]) == before
    assert [each.external_id for each in applied.held] == [str(n) for n in range(20, 30)]
    assert Alarm.objects.get(closed_at=None).code == "brake_holds"
    assert Alarm.objects.get().message.startswith("10 variants of Shop are held back")


def test_how_many_may_leave_is_asked_once_however_many_would(shop, monkeypatch):
    """Under the writers' lock: a look for each would outlast the write in a large shop."""
    asked = []
    look = mirror.brake.allowance
    monkeypatch.setattr(mirror.brake, "allowance", lambda pk: asked.append(pk) or look(pk))
    assert len(mirrored(shop, *hidden(range(MANY))).held) == 10
    assert asked == [shop.pk]


def test_of_a_large_set_a_tenth_may_leave(database):
    shop = SourceFactory(slug="shop")
    mirrored(shop, *products(range(300)))
    assert allowance(shop.pk) == 30
    assert len(retire(shop, range(40)).held) == 10
    assert (published(shop), allowance(shop.pk)) == (270, 0)


def test_what_is_held_is_served_whole_and_the_rest_of_the_records_goes_on(shop):
    retire(shop, range(20))
    other = a_product("p29", a_variant("29", name="Renamed", on_hand=77))
    gone = a_product("p28", a_variant("28", is_published=False, name="Else", on_hand=0))
    applied = mirrored(shop, gone, other)
    assert [each.external_id for each in applied.held] == ["28"]
    kept, moved = (Variant.objects.get(external_id=i) for i in ("28", "29"))
    assert (kept.is_published, kept.stock_on_hand, moved.stock_on_hand) == (True, 5, 77)
    assert '"Thing 28"' in VariantDocument.objects.get(variant=kept).body


def test_where_all_is_held_no_revision_is_taken(shop):
    retire(shop, range(20))
    before = newest_revision()
    assert retire(shop, [25]).revision is None
    assert mirrored(shop, *hidden([26])).revision is None
    assert newest_revision() == before
    assert held() == [("25", "retired"), ("26", "unpublished")]


def test_paths_count_together(shop):
    retire(shop, range(12))
    assert len(mirrored(shop, *hidden(range(12, 24))).held) == 4
    assert published(shop) == 10


def test_what_came_back_counts_no_more(shop):
    retire(shop, range(20))
    mirrored(shop, *products(range(5)))
    assert allowance(shop.pk) == 5
    mirrored(shop, a_product("new", a_variant("1000", sku="SKU-7")))  # a re-import revives
    assert allowance(shop.pk) == 6


def test_coming_and_going_counts_once(shop):
    for _ in range(12):
        mirrored(shop, *hidden([1]))
        mirrored(shop, *products([1]))
    assert allowance(shop.pk) == 20
    mirrored(shop, *hidden([1]))
    assert allowance(shop.pk) == 19


def test_renamed_skus_and_prices_leave_nothing(shop):
    renamed = [
        a_product(f"p{n}", a_variant(str(n), sku=f"NEW-{n}", list_price=Decimal(n)))
        for n in range(30)
    ]
    assert mirrored(shop, *renamed).held == []
    assert allowance(shop.pk) == 20


def test_a_price_that_moves_before_a_variant_leaves_counts_it_once(shop):
    mirrored(shop, *products([1], list_price=Decimal(77)))
    retire(shop, [1])
    assert allowance(shop.pk) == 19


def test_what_was_never_published_leaves_freely(database):
    shop = SourceFactory(slug="shop")
    mirrored(shop, *hidden(range(MANY)))
    assert retire(shop, range(MANY)).held == []


def test_a_day_later_as_many_may_leave_again(shop, clock):
    retire(shop, range(20))
    clock.move(timedelta(hours=23))
    assert allowance(shop.pk) == 0
    clock.move(timedelta(hours=2))
    assert allowance(shop.pk) == 20


def test_another_sources_variants_do_not_count(shop):
    other = SourceFactory(slug="other")
    mirrored(other, *[a_product(f"q{n}", a_variant(str(n), sku=f"O-{n}")) for n in range(MANY)])
    retire(shop, range(20))
    assert allowance(other.pk) == 20


def test_a_variant_that_waits_for_the_sku_of_one_that_stays_waits(shop):
    retire(shop, range(20))
    swap = [
        a_product("p21", a_variant("21", sku="SKU-22")),
        a_product("p22", a_variant("22", sku="SKU-23")),
        a_product("p23", a_variant("23", sku="GONE", is_published=False)),
        a_product("p24", a_variant("24", sku="FREE")),
    ]
    applied = mirrored(shop, *swap)
    assert held() == [("21", "waiting"), ("22", "waiting"), ("23", "unpublished")]
    skus = dict(Variant.objects.values_list("external_id", "sku"))
    assert [skus[str(n)] for n in (21, 22, 23, 24)] == ["SKU-21", "SKU-22", "SKU-23", "FREE"]
    assert applied.revision is not None


def test_displaced_holders_count_for_their_own_source(shop):
    better = SourceFactory(slug="better", rank=1)
    rivals = [a_product(f"b{n}", a_variant(f"9{n}", sku=f"SKU-{n}")) for n in range(MANY)]
    at = now()
    mirrored(shop, *products(range(MANY)), at=at + timedelta(seconds=1))
    applied = mirrored(better, *rivals, at=at)
    assert (published(shop), published(better)) == (10, 20)
    assert sorted({(h.source_slug, h.change) for h in applied.held}) == [
        ("better", "waiting"),
        ("shop", "displaced"),
    ]
    assert QuarantinedRecord.objects.filter(source=shop).count() == 20
    assert {alarm.subject for alarm in Alarm.objects.filter(closed_at=None)} == {"shop"}


def test_what_another_source_wants_stays_held_whatever_the_own_shop_says(shop):
    better = SourceFactory(slug="better", rank=1)
    retire(shop, range(20))
    at = now()
    mirrored(shop, *products([25]), at=at + timedelta(seconds=1))
    mirrored(better, a_product("b", a_variant("b", sku="SKU-25")), at=at)
    mirrored(shop, *products([25]))
    brake.forget_unmet(shop, since=now())
    assert HeldChange.objects.filter(source=shop, change="displaced").count() == 1
    brake.forget_unmet(better, since=now())
    assert HeldChange.objects.count() == 0
    assert Alarm.objects.get().closed_at is not None


def test_a_replaced_sku_may_go_because_it_comes_back(shop):
    retire(shop, range(20))
    applied = mirror.retire(
        shop, ["25", "26"], observed_at=now(), origin="test", replaced={"SKU-25"}
    )
    assert [d.external_id for d in applied.differences] == ["25"]
    assert [each.external_id for each in applied.held] == ["26"]


def test_a_release_lets_that_many_pass_and_no_more(shop):
    retire(shop, range(MANY))
    assert brake.release(shop, actor="Ann") == 10
    with pytest.raises(NothingToRelease, match="may pass: the next reading applies it"):
        brake.release(shop, actor="Ben")
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.subject, entry.after["variants"]) == (
        "Ann", "release_brake", "shop", 10
    )  # fmt: skip
    assert retire(shop, range(20, 30)).held == []
    assert published(shop) == 0
    assert HeldChange.objects.count() == 0
    assert Alarm.objects.get().closed_at is not None


def test_a_release_may_be_of_fewer(shop):
    retire(shop, range(MANY))
    assert brake.release(shop, actor="Ann", most=3) == 3
    retire(shop, range(MANY))
    assert (published(shop), BrakeRelease.objects.get().variants) == (7, 3)


def test_a_release_that_is_not_used_expires(shop, clock):
    retire(shop, range(MANY))
    brake.release(shop, actor="Ann")
    clock.move(timedelta(hours=24, seconds=1))
    assert allowance(shop.pk) == 20  # of the new day; the release is gone


def test_nothing_is_released_where_nothing_is_held(shop):
    with pytest.raises(NothingToRelease, match="holds nothing of shop"):
        brake.release(shop, actor="Ann")
    assert (BrakeRelease.objects.count(), AuditEntry.objects.count()) == (0, 0)


def test_what_the_shop_takes_back_is_held_no_more(shop):
    retire(shop, range(MANY))
    mirrored(shop, *products(range(MANY)))
    assert HeldChange.objects.count() == 0
    assert Alarm.objects.get().closed_at is not None


def test_a_dry_run_holds_and_alarms_nothing(shop):
    applied = mirror.apply(
        shop, hidden(range(MANY)), observed_at=now(), origin="test", dry_run=True
    )
    assert (applied.held, HeldChange.objects.count(), Alarm.objects.count()) == ([], 0, 0)


def test_writers_at_once_let_no_more_pass_together(shop):
    start = threading.Barrier(4)

    def leaving(number: int) -> None:
        try:
            start.wait(10)
            retire(shop, range(number, MANY, 4))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(leaving, range(4)))
    assert (published(shop), HeldChange.objects.count()) == (10, 10)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_changes_at_once_the_brake_is_kept_and_no_sku_comes_twice(shop, seed, monkeypatch):
    """SKUs move around among variants that leave, stay and come, in two sources."""
    monkeypatch.setattr(brake, "LEAST", 3)
    monkeypatch.setattr(brake, "SHARE", 10)
    chance = Random(seed)  # noqa: S311 - which ones does not matter
    other = SourceFactory(slug="other", rank=1)
    for _ in range(6):
        source = chance.choice([shop, other])
        numbers = chance.sample(range(MANY), 14)
        skus = [f"SKU-{n}" for n in chance.sample(range(MANY), 14)]
        mirrored(
            source,
            *[
                a_product(f"p{n}", a_variant(str(n), sku=sku, is_published=chance.random() < 0.5))
                for n, sku in zip(numbers, skus, strict=True)
            ],
        )
        retire(source, chance.sample(range(MANY), 3))
    live = list(Variant.objects.filter(retired_at=None).values_list("sku", flat=True))
    assert len(live) == len(set(live))
    gone = Variant.objects.filter(source=shop, is_published=False).count()
    assert gone <= 3 + 3 * Variant.objects.filter(source=shop).count() // 10
