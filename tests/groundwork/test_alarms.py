"""An alarm opens once, tells the latest, and is closed when its cause has passed."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from groundwork.alarms import close_alarm, open_alarm
from groundwork.models import Alarm


@pytest.fixture
def stale(database: None) -> None:
    open_alarm("source_stale", subject="drinkware", message="The shop does not answer.")


@pytest.mark.usefixtures("stale")
def test_an_alarm_that_is_open_only_renews_its_message() -> None:
    open_alarm("source_stale", subject="drinkware", message="The shop answers 500.")
    alarm = Alarm.objects.get()
    assert (alarm.message, alarm.closed_at) == ("The shop answers 500.", None)


@pytest.mark.usefixtures("stale")
def test_one_that_passed_is_closed_and_the_next_is_a_row_of_its_own() -> None:
    close_alarm("source_stale", subject="drinkware")
    close_alarm("source_stale", subject="drinkware")
    assert Alarm.objects.get().closed_at is not None
    open_alarm("source_stale", subject="drinkware", message="Again.")
    assert Alarm.objects.filter(closed_at=None).count() == 1
    assert Alarm.objects.count() == 2


@pytest.mark.usefixtures("stale")
def test_another_subject_is_another_alarm() -> None:
    open_alarm("source_stale", subject="apparel", message="The shop does not answer.")
    close_alarm("source_stale", subject="drinkware")
    assert Alarm.objects.get(closed_at=None).subject == "apparel"


@pytest.mark.usefixtures("database")
def test_many_at_once_open_one() -> None:
    def opened(number: int) -> None:
        try:
            open_alarm("source_stale", subject="drinkware", message=str(number))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(opened, range(12)))
    assert Alarm.objects.count() == 1
