"""What a request costs: its round trips to the database, and what is not looked at for whom."""

import psycopg
import pytest
from django.db import DatabaseError, connection
from django.test import Client

from apikeys import completions
from contract import shortcut, snapshots
from contract.change_cursors import FACETS
from contract.changed_rules import Subjects
from contract.delta import candidates
from contract.lists import PRODUCTS, PageRequest, page_statement
from contract.parameters import Filters
from groundwork import statements
from groundwork.roles import role_name
from tests.factories import (
    a_product,
    a_variant,
    cast,
    client_of,
    client_with,
    key_of,
    mirrored,
    percent_off,
)


@pytest.fixture
def people(database):
    return cast()


@pytest.fixture
def alice(people):
    return client_of(people.alice)


@pytest.fixture
def trips(monkeypatch):
    """The round trips to the database, Django's and the hot path's alike: the statements of each.

    How a request ended is written down behind it, for many at once.
    """
    made: list[list[str]] = []
    execute, run = psycopg.Cursor.execute, statements._Trip.run

    def noted(self, query, *args, **kwargs):
        made.append([str(query).strip()])
        return execute(self, query, *args, **kwargs)

    def noted_too(self, parts):
        made.append([sql.strip() for part in parts for sql, _ in part])
        return run(self, parts)

    monkeypatch.setattr(completions, "add", lambda _: None)
    monkeypatch.setattr(psycopg.Cursor, "execute", noted)
    monkeypatch.setattr(statements._Trip, "run", noted_too)
    return made


@pytest.mark.parametrize(
    ("path", "count"),
    [
        # admission, begin, page and commit at once; the price list is kept from before
        ("/v1/products", 1),
        ("/v1/products?limit=1", 1),
        ("/v1/products?brand=northcup&category=mugs", 1),
        ("/v1/products?fields=name", 1),
        ("/v1/products/MUG-11-BLK", 1),
        ("/v1/products/NOPE", 1),
        ("/v1/stock", 1),
        ("/v1/stock?limit=all", 1),
        # an enumeration: admission with begin, ids, items, commit
        ("/v1/changes", 4),
        ("/v1/nowhere", 1),
        # nothing is read along with what turns out to be refused
        ("/v1/products?limit=0", 2),
        ("/v1/products?brnad=northcup", 2),
    ],
)
def test_a_request_costs_this_many_round_trips(alice, trips, path, count):
    alice.get("/v1/products")
    trips.clear()
    alice.get(path)
    assert len(trips) == count, trips


def test_a_poll_when_nothing_was_written_costs_one_round_trip(alice, trips):
    cursor = alice.get("/v1/changes").json()["delta_cursor"]
    cursor = alice.get(f"/v1/changes?since={cursor}").json()["delta_cursor"]
    trips.clear()
    assert alice.get(f"/v1/changes?since={cursor}").json()["data"] == []
    assert len(trips) == 1, trips


def test_in_another_process_it_costs_a_look_at_the_windows(alice, trips):
    cursor = alice.get("/v1/changes").json()["delta_cursor"]
    snapshots._kept.clear()
    alice.get("/v1/me")
    for count in (4, 1):
        trips.clear()
        assert alice.get(f"/v1/changes?since={cursor}").json()["data"] == []
        # admission with begin, windows until now, the next one to come, commit
        assert len(trips) == count, trips


def test_a_poll_when_nothing_of_one_s_own_changed_costs_six_round_trips(people, alice, trips):
    bob = client_of(people.bob)
    cursor = bob.get("/v1/changes").json()["delta_cursor"]
    percent_off("5", tier=people.gold, brand=people.inkwell)
    bob.get("/v1/me")
    trips.clear()
    body = bob.get(f"/v1/changes?since={cursor}").json()
    assert body["data"] == []
    # admission with begin, the cursor's revision, terms, rules, candidates, commit
    assert len(trips) == 6, trips


def test_a_poll_that_finds_changes_costs_three_round_trips(people, alice, trips):
    """What may have changed is asked for with the admission, as this process saw that something was written."""
    cursor = alice.get("/v1/changes").json()["delta_cursor"]
    for _ in range(2):
        cursor = alice.get(f"/v1/changes?since={cursor}").json()["delta_cursor"]
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-01", on_hand=7)))
    alice.get("/v1/products")
    trips.clear()
    told = alice.get(f"/v1/changes?since={cursor}").json()["data"]
    assert [(each["sku"], each["changed"]) for each in told] == [("CAP-01", ["stock"])]
    # admission with begin and candidates; what they are and were, each of them; commit
    assert len(trips) == 3, trips


def test_one_that_is_newer_than_this_process_knows_begins_anew(people, alice, trips):
    """What was foreseen, that nothing is read, turns out wrong: a writer elsewhere took a revision."""
    cursor = alice.get("/v1/changes").json()["delta_cursor"]
    for _ in range(2):
        cursor = alice.get(f"/v1/changes?since={cursor}").json()["delta_cursor"]
    percent_off("5", tier=people.gold, brand=people.northcup)
    trips.clear()
    assert alice.get(f"/v1/changes?since={cursor}").json()["data"] != []
    assert [len(trips[0]), trips[0][1]] == [
        2,
        snapshots._LOOK.strip(),
    ]  # the admission's, and a look
    assert trips[1][0].startswith("begin")


@pytest.mark.parametrize("path", ["/v1/products", "/v1/stock", "/v1/brands", "/v1/categories"])
def test_a_304_costs_as_much_as_a_poll(alice, trips, path):
    alice.get("/v1/products")
    tag = alice.get(path)["ETag"]
    for count in (4, 1):
        trips.clear()
        assert alice.get(path, headers={"If-None-Match": tag}).status_code == 304
        assert len(trips) == count, trips


def test_along_with_an_admission_that_let_nobody_in_no_row_is_looked_at(people):
    """Its snapshot has no customer, and the gate asks for one before it looks at anything."""
    asked = PageRequest(Filters(()), 100, None)
    with snapshots.snapshot_for(people.alice.pk) as snapshot:
        sql, params = page_statement(asked, PRODUCTS, people.alice.pk, snapshot.gate)
        settings = {"customer": str(people.alice.pk), **snapshot.gate}
    looked_at = {}
    for outcome in ("", "yes"):
        statements.exchange(
            [("select set_config('tradecounter.admitted', %(it)s, false)", {"it": outcome})]
        )
        statements.exchange(
            [
                ("begin isolation level repeatable read read only", {}),
                (snapshots._OPEN_ADMITTED, {"role": role_name(connection, "api"), **settings}),
            ],
        )
        plan = statements.prepared(f"explain (analyze, timing off, costs off) {sql}", params)
        statements.exchange([("commit", {})])
        scans = [line for (line,) in plan if "Scan" in line]
        looked_at[outcome] = sum("never executed" not in line for line in scans)
        assert scans
    assert looked_at[""] == 0
    assert looked_at["yes"] > 0


@pytest.mark.parametrize(
    "table",
    [
        "catalog_mirror_variant",
        "customers_visibilityrule",
        "customers_tier",
        "pricing_pricerule",
        "pricing_orderrule",
        "pricing_orderminimum",
    ],
)
def test_row_policies_make_their_arrays_once_a_query(people, table):
    """A cast behind the subquery that reads a setting would be made again for each row."""
    with snapshots.snapshot_for(people.alice.pk) as snapshot:
        plan = snapshot.rows(f"explain (verbose, costs off) select * from {table}", {})
    lines = [line.strip() for (line,) in plan]
    told = str([line for line in lines if line.startswith(("Filter:", "Index Cond:"))])
    assert "InitPlan" in told
    assert "::bigint[]" not in told


def test_what_partners_read_starts_no_workers(people):
    """Among a million variants the planner would for a page, and their start takes longer than the page."""
    of_now = "select current_setting('max_parallel_workers_per_gather')"
    assert statements.prepared(of_now, {}) != [("0",)]
    with snapshots.snapshot_for(people.alice.pk) as snapshot:
        assert snapshot.rows(of_now, {}) == [("0",)]


def test_nor_is_a_variant_looked_for_that_changed(people):
    with snapshots.snapshot_for(people.alice.pk) as snapshot:
        asked = {"since": 0, "after": 0, "most": 10}
        sql, params = candidates(asked, FACETS, Subjects())
        assert snapshot.rows(sql, params)
    plan = statements.prepared(f"explain (analyze, timing off, costs off) {sql}", params)
    assert "Function Scan on catalog_mirror_candidates (never executed)" in str(plan)


def test_a_snapshot_that_was_opened_for_another_is_not_read(people):
    opened = snapshots.open_for(people.alice.pk)
    with snapshots.snapshot_for(people.bob.pk, opened=opened) as snapshot:
        (settings,) = snapshot.rows("select current_setting('tradecounter.customer')", {})
    assert settings == (str(people.bob.pk),)


def test_an_admission_that_fails_opens_nothing_behind_one_that_did_not(people, alice):
    """The one before it on this connection was admitted."""
    alice.get("/v1/products")
    part = snapshots.Opening(
        people.alice.pk, snapshots.kept_for(people.alice.pk), snapshots.Foreseen()
    )
    with pytest.raises(DatabaseError):
        statements.exchange([("select 1 / 0", {})], part.part)
    role, customer = statements.prepared(
        "select current_user, current_setting('tradecounter.customer', true)", {}
    )[0]
    assert role.endswith("_app")
    assert not customer


@pytest.mark.parametrize("length", [10, 5000])
def test_what_strangers_ask_for_fills_no_memory(people, length):
    before = shortcut._resolved.cache_info().currsize
    for number in range(3):
        Client().get(f"/v1/products/{number:0{length}d}")
    kept = shortcut._resolved.cache_info().currsize - before
    assert kept == (3 if length == 10 else 0)


def test_who_is_over_the_limit_is_refused_by_what_was_read_for_nobody(people):
    client = client_with(key_of(people.alice, requests_a_minute=3))
    statuses = [client.get("/v1/products").status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
