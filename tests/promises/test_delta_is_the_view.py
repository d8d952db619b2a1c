"""Promise 2: a client that applies pages from any cursor holds exactly the view."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test

from contract import changed_rules, comparing, delta, etags, moments
from contract.changed_rules import Subjects
from tests.promises import delta_machine, partner
from tests.promises.delta_machine import MATCHED, WATCHED, DeltaMachine

# A failure that hangs on milliseconds may not come again when Hypothesis looks a second time.
NOTICED = (AssertionError, Flaky)
_EVERY = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.fixture(autouse=True)
def short_pages(database, monkeypatch):
    monkeypatch.setattr(delta, "EXAMINED", 3)


def run(*, lives: int, anew: bool = False) -> None:
    """Run so many lives of the machine: the same in every run, or drawn anew."""
    run_state_machine_as_test(
        DeltaMachine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=_EVERY,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            derandomize=not anew,
            database=None,
            report_multiple_bugs=False,
            print_blob=anew,
        ),
    )


def test_a_client_converges_whatever_happens(record_property):
    """The guide's own client, with facets, webhooks late and repeated, and lists asked for by tag."""
    MATCHED.clear()
    run(lives=40)
    record_property("lives", 40)
    assert min(MATCHED["products"], MATCHED["stock"]) >= 5  # that 304s were looked at


@pytest.mark.slow
def test_a_client_converges_in_two_thousand_lives(patience, record_property):
    run(lives=2000, anew=True)
    record_property("long run, lives", 2000)


# -- that the machine can fail: each rule left out is noticed ------------------------------------


def test_it_notices_that_a_slow_commit_was_forgotten(monkeypatch):
    monkeypatch.setattr(moments, "EPSILON", timedelta(0))
    with pytest.raises(NOTICED):
        run(lives=100)


def test_it_notices_that_the_rules_of_a_tier_left_were_forgotten(monkeypatch):
    monkeypatch.setattr(changed_rules, "_OF_TIERS", changed_rules._CHANGES)
    with pytest.raises(NOTICED):
        run(lives=100)


def test_it_notices_that_only_then_is_compared(monkeypatch):
    every = moments.past_projections
    monkeypatch.setattr(comparing, "past_projections", lambda *asked: list(every(*asked))[:1])
    with pytest.raises(NOTICED):
        run(lives=100)


def test_it_notices_that_webhooks_are_taken_as_they_arrive(monkeypatch):
    def apply(self, entries):
        for entry in entries:
            self.versions[entry["sku"]] = entry["version"]
            self.items.pop(entry["sku"], None)
            if entry["op"] == "upsert":
                self.items[entry["sku"]] = entry["item"]

    monkeypatch.setattr(partner.Copy, "apply", apply)
    with pytest.raises(NOTICED):
        run(lives=100)


@pytest.mark.parametrize("forgotten", ["rules", pytest.param("stock", marks=pytest.mark.slow)])
def test_it_notices_a_304_that_is_wrong(monkeypatch, forgotten):
    if forgotten == "rules":
        monkeypatch.setattr(etags, "changed_subjects", lambda *_, **_options: Subjects())
    else:
        for name, each in WATCHED.items():
            monkeypatch.setitem(delta_machine.WATCHED, name, replace(each, with_stock=False))
    with pytest.raises(NOTICED):
        run(lives=100)
