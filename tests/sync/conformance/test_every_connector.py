"""What every connector must stand: one suite, run over a small shop of each kind.

A new kind is a module, a page in docs/sources, a stage here, and this suite passing.
"""

from collections.abc import Callable
from contextlib import closing
from decimal import Decimal

import pytest
from graphql import OperationType, parse

from catalog_mirror.models import QuarantinedRecord, Revision, Source, Variant
from sync import http, sweep
from sync.connections import connector_for
from sync.connectors import Named, ids_of
from sync.models import Connection, SweepRun
from sync.sweep import Manner, SweepStopped
from tests.sync.conformance.conftest import PAGE, full, held
from tests.sync.conftest import moved, picture, run

# -- how many ------------------------------------------------------------------------------------


def test_an_empty_shop_that_was_always_empty_is_read(shop):
    said = shop.read()
    assert (said.code, held()) == (0, {})
    assert SweepRun.objects.get().status == "complete"


def test_a_shop_that_was_full_and_lists_nothing_is_a_fault(shop):
    ids = full(shop)
    before = picture()
    for each in ids:
        shop.stage.delete(each)
    said = shop.read()
    assert (said.code, moved(before, picture())) == (1, {})
    assert said.error.startswith("stage: The shop lists no products at all, while the mirror has 3")


def test_one_product_is_mirrored_as_it_is(shop):
    one = shop.stage.add("MUG-11", price="14.99", stock=7)
    assert shop.read().code == 0
    assert held() == {one: ("MUG-11", Decimal("14.9900"), 7, True)}
    row = Variant.objects.get()
    assert (row.stock_status, row.sale_price, row.currency) == ("in_stock", None, "USD")


@pytest.mark.parametrize("count", [PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 2 * PAGE + 1])
def test_each_is_read_once_whatever_the_pages(shop, count):
    ids = full(shop, count)
    assert held() == {
        each: (f"SKU-{number}", Decimal("10.0000"), 5, True) for number, each in enumerate(ids)
    }
    last = SweepRun.objects.get()
    assert (last.seen, last.created, last.retired) == (count, count, 0)


def test_reading_it_again_takes_no_revision(shop):
    full(shop, PAGE + 1)
    before = (picture(), Revision.objects.count())
    assert shop.read().code == 0
    assert (picture(), Revision.objects.count()) == before


# -- odd data ------------------------------------------------------------------------------------

ODD = {
    "no SKU": ({"sku": ""}, "sku_missing"),
    "blank SKU": ({"sku": "  "}, "sku_missing"),
    "a NUL in its name": ({"name": "Mug \0 11"}, "nul_character"),
    "a price below zero": ({"price": "-1.00"}, "price_negative"),
    "a SKU of 150 characters": ({"sku": "S" * 150}, "sku_too_long"),
    "a line break in its SKU": ({"sku": "MUG\n11"}, "sku_unprintable"),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_odd_is_quarantined_and_the_rest_goes_on(shop, odd):
    says, reason = ODD[odd]
    first, bad, last = shop.stage.add("A"), shop.stage.add("B"), shop.stage.add("C")
    shop.stage.change(bad, **says)
    assert shop.read().code == 0
    assert set(held()) == {first, last}
    [found] = QuarantinedRecord.objects.values_list("external_id", "reason")
    assert found == (bad, reason)


def test_what_turns_odd_keeps_its_last_good_values_until_it_is_mended(shop):
    [one, *_] = full(shop)
    shop.stage.change(one, price="-1.00", stock=1)
    shop.read()
    assert held()[one] == ("SKU-0", Decimal("10.0000"), 5, True)
    shop.stage.change(one, price="11.00", stock=1)
    shop.read()
    assert held()[one] == ("SKU-0", Decimal("11.0000"), 1, True)
    assert QuarantinedRecord.objects.count() == 0


def test_texts_of_any_language_and_markup_stay_as_they_are(shop):
    one = shop.stage.add("ÅÄÖ-茶", name='Mug <b>"11"</b> & ☕')
    assert shop.read().code == 0
    document = Variant.objects.get(external_id=one).variantdocument.body
    assert "ÅÄÖ-茶" in document
    assert '<b>\\"11\\"</b> & ☕' in document


# -- what becomes of goods -----------------------------------------------------------------------


def test_every_facet_follows_the_shop(shop):
    one, two, three = full(shop)
    shop.stage.change(one, price="12.50")
    shop.stage.change(two, stock=0)
    shop.stage.change(three, published=False)
    assert shop.read().code == 0
    assert held() == {
        one: ("SKU-0", Decimal("12.5000"), 5, True),
        two: ("SKU-1", Decimal("10.0000"), 0, True),
        three: ("SKU-2", Decimal("10.0000"), 5, False),
    }
    assert Variant.objects.get(external_id=two).stock_status == "out_of_stock"


def test_what_is_deleted_is_retired_and_its_sku_is_free(shop):
    one, two, three = full(shop)
    shop.stage.delete(two)
    assert shop.read().code == 0
    assert set(held()) == {one, three}
    again = shop.stage.add("SKU-1")
    assert shop.read().code == 0
    # It comes back as the same variant, so that contract prices hold.
    assert held()[again][0] == "SKU-1"
    assert Variant.objects.filter(sku="SKU-1").count() == 1


def test_what_is_renamed_stays_the_same_variant(shop):
    [one, *_] = full(shop)
    pk = Variant.objects.get(external_id=one).pk
    shop.stage.change(one, sku="NEW-NAME")
    shop.read()
    row = Variant.objects.get(external_id=one)
    assert (row.pk, row.sku, row.retired_at) == (pk, "NEW-NAME", None)


def test_two_that_swap_their_skus_both_live_on(shop):
    one, two, _ = full(shop)
    shop.stage.change(one, sku="SKU-1")
    shop.stage.change(two, sku="SKU-0")
    assert shop.read().code == 0
    assert (held()[one][0], held()[two][0]) == ("SKU-1", "SKU-0")
    assert QuarantinedRecord.objects.count() == 0


def test_of_two_with_one_sku_the_lower_id_keeps_it(shop):
    one, two, three = full(shop)
    shop.stage.change(three, sku="SKU-0")
    assert shop.read().code == 0
    # The other keeps what it was last known by.
    assert {i: row[0] for i, row in held().items()} == {one: "SKU-0", two: "SKU-1", three: "SKU-2"}
    [found] = QuarantinedRecord.objects.values_list("external_id", "reason")
    assert found == (three, "duplicate_sku")


# -- pages that move while they are read ---------------------------------------------------------


def test_what_vanishes_between_two_pages_hides_nobody(shop):
    ids = full(shop, 4 * PAGE)
    going = iter(ids[:2])
    shop.stage.meanwhile(_once_each(lambda number: shop.stage.delete(next(going)), {2, 3}))
    assert shop.read().code == 0
    shop.stage.meanwhile(lambda number: None)
    assert set(held()) >= set(ids[2:])
    assert shop.read().code == 0
    assert set(held()) == set(ids[2:])


def test_what_appears_between_two_pages_is_read_then_or_next_time(shop):
    ids = full(shop, 2 * PAGE)
    added = []
    shop.stage.meanwhile(_once_each(lambda number: added.append(shop.stage.add("LATE")), {2}))
    assert shop.read().code == 0
    assert set(held()) >= set(ids)
    shop.read()
    assert set(held()) == {*ids, *added}


def _once_each(act: Callable[[int], object], numbers: set[int]) -> Callable[[int], None]:
    left = set(numbers)

    def before(number: int) -> None:
        if number in left:
            left.discard(number)
            act(number)

    return before


# -- shops that fail -----------------------------------------------------------------------------

FAULTS = {
    "down": ({}, "The shop cannot be reached (the connection broke)."),
    "slow": ({"seconds": 30.0}, "The shop did not finish an answer within 0.3 seconds."),
    "unauthorized": ({}, "The shop refuses the key (status 401)."),
    "throttled": ({}, "The shop keeps asking for fewer requests (status 429)."),
    "failing": ({}, "The shop answers with an error of its own (status 503)."),
    "half": ({}, None),
    "html": ({}, None),
    "cut": ({}, "The shop cannot be reached (the connection broke in the middle of an answer)."),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_shop_that_fails_changes_nothing_and_says_so_in_one_line(shop, fault, monkeypatch):
    options, line = FAULTS[fault]
    one, two, _ = full(shop)
    shop.stage.change(one, price="77.00")
    shop.stage.delete(two)
    before = picture()
    shop.stage.faults.set(fault, **options)
    with monkeypatch.context() as patch:
        if fault == "slow":
            patch.setattr(http, "DEADLINE", 0.3)
        said = shop.read()
    shop.stage.faults.clear()
    assert (said.code, moved(before, picture())) == (1, {})
    assert said.error.startswith(f"stage: {line or shop.stage.nonsense}")
    assert len(said.error.splitlines()) == 1
    assert Connection.objects.get().stale_since is not None
    assert shop.read().code == 0
    assert Connection.objects.get().stale_since is None
    assert held()[one][1] == Decimal("77.0000")


@pytest.mark.parametrize("fault", [each for each in FAULTS if each not in {"slow", "unauthorized"}])
@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_shop_that_fails_half_way_retires_nobody(shop, fault, after):
    ids = full(shop, 3 * PAGE)
    shop.stage.faults.set(fault, after=after)
    assert shop.read().code == 1
    shop.stage.faults.clear()
    assert set(held()) == set(ids)


@pytest.mark.parametrize("fault", ["down", "throttled", "failing", "cut"])
def test_a_shop_that_fails_twice_and_recovers_is_read(shop, fault):
    ids = full(shop)
    shop.stage.faults.set(fault, times=2)
    assert shop.read().code == 0
    assert set(held()) == set(ids)


def test_a_refused_key_is_named_when_a_source_is_added_and_keeps_nothing(shop, tmp_path):
    shop.stage.faults.set("unauthorized")
    said = run(
        "add_source", "other", kind=shop.stage.kind, url=shop.url, **shop.stage.options(tmp_path)
    )
    assert said.code == 1
    assert said.error.startswith("The shop refuses the key (status 401). Make a read-only key")
    assert Source.objects.count() == Connection.objects.count() == 1


def test_an_answer_without_end_is_cut_off(shop, monkeypatch):
    full(shop, 2 * PAGE)
    before = picture()
    monkeypatch.setattr(http, "LARGEST", 100)
    said = shop.read()
    assert (said.code, moved(before, picture())) == (1, {})
    assert "sent an answer of more than" in said.error


@pytest.mark.slow
def test_a_shop_of_thousands_is_read_in_small_parts(shop, monkeypatch):
    """So many are never held at once, and what is missing costs a request of its own at most."""
    shop.stage.small_pages(monkeypatch, 100)
    ids = [shop.stage.add(f"SKU-{number}") for number in range(2_000)]
    with closing(connector_for(shop.source)) as connector:
        sizes = [sum(len(ids_of(r)) for r in b.records) for b in connector.everything()]
    assert (sum(sizes), max(sizes) <= 200) == (2_000, True)
    assert shop.read().code == 0
    assert len(held()) == 2_000
    missing = ids[::20]
    for each in missing:
        shop.stage.delete(each)
    before = len(shop.stage.asked)
    assert shop.read().code == 0
    assert set(held()) == set(ids) - set(missing)
    pages = 2_000 // (PAGE if shop.stage.kind == "feed" else 100)
    assert len(shop.stage.asked) - before <= 3 * pages + len(missing) + 20


def test_a_redirect_is_not_followed(shop):
    full(shop)
    before = picture()
    shop.stage.faults.set("failing", status=302)
    said = shop.read()
    assert (said.code, moved(before, picture())) == (1, {})
    assert "Redirects are not followed" in said.error


def test_a_404_for_everything_retires_nobody(shop):
    ids = full(shop)
    shop.stage.faults.set("failing", status=404)
    assert shop.read().code == 1
    assert set(held()) == set(ids)


# -- what is named -------------------------------------------------------------------------------


def test_what_is_named_is_read_as_a_sweep_reads_it(shop):
    ids = full(shop, PAGE + 2)
    rows = Variant.objects.order_by("pk").values_list("product__external_id", "external_id")
    names = [Named(*row) for row in rows]
    with closing(connector_for(shop.source)) as connector:
        connector.categories()
        whole = {i: r for b in connector.everything() for r in b.records for i in ids_of(r)}
        fetched = connector.fetch(names)
        again = connector.fetch([], families=[name.product_external_id for name in names])
    assert fetched.gone == []
    assert {i: r for r in fetched.records for i in ids_of(r)} == whole
    assert {i: r for r in again.records for i in ids_of(r)} == whole
    assert set(whole) == set(ids)


def test_what_the_shop_does_not_know_is_gone_and_nothing_else(shop):
    one, two, _ = full(shop)
    rows = Variant.objects.filter(external_id__in=[one, two])
    names = [Named(*row) for row in rows.values_list("product__external_id", "external_id")]
    shop.stage.delete(one)
    with closing(connector_for(shop.source)) as connector:
        fetched = connector.fetch(names)
        unknown = connector.fetch([], families=["999999"])
    assert (fetched.gone, [i for r in fetched.records for i in ids_of(r)]) == ([one], [two])
    assert (unknown.gone, unknown.records) == ([], [])


def test_a_sweep_that_is_stopped_at_every_chunk_ends_as_one_that_was_not(shop, monkeypatch):
    monkeypatch.setattr(sweep, "CHUNK", PAGE)
    ids = [shop.stage.add(f"SKU-{number}") for number in range(4 * PAGE)]
    for pieces in range(1, 40):
        left = iter(range(1))
        manner = Manner(is_to_stop=lambda left=left: next(left, None) is None)
        try:
            sweep.sweep(shop.source, manner=manner, resume=pieces > 1)
        except SweepStopped:
            continue
        break
    assert set(held()) == set(ids)
    last = SweepRun.objects.latest("pk")
    assert (last.status, last.position) == ("complete", None)


def test_nothing_is_ever_written_to_a_shop(shop):
    full(shop, PAGE + 1)
    run("check_source", "stage")
    if shop.stage.kind == "shopify":
        definitions = [d for each in shop.stage.shop.documents for d in parse(each).definitions]
        sent = {s.name.value for d in definitions if d.operation != OperationType.QUERY
                for s in d.selection_set.selections}  # fmt: skip
        assert sent == {"bulkOperationRunQuery"}
    assert set(shop.stage.methods) == ({"POST", "GET"} if shop.stage.kind == "shopify" else {"GET"})
