"""Promise: at most 60 requests in any 60 seconds, with Redis dead and with 8 clients at once."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from apikeys.models import RequestLog
from tests.apikeys.test_limit import admit
from tests.conftest import Clock, clean_database
from tests.factories import CustomerFactory, cast, key_of
from tests.promises.clients import hammered
from tests.promises.processes import Processes, wait_for

MINUTE = timedelta(seconds=60)


@pytest.fixture
def web(database, tmp_path):
    processes = Processes(tmp_path)
    processes.start("web")
    yield processes
    processes.end()


def test_eight_clients_at_once_get_sixty_between_them_with_redis_dead(web, record_property):
    web.kill_broker()
    key = key_of(cast().alice)
    asked = hammered(web.port, key, clients=8, each=15, path="/v1/stock")
    statuses = [each.status for each in asked]
    assert (statuses.count(200), statuses.count(429)) == (60, 60)
    wait_for(lambda: not RequestLog.objects.filter(status=None).exists(), seconds=5)
    admitted = sorted(RequestLog.objects.filter(status=200).values_list("at", flat=True))
    worst = max(sum(began <= at <= began + MINUTE for at in admitted) for began in admitted)
    record_property("most in any 60 s, of 120 asked by 8 clients", worst)
    assert worst == 60
    waits = {int(each.headers["retry-after"]) for each in asked if each.status == 429}
    assert max(waits) <= 60


class LimitMachine(RuleBasedStateMachine):
    """A key with 5 places a minute against a list of instants that is counted by hand."""

    PLACES = 5

    def __init__(self) -> None:
        super().__init__()
        clean_database()
        self.clock = Clock()
        self.key = key_of(CustomerFactory(), requests_a_minute=self.PLACES)
        self.admitted = []

    @rule(times=st.integers(1, 4))
    def ask(self, times: int) -> None:
        for _ in range(times):
            told = admit(self.key)
            recent = [at for at in self.admitted if at >= told.log_at - MINUTE]
            expected = "admitted" if len(recent) < self.PLACES else "limited"
            assert told.outcome == expected
            if told.outcome == "admitted":
                self.admitted.append(told.log_at)
                recent.append(told.log_at)
            assert told.remaining == self.PLACES - len(recent)
            if not told.remaining:
                wait = (recent[0] + MINUTE - told.log_at).total_seconds()
                assert told.wait_seconds == pytest.approx(wait, abs=1e-5)

    @rule(seconds=st.sampled_from([0.5, 7, 29.9, 30, 59.9, 60, 61]))
    def wait(self, seconds: float) -> None:
        self.clock.move(timedelta(seconds=seconds))

    @invariant()
    def never_more_than_the_places_in_any_minute(self) -> None:
        for began in self.admitted:
            assert sum(began <= at <= began + MINUTE for at in self.admitted) <= self.PLACES


def test_no_minute_ever_holds_more_than_the_limit(database):
    run_state_machine_as_test(
        LimitMachine,
        settings=settings(
            max_examples=30,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
