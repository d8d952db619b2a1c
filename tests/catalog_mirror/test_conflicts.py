"""Two variants, one SKU: who keeps it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog_mirror.conflicts import Claim, settle
from catalog_mirror.models import Variant
from tests.factories import SourceFactory, a_product, a_variant, mirrored, newest_revision, now


@pytest.fixture
def shop(database):
    return SourceFactory(slug="shop", rank=1)


@pytest.fixture
def other(database):
    return SourceFactory(slug="other", rank=2)


def carriers() -> dict[str, tuple[str, str]]:
    rows = Variant.objects.filter(retired_at=None).select_related("source")
    return {row.sku: (row.source.slug, row.external_id) for row in rows}


def reasons(source) -> dict[str, str]:
    return dict(source.quarantinedrecord_set.values_list("external_id", "reason"))


def of(external_id: str, sku: str):
    return a_product(f"p{external_id}", a_variant(external_id, sku=sku))


# -- in the mirror -----------------------------------------------------------------------------


def test_a_holder_that_was_not_read_since_is_named_and_nothing_is_written(shop):
    at = now()
    mirrored(shop, of("1", "A"), at=at)
    applied = mirrored(shop, of("2", "A"), at=at + timedelta(seconds=1))
    assert {i: c.external_id for i, c in applied.unread_holders.items()} == {"2": "1"}
    assert (applied.revision, applied.quarantined) == (None, [])
    assert (carriers(), reasons(shop), newest_revision()) == ({"A": ("shop", "1")}, {}, 1)


def test_a_re_import_resolves_once_the_holder_was_read_too(shop):
    mirrored(shop, of("1", "A"))
    applied = mirrored(shop, of("2", "A"), of("1", "A-OLD"))
    assert (applied.unread_holders, applied.quarantined) == ({}, [])
    assert carriers() == {"A": ("shop", "2"), "A-OLD": ("shop", "1")}


def test_two_skus_swap_in_one_apply(shop):
    mirrored(shop, of("1", "A"), of("2", "B"))
    ids = dict(Variant.objects.values_list("external_id", "pk"))
    mirrored(shop, of("1", "B"), of("2", "A"))
    assert carriers() == {"A": ("shop", "2"), "B": ("shop", "1")}
    assert dict(Variant.objects.values_list("external_id", "pk")) == ids
    assert newest_revision() == 2


def test_a_chain_of_three_moves_on_in_one_apply(shop):
    mirrored(shop, of("1", "A"), of("2", "B"), of("3", "C"))
    mirrored(shop, of("1", "B"), of("2", "C"), of("3", "D"))
    assert carriers() == {"B": ("shop", "1"), "C": ("shop", "2"), "D": ("shop", "3")}


def test_a_chain_of_three_that_is_read_link_by_link_retires_nobody(shop):
    """While 2 waits for 3 it still holds B; 1, which comes first, must wait with it."""
    at = now()
    mirrored(shop, of("1", "A"), of("2", "B"), of("3", "C"), at=at)
    later = at + timedelta(seconds=1)
    first = mirrored(shop, of("1", "B"), at=later)
    assert {i: c.external_id for i, c in first.unread_holders.items()} == {"1": "2"}
    second = mirrored(shop, of("1", "B"), of("2", "C"), at=later)
    assert {i: c.external_id for i, c in second.unread_holders.items()} == {"1": "3", "2": "3"}
    assert carriers() == {"A": ("shop", "1"), "B": ("shop", "2"), "C": ("shop", "3")}
    mirrored(shop, of("1", "B"), of("2", "C"), of("3", "D"), at=later)
    assert carriers() == {"B": ("shop", "1"), "C": ("shop", "2"), "D": ("shop", "3")}


def test_a_true_duplicate_goes_to_the_lowest_external_id(shop):
    applied = mirrored(shop, of("100", "A"), of("99", "A"))
    assert carriers() == {"A": ("shop", "99")}
    assert reasons(shop) == {"100": "duplicate_sku"}
    assert [each.external_id for each in applied.quarantined] == ["100"]


def test_a_true_duplicate_goes_to_the_lowest_rank(shop, other):
    """A holder of a source that comes first keeps its SKU; read just now, it counts as read."""
    at = now() + timedelta(seconds=5)
    mirrored(shop, of("900", "A"), at=at)
    applied = mirrored(other, of("1", "A"), at=at)
    assert carriers() == {"A": ("shop", "900")}
    assert (reasons(shop), reasons(other)) == ({}, {"1": "duplicate_sku"})
    assert "Record 900 of shop carries this SKU" in applied.quarantined[0].detail


def test_a_holder_that_comes_later_is_displaced(shop, other):
    at = now()
    mirrored(other, of("1", "A"), at=at + timedelta(seconds=5))
    mirrored(shop, of("900", "A"), at=at)
    assert carriers() == {"A": ("shop", "900")}
    assert (reasons(shop), reasons(other)) == ({}, {"1": "duplicate_sku"})
    displaced = Variant.objects.get(source=other)
    assert displaced.retired_at == at
    assert not displaced.is_published


def test_a_displaced_holder_that_was_read_too_stays_in_quarantine(shop):
    mirrored(shop, of("2", "A"))
    applied = mirrored(shop, of("1", "A"), of("2", "A"))
    assert carriers() == {"A": ("shop", "1")}
    assert reasons(shop) == {"2": "duplicate_sku"}
    assert [each.external_id for each in applied.quarantined] == ["2"]


def test_a_displaced_variant_comes_back_once_it_has_a_sku_of_its_own(shop, other):
    at = now()
    mirrored(other, of("1", "A"), at=at + timedelta(seconds=5))
    mirrored(shop, of("900", "A"), at=at)
    pk = Variant.objects.get(source=other).pk
    mirrored(other, of("1", "B"), at=at + timedelta(seconds=6))
    assert carriers() == {"A": ("shop", "900"), "B": ("other", "1")}
    assert Variant.objects.get(source=other).pk == pk
    assert reasons(other) == {}


def test_a_loser_keeps_the_sku_it_had_and_its_last_good_values(shop):
    mirrored(shop, of("1", "A"), of("2", "B"))
    applied = mirrored(shop, of("1", "A"), a_product("p2", a_variant("2", sku="A", on_hand=1)))
    assert carriers() == {"A": ("shop", "1"), "B": ("shop", "2")}
    assert Variant.objects.get(external_id="2").stock_on_hand == 5
    assert reasons(shop) == {"2": "duplicate_sku"}
    assert applied.revision is None


def test_a_duplicate_that_gives_way_leaves_quarantine(shop):
    mirrored(shop, of("1", "A"), of("2", "A"))
    mirrored(shop, of("1", "A"), of("2", "B"))
    assert (carriers(), reasons(shop)) == ({"A": ("shop", "1"), "B": ("shop", "2")}, {})


# -- pure --------------------------------------------------------------------------------------


def claim(external_id: str, sku: str, **says) -> Claim:
    says = {"source_slug": "shop", "rank": 1} | says
    return Claim(external_id=external_id, product_external_id="p", sku=sku, **says)


def holder(external_id: str, sku: str, **says) -> Claim:
    return claim(external_id, sku, is_holder=True, **says)


def test_uncontested_newcomers_are_accepted():
    newcomers = [claim("1", "A"), claim("2", "B")]
    settled = settle(newcomers, [])
    assert settled.accepted == set(newcomers)
    assert (settled.displaced, settled.duplicates, settled.unread) == ({}, {}, {})


def test_precedence_is_rank_then_the_shorter_id_then_the_lower():
    claims = [
        claim("2", "A", rank=0, source_slug="first"),
        claim("1", "A"),
        claim("99", "A"),
        claim("100", "A"),
        claim("101", "A"),
    ]
    settled = settle(claims[::-1], [])
    assert settled.accepted == {claims[0]}
    assert settled.duplicates == dict.fromkeys(claims[1:], claims[0])


def test_an_unread_holder_makes_every_claimant_wait():
    unread = holder("9", "A", is_fresh=False)
    first, second = claim("1", "A"), claim("2", "A")
    settled = settle([first, second], [unread])
    assert settled.unread == {first: unread, second: unread}
    assert settled.accepted == set()


def test_a_loser_s_own_sku_is_not_free():
    """2 wants A and loses; so 3, which wants what 2 has, may not have it either."""
    first, two, three = claim("1", "A"), claim("2", "A"), claim("3", "B")
    has_b = holder("2", "B")
    settled = settle([first, two, three], [has_b])
    assert settled.accepted == {first}
    assert settled.duplicates == {two: first, three: has_b}


@st.composite
def worlds(draw):
    """Return newcomers and holders as `mirror` would name them: SKUs are unique among holders."""
    skus = st.sampled_from("ABCDE")
    variants = [(slug, rank, str(i)) for slug, rank in (("s", 1), ("t", 2)) for i in range(1, 5)]
    held = draw(st.lists(st.tuples(st.sampled_from(variants), skus), max_size=5,
                         unique_by=(lambda pair: pair[0], lambda pair: pair[1])))  # fmt: skip
    wanted = draw(
        st.lists(
            st.tuples(st.sampled_from(variants), skus),
            min_size=1,
            max_size=6,
            unique_by=lambda pair: pair[0],
        )
    )
    moving = {who for who, _ in wanted}
    newcomers = [claim(who[2], sku, source_slug=who[0], rank=who[1]) for who, sku in wanted]
    holders = [
        holder(
            who[2],
            sku,
            source_slug=who[0],
            rank=who[1],
            is_fresh=who in moving or draw(st.booleans()),
        )
        for who, sku in held
    ]
    return newcomers, holders


@given(worlds())
@settings(max_examples=500, deadline=None)
def test_no_sku_is_ever_claimed_twice_and_nobody_is_forgotten(world):
    newcomers, holders = world
    settled = settle(newcomers, holders)
    moved = {each.variant for each in settled.accepted}
    staying = [c for c in holders if c.variant not in moved and c not in settled.displaced]
    skus = [c.sku for c in (*settled.accepted, *staying)]
    assert len(skus) == len(set(skus))
    piles = [settled.accepted, set(settled.duplicates), set(settled.unread)]
    assert set().union(*piles) == set(newcomers)
    assert sum(map(len, piles)) == len(newcomers)
    assert set(settled.displaced) <= set(holders)
    assert all(c.is_fresh for c in settled.displaced), "an unread holder is read before it goes"
    for loser, winner in {**settled.displaced, **settled.duplicates}.items():
        assert winner.sku == loser.sku
        assert winner.precedence < loser.precedence
    waiting = {each.variant for each in settled.unread}
    assert not waiting & {each.variant for each in settled.displaced}, "who waits is not retired"
    assert all(not each.is_fresh for each in settled.unread.values())


def test_a_displaced_holder_that_moved_in_price_too_is_only_retired(database):
    source = SourceFactory()
    mirrored(source, a_product("p20", a_variant("20", sku="A", list_price=Decimal(10))))
    applied = mirrored(
        source,
        a_product("p10", a_variant("10", sku="A")),
        a_product("p20", a_variant("20", sku="A", list_price=Decimal(12))),
    )
    assert [(q.external_id, q.reason) for q in applied.quarantined] == [("20", "duplicate_sku")]
    assert list(Variant.objects.filter(retired_at=None).values_list("external_id", "sku")) == [
        ("10", "A")
    ]
    assert Variant.objects.get(external_id="20").list_price == Decimal(10)
