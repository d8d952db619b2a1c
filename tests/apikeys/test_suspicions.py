"""What may mean a stolen key is an alarm past its threshold, and is taken back when it has passed."""

from datetime import timedelta

import pytest

from apikeys import keys, suspicions, tasks
from apikeys.models import FailureWindow, RefusedStrangers, Suspicion
from groundwork.instants import database_now
from groundwork.models import Alarm
from tests.apikeys.test_presenting import asked, unknown_key
from tests.factories import cast, key_of


@pytest.fixture
def alice(database):
    return cast().alice


def alarms() -> dict[str, str]:
    return dict(Alarm.objects.filter(closed_at=None).values_list("subject", "message"))


def watched() -> dict[str, str]:
    suspicions.watch(at=database_now())
    return alarms()


def test_unknown_keys_alarm_from_the_twentieth_within_a_day(alice):
    for n in range(19):
        asked(unknown_key(n))
    assert watched() == {}
    asked(unknown_key())
    (message,) = watched().values()
    assert message.startswith("From 203.0.113.7: an unknown key, 20 times within a day.")


def test_a_revoked_key_that_goes_on_calling_alarms_by_its_name(alice, settings):
    settings.SUSPICIOUS_USES = 3
    key = key_of(alice)
    keys.revoke(key[8:20], actor="ann", reason="leaked")
    for _ in range(3):
        asked(key)
    assert list(watched()) == [f"revoked {key[8:20]}"]
    assert alarms()[f"revoked {key[8:20]}"].startswith(
        f"tc_live_{key[8:20]} of Alice: a revoked key, 3 "
    )


def test_an_expired_key_is_no_suspicion(alice, clock):
    key = key_of(alice, expires_at=database_now() + timedelta(hours=1))
    clock.move(timedelta(hours=2))
    assert asked(key).status_code == 401
    assert Suspicion.objects.count() == 0


def test_networks_never_seen_alarm_from_the_fifth(alice):
    key = key_of(alice)
    for n in range(5):
        asked(key, f"198.51.{n}.1")
    assert watched() == {}
    asked(key, "198.51.5.1")
    assert list(watched()) == [f"new_network {key[8:20]}"]


def test_a_key_in_an_address_alarms_at_once(alice):
    key = key_of(alice)
    asked(path=f"/v1/stock?key={key}")
    (message,) = watched().values()
    assert "Rotate the key, and revoke this one." in message


def test_an_alarm_is_opened_once_and_closed_when_a_day_has_passed(alice, clock):
    for n in range(25):
        asked(unknown_key(n))
    watched()
    watched()
    assert Alarm.objects.count() == 1
    clock.move(timedelta(days=1, hours=1))
    assert watched() == {}
    assert Alarm.objects.exclude(closed_at=None).count() == 1


def test_counters_are_forgotten_after_ninety_days(alice, clock):
    asked(unknown_key())
    clock.move(timedelta(days=89))
    tasks.watch_keys()
    assert (Suspicion.objects.count(), RefusedStrangers.objects.count()) == (1, 1)
    assert FailureWindow.objects.count() == 0
    clock.move(timedelta(days=2))
    tasks.watch_keys()
    assert (Suspicion.objects.count(), RefusedStrangers.objects.count()) == (0, 0)
