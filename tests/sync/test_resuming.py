"""A sweep that is ended early goes on where it was written, and ends as one that was not."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from catalog_mirror.models import QuarantinedRecord, Source, Variant
from demo.shops import APPAREL, small_shop
from sync import runs, sweep
from sync.management.commands import reconcile
from sync.models import SweepRun
from sync.sweep import Manner, SweepStopped
from sync.woocommerce import reading
from tests.sync.conftest import picture, run
from tests.sync.test_reconcile import mirrored, sellable, simple

SHOPS = {
    "analytics": small_shop(1),
    "10.3": replace(small_shop(1), is_from_10_3=True),
    "per product": replace(small_shop(1), lists_all_variations=False),
    "with tax": small_shop(1, like=APPAREL),
}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(sweep, "CHUNK", 20)
    monkeypatch.setattr(reading, "PER_PAGE", 25)


def stop_after(chunks: int):
    left = iter(range(chunks - 1))
    return Manner(is_to_stop=lambda: next(left, None) is None)


def sweep_in_pieces(source: Source, *, chunks: int) -> int:
    """Stop a sweep every so many chunks and go on with it; return in how many pieces it was done."""
    for pieces in range(1, 60):
        try:
            sweep.sweep(source, manner=stop_after(chunks), resume=pieces > 1)
        except SweepStopped:
            continue
        return pieces
    raise AssertionError("It never ended.")


@pytest.mark.parametrize("kind", SHOPS)
@pytest.mark.parametrize("chunks", [1, 2])
def test_a_sweep_in_pieces_reads_all_and_creates_each_once(connected, kind, chunks):
    one = connected(SHOPS[kind])
    pieces = sweep_in_pieces(one.source, chunks=chunks)
    assert pieces > 4 / chunks
    assert mirrored() == sellable(one.shop)
    last = SweepRun.objects.get()
    assert (last.status, last.position) == ("complete", None)
    assert (last.created, last.quarantined) == (234, 14)
    # Whoever is read again to settle a SKU may be counted in two pieces.
    assert last.seen - 248 in {0, 1}


def test_what_the_pieces_left_open_is_settled_at_the_end(shop):
    """SKUs swapped between a product of the first page and a variation of the last."""
    one = simple(shop, 0)
    other = shop.store.catalogue.products[shop.id_of("ODD-130-BLK-10")]
    skus = one.sku, other.sku
    shop.change_silently(one.id, sku="AWAY")
    shop.change_silently(other.id, sku=skus[0])
    shop.change_silently(one.id, sku=skus[1])
    shop.rename_category(simple(shop, 1).category_ids[0], "Renamed")
    assert sweep_in_pieces(Source.objects.get(), chunks=1) > 2
    assert mirrored() == sellable(shop)
    assert not QuarantinedRecord.objects.filter(external_id__in=[one.id, other.id]).exists()


def test_what_went_away_meanwhile_is_retired_and_what_came_is_read(shop):
    gone, hidden = simple(shop, 0), simple(shop, 3)
    source = Source.objects.get()
    with pytest.raises(SweepStopped):
        sweep.sweep(source, manner=stop_after(3))
    shop.delete_forever(gone.id)
    shop.add_simple("LATE-1", name="Late", price="3.00")
    shop.edit_price(hidden.id, "7.77")  # was read already: the next sweep sees it
    sweep.sweep(source, resume=True)
    run("reconcile")
    assert mirrored() == sellable(shop)


@pytest.mark.parametrize("call", range(1, 7))
def test_a_kill_between_a_chunk_and_its_note_only_reads_the_chunk_again(
    connected, monkeypatch, call
):
    one = connected()
    calls = iter(range(1, 1000))
    save = runs.save

    def killed(*args, **named):
        if next(calls) == call:
            raise KeyboardInterrupt
        save(*args, **named)

    monkeypatch.setattr(runs, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        sweep.sweep(one.source)
    left = SweepRun.objects.get()
    assert left.status == "running"
    monkeypatch.setattr(runs, "save", save)
    sweep.sweep(one.source, run_id=left.pk)
    left.refresh_from_db()
    assert left.status == "complete"
    assert mirrored() == sellable(one.shop)


def test_a_run_keeps_since_when_it_reads(shop):
    source = Source.objects.get()
    with pytest.raises(SweepStopped):
        sweep.sweep(source, manner=stop_after(2))
    started = SweepRun.objects.latest("pk").started_at
    sweep.sweep(source, resume=True)
    last = SweepRun.objects.latest("pk")
    assert (last.started_at, last.status) == (started, "complete")
    assert SweepRun.objects.count() == 2


def test_what_was_read_a_day_ago_is_read_anew(shop, clock):
    source = Source.objects.get()
    with pytest.raises(SweepStopped):
        sweep.sweep(source, manner=stop_after(4))
    clock.move(timedelta(hours=25))
    found = sweep.sweep(source, resume=True)
    assert (found.seen, SweepRun.objects.latest("pk").seen) == (248, 248)


def test_a_shop_that_failed_in_the_middle_is_gone_on_with(shop):
    shop.faults.set("failing", path="/wc-analytics/variations?", after=1)
    assert run("reconcile").code == 1
    before = SweepRun.objects.latest("pk")
    assert (before.status, before.position is None) == ("failed", False)
    shop.faults.clear()
    said = json.loads(run("reconcile", resume=True, json=True).out)["sources"][0]
    assert said["seen"] - 248 in {0, 1}
    assert SweepRun.objects.latest("pk").pk == before.pk


def test_without_anything_to_resume_it_starts_anew(shop):
    assert run("reconcile", resume=True).code == 0
    assert SweepRun.objects.filter(status="complete").count() == 2


def test_a_dry_run_leaves_nothing_to_resume(shop):
    said = run("reconcile", resume=True, dry_run=True)
    assert (said.code, said.error) == (2, "A dry run leaves nothing to resume.")


def test_a_signal_ends_the_command_after_the_chunk_in_hand(shop, monkeypatch):
    shop.edit_price(simple(shop, 0).id, "9.99")
    monkeypatch.setattr(reconcile, "stop_signals", asked_at_once)
    said = run("reconcile")
    assert said.code == 130
    assert said.error == (
        "small-1: stopped. What was written stays; nothing was retired. "
        "`manage.py reconcile --resume` goes on from there."
    )
    stopped = SweepRun.objects.latest("pk")
    assert (stopped.status, stopped.finished_at, stopped.position is None) == (
        "stopped",
        None,
        False,
    )
    monkeypatch.undo()
    assert run("reconcile", resume=True).code == 0
    assert mirrored() == sellable(shop)


class asked_at_once:  # noqa: N801 - stands for the context manager of that name
    def __enter__(self):
        return lambda: True

    def __exit__(self, *_):
        return None


def test_what_a_person_stopped_is_not_started_by_the_schedule(shop):
    source = Source.objects.get()
    with pytest.raises(SweepStopped):
        sweep.sweep(source, manner=stop_after(2))
    assert runs.to_run(at=SweepRun.objects.latest("pk").started_at).count() == 0


def test_a_stopped_dry_run_wrote_nothing(shop, monkeypatch):
    shop.edit_price(simple(shop, 0).id, "9.99")
    monkeypatch.setattr(reconcile, "stop_signals", asked_at_once)
    before = picture()
    said = run("reconcile", dry_run=True)
    assert (said.code, said.error) == (130, "small-1: stopped. Nothing was written.")
    assert (picture(), SweepRun.objects.count()) == (before, 1)


def test_variants_of_a_product_read_before_the_kill_are_written_with_what_it_says_now(connected):
    one = connected()
    parent = one.shop.odd["variable_130"]
    with pytest.raises(SweepStopped):
        sweep.sweep(one.source, manner=stop_after(1))
    one.shop.rename(parent, "Renamed meanwhile")
    sweep.sweep(one.source, resume=True)
    family = Variant.objects.filter(product__external_id=parent)
    names = {row.variantdocument.body.split('"name":"')[1][:17] for row in family}
    assert (family.count(), names) == (130, {"Renamed meanwhile"})
