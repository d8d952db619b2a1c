"""Retention of the past of variants, and new lives of the database."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from catalog_mirror import epochs, pruning
from catalog_mirror.models import Epoch, Pruning, VariantHistory
from catalog_mirror.past import NothingThen, moment_of
from catalog_mirror.tasks import prune_history
from groundwork.models import AuditEntry
from tests.factories import SourceFactory, a_product, a_variant, mirrored, newest_revision, now


@pytest.fixture
def renamed(database, clock):
    """A variant of three names, the first two of them ten and five days ago."""
    source = SourceFactory(slug="shop")
    revisions = []
    for name in ("A", "B", "C"):
        mirrored(source, a_product("p", a_variant("1", sku=name)))
        revisions.append(newest_revision())
        clock.move(timedelta(days=5))
    return revisions


def told(command: str, *args: str) -> str:
    out = StringIO()
    call_command(command, *args, stdout=out)
    return out.getvalue()


def names() -> list[str]:
    return list(VariantHistory.objects.order_by("until_revision").values_list("sku", flat=True))


def test_what_ended_before_the_last_revision_of_that_time_goes(renamed, settings):
    settings.HISTORY_KEPT = timedelta(days=8)
    assert told("prune_history", "--dry-run").startswith("1 past states of variants would be")
    assert (names(), Pruning.objects.count()) == (["A", "B"], 0)
    assert told("prune_history").startswith("1 past states of variants were deleted")
    assert names() == ["B"]
    assert Pruning.objects.get().until_revision == renamed[1]


def test_pruning_again_prunes_nothing_more(renamed, settings):
    settings.HISTORY_KEPT = timedelta(days=8)
    prune_history()
    prune_history()
    assert (names(), Pruning.objects.count()) == (["B"], 1)


def test_a_pruning_that_was_cut_off_is_gone_on_with(renamed, settings, monkeypatch):
    settings.HISTORY_KEPT = timedelta(days=3)
    monkeypatch.setattr(pruning, "_deleted", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        prune_history()
    assert (names(), Pruning.objects.get().until_revision) == (["A", "B"], renamed[2])
    monkeypatch.undo()
    monkeypatch.setattr(pruning, "_AT_ONCE", 1)
    prune_history()
    assert names() == []


def test_a_time_that_was_pruned_is_not_explained(renamed):
    at = now() - timedelta(days=12)
    assert moment_of(at, None) == (renamed[0], at)
    pruning.prune_history(timedelta(days=8))
    for asked in ((at, None), (None, renamed[0])):
        with pytest.raises(NothingThen, match="pruned"):
            moment_of(*asked)
    later = now() - timedelta(days=7)
    assert moment_of(later, None) == (renamed[1], later)
    assert moment_of(None, renamed[1])[0] == renamed[1]


def test_history_is_not_taken_from_under_the_brake(renamed, settings):
    settings.HISTORY_KEPT = timedelta(days=1)
    with pytest.raises(CommandError, match="at least 2 days"):
        told("prune_history")
    assert names() == ["A", "B"]


def test_without_a_past_nothing_is_pruned(database):
    assert "0 past states" in told("prune_history")
    assert Pruning.objects.count() == 0


# -- epochs ------------------------------------------------------------------------------------


def test_an_epoch_begins_beyond_all_that_are_known_and_is_audited(database):
    assert told("start_epoch").startswith("Epoch 2 has begun.")
    assert told("start_epoch", "--above", "7").startswith("Epoch 8 has begun.")
    assert told("start_epoch", "--above", "3").startswith("Epoch 9 has begun.")
    assert sorted(Epoch.objects.values_list("number", flat=True)) == [1, 2, 8, 9]
    entry = AuditEntry.objects.get(subject="epoch 8")
    assert entry.action == "start_epoch"
    assert [_said(entry.before), _said(entry.after)] == [{"epoch": 2}, {"epoch": 8}]
    assert entry.actor.endswith("at the prompt")


def _said(value):
    return json.loads(value) if isinstance(value, str) else value


@pytest.mark.parametrize("above", ["-1", "9999"])
def test_an_epoch_that_does_not_fit_is_refused(database, above):
    with pytest.raises(CommandError, match="from 0 to 9998"):
        told("start_epoch", "--above", above)
    assert Epoch.objects.count() == 1


def test_the_last_epoch_is_the_last(database):
    epochs.start_epoch(actor="t", above=9998)
    with pytest.raises(CommandError, match="up to 9999"):
        told("start_epoch")
    assert sorted(Epoch.objects.values_list("number", flat=True)) == [1, 9999]
