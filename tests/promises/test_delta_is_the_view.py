"""Promise 2: a client that applies pages from any cursor holds exactly the view."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test

from contract import changed_rules, delta, moments
from tests.promises.delta_machine import DeltaMachine

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


def test_a_client_converges_whatever_happens():
    run(lives=40)


@pytest.mark.slow
def test_a_client_converges_in_two_thousand_lives():
    run(lives=2000, anew=True)


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
    monkeypatch.setattr(delta, "past_projections", lambda *asked: list(every(*asked))[:1])
    with pytest.raises(NOTICED):
        run(lives=100)
