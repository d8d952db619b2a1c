"""A sweep that would empty the mirror is stopped and asks; a person lets it pass."""

import json

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from catalog_mirror.models import BrakeRelease, HeldChange, Source, Variant
from groundwork.models import Alarm, AuditEntry
from sync import schedule
from sync.management.commands import reconcile
from sync.models import SweepRun
from sync.tasks import run_sweep
from tests.sync.conftest import moved, picture, run
from tests.sync.test_reconcile import mirrored, sellable

HELD = 130 - 22  # of some 220 published variants a tenth, 22, may leave in a day


@pytest.fixture
def torn(shop):
    """A shop that lost a product of 130 variations, more than half of what it sells."""
    shop.trash(shop.odd["variable_130"])
    return shop


def published() -> int:
    return Variant.objects.filter(is_published=True).count()


def test_a_sweep_stops_at_the_brake_tells_and_exits_3(torn):
    before = published()
    said = run("reconcile")
    assert said.code == 3
    assert said.error.startswith(f"small-1: {HELD} changes are held back")
    assert "`manage.py release_brake small-1`, or `reconcile --yes`." in said.error
    assert published() == before - 22
    last = SweepRun.objects.latest("pk")
    assert (last.status, last.retired, last.held) == ("complete", 22, HELD)
    assert Alarm.objects.get(closed_at=None).code == "brake_holds"


def test_each_sweep_tries_again_and_lets_no_more_pass(torn):
    run("reconcile")
    before = picture()
    said = json.loads(run("reconcile", json=True).out)["sources"][0]
    assert (said["held"], said["retired"], said["brakes"]) == (HELD, 0, ["small-1"])
    assert moved(before, picture()) == {}


def test_yes_lets_it_pass_and_is_audited(torn):
    said = run("reconcile", yes=True)
    assert said.code == 0
    assert mirrored() == sellable(torn)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject, entry.after["variants"]) == (
        "release_brake", "small-1", HELD
    )  # fmt: skip
    assert entry.actor.endswith(" at the prompt")
    assert (HeldChange.objects.count(), Alarm.objects.filter(closed_at=None).count()) == (0, 0)


def test_a_person_at_a_terminal_is_asked(torn, monkeypatch):
    asked = []
    monkeypatch.setattr(reconcile.sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or "n")
    assert run("reconcile").code == 3
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or "y")
    assert run("reconcile").code == 0
    question = f"small-1: the brake holds {HELD} changes back. Let them pass? [y/N] "
    assert asked == [question] * 2


class Terminal:
    def isatty(self):
        return True


def test_a_dry_run_foretells_it_and_holds_nothing(torn):
    said = json.loads(run("reconcile", dry_run=True, json=True).out)["sources"][0]
    assert (said["retired"], said["held"]) == (130, HELD)
    assert (HeldChange.objects.count(), Alarm.objects.count()) == (0, 0)


def test_a_release_has_the_shop_read_again_and_that_applies_it(torn):
    run("reconcile")
    said = run("release_brake", "small-1")
    assert said.out.startswith(f"{HELD} more may leave small-1 within 24 hours.")
    [(run_id, source_id)] = schedule.due_runs()
    run_sweep(run_id=run_id, source_id=source_id)
    assert mirrored() == sellable(torn)
    assert Alarm.objects.filter(closed_at=None).count() == 0


def test_a_release_may_be_of_fewer(torn):
    run("reconcile")
    run("release_brake", "small-1", most=7)
    run("reconcile")
    assert HeldChange.objects.count() == HELD - 7


@pytest.mark.parametrize(
    ("args", "options", "code", "line"),
    [
        (["small-1"], {}, 1, "The brake holds nothing of small-1."),
        (["nope"], {}, 2, "There is no source nope. Known: small-1."),
        (["small-1"], {"most": 0}, 2, "--most is above 0."),
    ],
)
def test_a_release_of_nothing_is_refused_in_one_line(shop, args, options, code, line):
    said = run("release_brake", *args, **options)
    assert (said.code, said.error) == (code, line)
    assert (BrakeRelease.objects.count(), AuditEntry.objects.count()) == (0, 0)


def test_what_comes_back_in_the_shop_is_held_no_more(torn):
    run("reconcile")
    torn.untrash(torn.odd["variable_130"])
    assert run("reconcile").code == 0
    assert mirrored() == sellable(torn)
    assert Alarm.objects.filter(closed_at=None).count() == 0


def test_a_catalogue_imported_anew_passes_because_its_skus_come_back(shop):
    """Each product under a new id: nothing leaves for a partner, so nothing is held."""
    skus = set(Variant.objects.filter(is_published=True).values_list("sku", flat=True))
    old = [
        p for p in shop.store.catalogue.products.values() if p.type == "simple" and p.sku.strip()
    ]
    kept = [p for p in old if p.sku in skus and p.status == "publish"][:60]
    for product in kept:
        shop.delete_forever(product.id)
        shop.add_simple(product.sku, name=product.name, price="5.00", stock=1)
    said = run("reconcile")
    assert (said.code, HeldChange.objects.count()) == (0, 0)
    live = set(Variant.objects.filter(is_published=True).values_list("sku", flat=True))
    assert live == skus
    assert len(kept) == 60


def test_staff_release_it_from_the_list_of_connections(torn, settings):
    settings.SECURE_SSL_REDIRECT = False
    run("reconcile")
    users = get_user_model().objects
    staff = users.create_user("sam", is_staff=True)
    client = Client()
    client.force_login(users.create_superuser("ann"))
    chosen = {"action": "let_held_changes_pass", "_selected_action": [Source.objects.get().pk]}
    answer = client.post("/admin/sync/connection/", chosen, follow=True)
    assert f"{HELD} more may leave small-1 within 24 hours." in answer.content.decode()
    assert AuditEntry.objects.get().actor == "ann"
    assert SweepRun.objects.filter(status="due").count() == 1
    client.force_login(staff)
    assert client.post("/admin/sync/connection/", chosen).status_code == 403
    assert BrakeRelease.objects.count() == 1
