"""What a person at a prompt is told, and the exit codes."""

import json
import subprocess
import sys

import pytest
from django.db import connection as database

from catalog_mirror.models import Source, Variant
from demo.shops import APPAREL, small_shop
from demo.storefront.server import running
from demo.storefront.storefront import Storefront
from groundwork.instants import database_now
from sync import runs
from sync.models import Connection, SweepRun
from sync.tasks import run_sweep
from tests.sync.conftest import keys_of, moved, picture, run


def test_adding_a_source_says_what_it_found_and_seals_the_key(connected):
    one = connected(small_shop(1, like=APPAREL))
    source, row = Source.objects.get(), Connection.objects.get()
    assert (source.currency, source.prices_include_tax, source.time_zone, source.rank) == (
        "USD", True, "America/New_York", 100,
    )  # fmt: skip
    assert (row.base_url, row.kind) == (one.url, "woocommerce")
    assert one.shop.shop.consumer_secret.encode() not in bytes(row.credentials)
    said = run("add_source", "small-1", url=one.url, **keys_of(one.shop))
    assert (said.code, said.error) == (
        1, "There is a source small-1 already. Choose another slug."
    )  # fmt: skip


def test_a_test_only_keeps_nothing(connected):
    one = connected()
    said = run("add_source", "other", "--test-only", url=one.url, **keys_of(one.shop))
    assert said.code == 0
    assert "Found Small Shop: WooCommerce 9.9.5, " in said.out
    assert "prices in USD without tax, time zone America/Chicago." in said.out
    assert Source.objects.count() == 1


def test_the_next_source_ranks_behind(connected):
    connected(small_shop(1))
    assert connected(small_shop(2)).source.rank == 110


def test_a_refused_key_keeps_nothing(connected):
    one = connected()
    said = run("add_source", "other", url=one.url, key="ck_wrong", secret="cs_wrong")
    assert said.code == 1
    assert said.error.startswith("The shop refuses the key (status 401).")
    assert Source.objects.count() == Connection.objects.count() == 1


def test_the_key_may_come_from_the_environment(connected, monkeypatch):
    one = connected()
    monkeypatch.setenv("SOURCE_KEY", one.shop.shop.consumer_key)
    monkeypatch.setenv("SOURCE_SECRET", one.shop.shop.consumer_secret)
    assert run("add_source", "other", url=one.url).code == 0


@pytest.mark.parametrize(
    ("slug", "options", "line"),
    [
        ("Bad Slug", {}, "A slug is lower case letters"),
        ("ok", {"url": "shop.example"}, "An address is like https://shop.example"),
        ("ok", {"url": "https://ck:cs@shop.example"}, "An address is like https://shop.example"),
        ("ok", {"url": "https://shop.example"}, "Consumer key is missing: give --key"),
        ("ok", {"url": "https://shop.example", "key": "ck"}, "Consumer secret is missing"),
        (
            "ok",
            {"requests_per_second": 0.0, "url": "https://shop.example"},
            "--requests-per-second",
        ),
    ],
)
def test_wrong_usage_is_one_line_and_two(database, monkeypatch, slug, options, line):
    monkeypatch.delenv("SOURCE_KEY", raising=False)
    monkeypatch.delenv("SOURCE_SECRET", raising=False)
    said = run("add_source", slug, **options)
    assert said.code == 2
    assert said.error.startswith(line)


def test_an_address_that_is_no_shop_is_one_line(database):
    shop = Storefront(small_shop(1))
    with running(shop) as url:
        said = run("add_source", "other", url=f"{url}/blog", **keys_of(shop))
    assert said.code == 1
    assert len(said.error.splitlines()) == 1


def test_an_unknown_source_names_the_known_ones(shop):
    said = run("reconcile", source=["nope"])
    assert (said.code, said.error) == (2, "There is no source nope. Known: small-1.")


def test_without_any_source_it_says_how_to_add_one(database):
    said = run("reconcile")
    assert (said.code, said.out) == (
        0, "There is no source yet: add one with `manage.py add_source`.\n"
    )  # fmt: skip


def test_plain_lines_where_nobody_watches(shop):
    said = run("reconcile")
    line, last = said.out.splitlines()
    assert line.startswith(
        "small-1: seen 248, unchanged 234, created 0, changed 0, retired 0, quarantined 14, requests "
    )
    assert last == "Nothing had drifted; no revision was taken."


def test_json_is_one_document_and_nothing_else(shop):
    document = json.loads(run("reconcile", json=True).out)
    assert set(document) == {"correlation_id", "dry_run", "sources", "errors"}
    [source] = document["sources"]
    assert (source["source"], source["unchanged"], source["error"]) == ("small-1", 234, None)


def test_json_carries_the_error_too(shop):
    shop.faults.set("down")
    said = run("reconcile", json=True)
    document = json.loads(said.out)
    assert said.code == 1
    assert document["errors"]["small-1"].startswith("The shop cannot be reached")


def test_a_second_reconciliation_of_a_source_is_refused(shop):
    """Another session holds the lock, as another process would."""
    source = Source.objects.get()
    other = database.copy()
    before = picture()
    with other.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s, %s)", [runs._SWEEPS, source.pk])
    said = run("reconcile")
    assert (said.code, said.error) == (
        1, "small-1: A reconciliation of small-1 is running already. Wait until it ends."
    )  # fmt: skip
    assert moved(before, picture()) == {}
    other.close()
    assert run("reconcile").code == 0


def test_a_run_that_was_killed_is_told_by_the_next(shop):
    source = Source.objects.get()
    at = SweepRun.objects.get().started_at
    killed = SweepRun.objects.create(source=source, started_at=at, correlation_id="x")
    run("reconcile")
    killed.refresh_from_db()
    assert (killed.status, killed.error) == ("failed", "It was ended before it could finish.")


def test_the_task_does_what_is_due_once_and_takes_later_arguments(shop):
    source = Source.objects.get()
    shop.add_simple("BRAND-NEW", name="Brand new", price="5.00")
    runs.want(source, at=database_now())
    wanted = SweepRun.objects.get(status="due")
    for _ in range(2):
        run_sweep(run_id=wanted.pk, source_id=source.pk, later_argument=1)
    assert Variant.objects.filter(sku="BRAND-NEW").exists()
    wanted.refresh_from_db()
    assert (wanted.status, wanted.created, wanted.seen) == ("complete", 1, 249)
    assert SweepRun.objects.count() == 2


def test_wrong_flags_exit_with_two():
    ended = subprocess.run(
        [sys.executable, "manage.py", "reconcile", "--no-such-flag"],
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 2
