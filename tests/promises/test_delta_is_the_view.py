"""Promise 2: a client that applies pages from any cursor holds exactly the view."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from contract import delta
from tests.promises.delta_machine import DeltaMachine

_EVERY = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def run(examples: int) -> None:
    run_state_machine_as_test(
        DeltaMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=_EVERY,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            print_blob=True,
        ),
    )


def test_a_client_converges_whatever_happens(database, monkeypatch):
    monkeypatch.setattr(delta, "EXAMINED", 3)
    run(examples=40)


@pytest.mark.slow
def test_a_client_converges_in_two_thousand_lives(database, monkeypatch):
    monkeypatch.setattr(delta, "EXAMINED", 3)
    run(examples=2000)
