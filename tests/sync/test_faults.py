"""A shop that fails, however it fails: one clear line, exit code 1, and the mirror as it was."""

import pytest

from catalog_mirror.models import Source, Variant
from demo.shops import small_shop
from demo.storefront.storefront import Storefront
from sync import http
from sync.models import Connection, SweepRun
from tests.sync.conftest import moved, picture, run

FAULTS = {
    "down": ({}, "The shop cannot be reached (the connection broke)."),
    "slow": ({"seconds": 30.0}, "The shop did not finish an answer within 0.3 seconds."),
    "html": ({}, "The shop's answer for /wc/v3/products/categories is not what WooCommerce sends."),
    "unauthorized": ({}, "The shop refuses the key (status 401)."),
    "throttled": ({}, "The shop keeps asking for fewer requests (status 429)."),
    "empty": ({}, "The shop lists no products at all, while the mirror has 234 variants of it."),
    "half": ({}, "The shop's answer for /wc/v3/products/categories is not what WooCommerce sends."),
    "cut": ({}, "The shop cannot be reached (the connection broke in the middle of an answer)."),
    "failing": ({}, "The shop answers with an error of its own (status 503)."),
}


def fails(shop: Storefront, kind: str, **options: object) -> str:
    """Change the shop, let it fail, reconcile; return the line. Nothing may have been written."""
    record = next(r for r in shop.store.catalogue.products.values() if r.type == "simple")
    shop.delete_forever(max(shop.store.catalogue.products))
    shop.change_silently(record.id, regular_price="77")
    before = picture()
    shop.faults.set(kind, **options)
    said = run("reconcile")
    shop.faults.clear()
    assert (said.code, moved(before, picture())) == (1, {})
    assert len(said.error.splitlines()) == 1
    return said.error


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_from_the_first_request_changes_nothing(shop, kind, monkeypatch):
    options, line = FAULTS[kind]
    if kind == "slow":
        monkeypatch.setattr(http, "DEADLINE", 0.3)
    assert fails(shop, kind, **options).startswith(f"small-1: {line}")
    last = SweepRun.objects.latest("pk")
    assert (last.status, last.error.startswith(line)) == ("failed", True)
    assert Connection.objects.get().stale_since == last.started_at
    assert run("reconcile").code == 0
    assert Connection.objects.get().stale_since is None


@pytest.mark.parametrize("kind", [kind for kind in FAULTS if kind not in {"slow", "empty"}])
def test_a_fault_in_the_middle_retires_nothing(shop, kind):
    """All products but none of the variations are read: none of these may be retired."""
    live = Variant.objects.filter(retired_at=None).count()
    shop.faults.set(kind, path="/wc-analytics/variations?", after=2)
    said = run("reconcile")
    assert said.code == 1
    assert Variant.objects.filter(retired_at=None).count() == live
    assert SweepRun.objects.latest("pk").status == "failed"


def test_variations_that_all_vanish_from_their_list_are_read_singly_before_any_is_retired(shop):
    live = Variant.objects.filter(retired_at=None).count()
    shop.faults.set("empty", path="/wc-analytics/variations?")
    run("reconcile")
    assert Variant.objects.filter(retired_at=None).count() == live


def test_a_404_that_is_not_the_shops_own_answer_retires_nothing(shop, monkeypatch):
    """A REST API that is switched off answers 404 for every address."""
    before = picture()
    shop.faults.set("failing", status=404)
    said = run("reconcile")
    assert (said.code, moved(before, picture())) == (1, {})


def test_a_shop_that_recovers_after_a_few_errors_is_read(shop):
    for kind in ("failing", "throttled", "down", "cut"):
        shop.faults.set(kind, times=2)
        assert run("reconcile").code == 0


def test_one_shop_that_fails_does_not_keep_the_others_from_being_read(connected):
    failing, fine = connected(small_shop(1)), connected(small_shop(2))
    failing.shop.faults.set("down")
    said = run("reconcile")
    assert said.code == 1
    assert said.error.startswith("small-1: The shop cannot be reached")
    assert "small-2: seen 248" in said.out
    assert Variant.objects.filter(source=fine.source).exists()
    assert not Variant.objects.filter(source=failing.source).exists()


def test_a_redirect_is_an_error_that_says_so(shop, monkeypatch):
    monkeypatch.setattr(http, "_refuse", _redirected(http._refuse))
    before = picture()
    said = run("reconcile")
    assert (said.code, moved(before, picture())) == (1, {})
    assert "redirects to https://elsewhere.example/" in said.error


def _redirected(refuse):
    def refuse_redirect(answer):
        refuse(http.Answer(301, {"Location": "https://elsewhere.example/"}, b""))

    return refuse_redirect


def test_a_source_without_a_connection_fails_with_one_line(shop):
    Source.objects.create(slug="bare", name="Bare", currency="USD")
    said = run("reconcile", source=["bare"])
    assert (said.code, said.error) == (
        1, "bare: Source bare has no connection: add it with add_source."
    )  # fmt: skip
