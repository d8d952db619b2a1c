"""What a sweep corrected is a row a field, with its cause where that is known."""

import json
from datetime import timedelta

import pytest

from catalog_mirror.differences import Difference
from catalog_mirror.models import Revision, Source, Variant
from groundwork.instants import database_now
from sync import connections, corrections, runs, schedule
from sync.corrections import Circumstances, bounded, cause_of
from sync.models import Connection, DriftCorrection, SweepRun
from tests.sync.conftest import run
from tests.sync.test_reconcile import simple


def logged() -> list[tuple]:
    names = ("sku", "facet", "field", "mirror_value", "source_value", "cause")
    return list(DriftCorrection.objects.order_by("pk").values_list(*names))


@pytest.fixture
def hearing(shop):
    """A shop whose webhooks were found active."""
    connections.note_webhooks(Source.objects.get(), problem="")
    return shop


def test_a_first_reading_is_counted_and_makes_no_rows(shop):
    assert SweepRun.objects.get().created == 234
    assert logged() == []


def test_each_field_is_a_row_of_its_run_and_revision(shop):
    record = simple(shop, 0)
    was = Variant.objects.get(external_id=record.id)
    shop.edit_price(record.id, "9.99")
    shop.set_stock(record.id, 777)
    run("reconcile")
    assert logged() == [
        (was.sku, "price", "list_price", str(was.list_price), "9.99", ""),
        (was.sku, "stock", "on_hand", was.stock_on_hand, 777, ""),
        (was.sku, "stock", "available", was.stock_available, 777, ""),
    ]
    assert set(DriftCorrection.objects.values_list("run", "revision", "source", "external_id")) == {
        (
            SweepRun.objects.latest("pk").pk,
            Revision.objects.latest("number").number,
            "small-1",
            str(record.id),
        )
    }


def test_without_known_webhooks_no_cause_is_claimed(shop):
    shop.edit_price(simple(shop, 0).id, "9.99")
    run("reconcile")
    assert [row[-1] for row in logged()] == [""]


def test_with_active_webhooks_one_was_missed(hearing):
    hearing.edit_price(simple(hearing, 0).id, "9.99")
    run("reconcile")
    assert [row[-1] for row in logged()] == ["missed_webhook"]


def test_what_was_edited_while_the_shop_could_not_be_read(hearing):
    hearing.edit_price(simple(hearing, 0).id, "9.99")
    hearing.faults.set("down")
    run("reconcile")
    hearing.faults.clear()
    run("reconcile")
    assert [row[-1] for row in logged()] == ["edit_while_down"]


def test_what_was_edited_while_nothing_swept(hearing, clock):
    hearing.edit_price(simple(hearing, 0).id, "9.99")
    clock.move(timedelta(hours=37))
    run("reconcile")
    assert [row[-1] for row in logged()] == ["edit_while_down"]


def test_trash_and_deletion_for_good_differ(hearing):
    trashed, deleted = simple(hearing, 0), simple(hearing, 1)
    variation = hearing.id_of("ODD-130-BLK-10")
    hearing.trash(trashed.id)
    hearing.delete_forever(deleted.id)
    hearing.delete_forever(variation)
    run("reconcile")
    assert {(row[0], *row[2:]) for row in logged()} == {
        (trashed.sku, "retired", False, True, "retired_at_source"),
        (deleted.sku, "retired", False, True, "no_event"),
        ("ODD-130-BLK-10", "retired", False, True, "no_event"),
    }


def test_a_category_that_was_renamed_sends_no_event_and_one_that_was_changed_does(hearing):
    record = simple(hearing, 0)
    hearing.rename_category(record.category_ids[0], "Renamed")
    run("reconcile")
    assert {(row[2], row[-1]) for row in logged()} == {("categories", "no_event")}
    DriftCorrection.objects.all().delete()
    other = next(i for i in hearing.store.catalogue.categories if i not in record.category_ids)
    hearing.change_silently(record.id, category_ids=(other,))
    run("reconcile")
    assert {(row[2], row[-1]) for row in logged()} == {("categories", "missed_webhook")}


def test_stock_that_a_product_manages_for_its_variations_sends_no_event(hearing):
    products = hearing.store.catalogue.products.values()
    parent = next(
        p for p in products if p.type == "variable" and p.manages_stock is True and p.variation_ids
    )
    hearing.change_silently(parent.id, stock_quantity=4321)
    run("reconcile")
    causes = {(row[1], row[-1]) for row in logged()}
    assert causes == {("stock", "no_event")}


def test_a_new_product_after_the_first_reading_is_a_correction(hearing):
    hearing.add_simple("BRAND-NEW", name="Brand new", price="5.00")
    run("reconcile")
    assert logged() == [("BRAND-NEW", "content", "created", None, "BRAND-NEW", "missed_webhook")]


def test_a_dry_run_and_a_failed_writing_log_nothing(hearing, monkeypatch):
    hearing.edit_price(simple(hearing, 0).id, "9.99")
    run("reconcile", dry_run=True)
    assert logged() == []


def test_a_row_is_kept_or_lost_with_its_correction(hearing, monkeypatch):
    """What fails after the note, inside the transaction, takes the note back too."""
    hearing.edit_price(simple(hearing, 0).id, "9.99")
    write = corrections.Corrections._write

    def failing(*args, **named):
        write(*args, **named)
        raise ZeroDivisionError

    before = Revision.objects.latest("number").number
    monkeypatch.setattr(corrections.Corrections, "_write", failing)
    with pytest.raises(ZeroDivisionError):
        run("reconcile")
    assert (logged(), Revision.objects.latest("number").number) == ([], before)


def test_the_report_names_them_with_their_causes(hearing):
    record = simple(hearing, 0)
    hearing.edit_price(record.id, "9.99")
    lines = run("reconcile").out.splitlines()
    assert lines[1].startswith(f"small-1 {record.sku}: price list_price '")
    assert lines[1].endswith("-> '9.99' (missed_webhook)")
    assert lines[2] == "small-1 missed_webhook: 1"


def test_json_shows_them(hearing):
    record = simple(hearing, 0)
    hearing.edit_price(record.id, "9.99")
    [source] = json.loads(run("reconcile", json=True).out)["sources"]
    [shown] = source["corrections"]
    assert (shown["sku"], shown["field"], shown["source_value"], shown["cause"]) == (
        record.sku, "list_price", "9.99", "missed_webhook"
    )  # fmt: skip
    assert source["causes"] == {"missed_webhook": 1}


def test_values_are_bounded(hearing):
    record = simple(hearing, 0)
    hearing.change_silently(record.id, description="x" * 50_000)
    run("reconcile")
    [row] = DriftCorrection.objects.filter(field="description")
    assert row.source_value == "x" * corrections.LONGEST_VALUE + "…"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (3, 3),
        ({"a": [1]}, {"a": [1]}),
        (["y" * 2000], '["' + "y" * 998 + "…"),
    ],
)
def test_what_is_kept_is_json_or_the_beginning_of_it(value, kept):
    assert bounded(value) == kept


def test_they_are_forgotten_after_their_days(shop, clock, settings):
    settings.DRIFT_KEPT_DAYS = 30
    shop.edit_price(simple(shop, 0).id, "9.99")
    run("reconcile")
    clock.move(timedelta(days=31))
    shop.edit_price(simple(shop, 0).id, "9.98")
    DriftCorrection.objects.update(corrected_at=clock.now() - timedelta(days=31))
    run("reconcile")
    DriftCorrection.objects.filter(source_value="9.98").update(corrected_at=clock.now())
    assert schedule.forget_old_corrections() == 1
    assert [row[4] for row in logged()] == ["9.98"]


def test_a_displaced_variant_says_so():
    gone = Difference(
        sku="A", external_id="1", facet="content", field="retired", mirror_value=False, source_value=True
    )  # fmt: skip
    known = Circumstances(is_first=False, hears=True, was_down=True)
    assert cause_of(gone, known, is_shared=False) == "displaced"


def test_a_source_without_a_complete_sweep_is_at_its_first(connected):
    one = connected()
    known = corrections.circumstances_of(one.source, since=database_now())
    assert (known.is_first, known.hears, known.was_down) == (True, False, False)
    assert Connection.objects.get().webhooks_problem == "They were not looked at yet."
    assert runs.resumable(one.source) is None
