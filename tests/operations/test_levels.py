"""A service level that is missed opens one alarm, tells staff once, and closes by itself."""

from datetime import timedelta

import orjson
import pytest
from django.core import mail
from django.db import connection

from groundwork.alarms import close_alarm, open_alarm
from groundwork.models import Alarm, Heartbeat
from outbound_hooks.delivering import deliver_once, dispatch_all
from portal import alarm_notices
from portal.alarm_notices import tell_alarms
from portal.levels import hold_to_levels
from portal.tasks import watch
from sync.models import Connection
from sync.schedule import due_runs
from tests.conftest import as_login
from tests.factories import SourceFactory, fixed_price, variant
from tests.outbound_hooks.conftest import endpoint, people, receiver
from tests.sync.hooks import stored

__all__ = ["endpoint", "people", "receiver"]

LATE = timedelta(minutes=6)


def open_now() -> list[tuple[str, str]]:
    return sorted(Alarm.objects.filter(closed_at=None).values_list("code", "subject"))


def connection_of(source) -> None:
    Connection.objects.create(
        source=source, kind="woocommerce", base_url="https://shop.example", credentials=b""
    )


@pytest.fixture
def waiting(database):
    source = SourceFactory(slug="drinkware")
    connection_of(source)
    return next(stored(source, {"id": 1}))


def test_an_event_that_waits_too_long_is_stock_lag(waiting, clock):
    assert hold_to_levels() == 0
    clock.move(LATE)
    assert hold_to_levels() == hold_to_levels() == 1
    assert open_now() == [("stock_lag", "drinkware")]
    [alarm] = Alarm.objects.all()
    assert alarm.message.startswith("drinkware told of a change 0:06:0")
    assert "0:05:00 are promised" in alarm.message
    as_login("update sync_inboundevent set status = 'done', settled_at = now()")
    assert hold_to_levels() == 0
    assert open_now() == []
    assert Alarm.objects.count() == 1


def test_the_level_is_a_setting(waiting, clock, settings):
    settings.LEVEL_STOCK_LAG = timedelta(minutes=10)
    clock.move(LATE)
    assert hold_to_levels() == 0


def test_a_change_that_nobody_dispatches_and_one_that_nobody_sends_are_delivery_lag(
    people, endpoint, clock
):
    dispatch_all()
    fixed_price("7", customer=people.alice, variant=variant("PEN-01"))
    assert hold_to_levels() == 0
    clock.move(LATE)
    hold_to_levels()
    assert open_now() == [("delivery_lag", "looking")]
    clock.move(-LATE)  # a delivery is due by the clock that tests do not move
    dispatch_all()
    assert hold_to_levels() == 0
    clock.move(LATE)
    hold_to_levels()
    assert open_now() == [("delivery_lag", "sending")]
    deliver_once()
    assert hold_to_levels() == 0


def test_what_a_receiver_makes_wait_is_no_lag_of_ours(people, endpoint, receiver, clock):
    receiver.answer = lambda _: (500, {}, b"")
    fixed_price("7", customer=people.alice, variant=variant("PEN-01"))
    dispatch_all()
    deliver_once()
    assert hold_to_levels() == 0  # the second attempt is not due
    as_login(
        "update outbound_hooks_endpoint set closed_until = clock_timestamp() + interval '1 hour'"
    )
    clock.move(LATE)
    assert hold_to_levels() == 0  # its breaker is open


def logged(*, ok: int, failed: int, ago: int = 90, status: str = "500") -> None:
    for count, said in ((ok, "200"), (failed, status)):
        as_login(
            "insert into apikeys_requestlog (id, at, key_public_id, method, route, status, correlation_id)"
            f" select nextval('apikeys_requestlog_id'), clock_timestamp() - interval '{ago} s', '', 'GET',"
            f" '/v1/stock', {said}, 'x' from generate_series(1, {count})"
        )


def test_failed_requests_beyond_their_share_are_an_error_rate(database, clock):
    logged(ok=98, failed=1)
    assert hold_to_levels() == 1
    assert open_now() == [("error_rate", "requests")]
    assert Alarm.objects.get().message.startswith("1.0% of the requests")
    clock.move(timedelta(minutes=5))
    assert hold_to_levels() == 0
    assert open_now() == []


@pytest.mark.parametrize(
    ("requests", "missed"),
    [
        ({"ok": 199, "failed": 1}, 0),
        ({"ok": 50, "failed": 10, "status": "404"}, 0),
        ({"ok": 50, "failed": 10, "status": "null"}, 1),  # they died
        ({"ok": 50, "failed": 10, "status": "null", "ago": 10}, 0),  # they are at work
        ({"ok": 0, "failed": 10}, 0),  # too few to tell
    ],
)
def test_a_share_counts_what_we_failed_and_no_more(database, requests, missed):
    logged(**requests)
    assert hold_to_levels() == missed


def test_a_sweep_is_overdue_by_the_setting(waiting, clock, settings):
    clock.move(timedelta(hours=5))
    due_runs()
    assert open_now() == []
    settings.LEVEL_SWEEP_OVERDUE = timedelta(hours=4)
    due_runs()
    assert open_now() == [("sweep_overdue", "drinkware")]


# -- telling -------------------------------------------------------------------------------------


@pytest.fixture
def staff(database, settings, receiver):
    settings.STAFF_EMAILS = ["ops@tradecounter.example"]
    settings.STAFF_WEBHOOK_URL = receiver.url
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    open_alarm("source_stale", subject="drinkware", message="It does not answer.")


def test_staff_are_told_once_of_the_opening_and_once_of_the_end(staff, receiver):
    assert [tell_alarms(), tell_alarms()] == [1, 0]
    assert [m.subject for m in mail.outbox] == ["Alarm: source_stale drinkware"]
    assert mail.outbox[0].body.startswith("It does not answer.\n\nOpened ")
    [posted] = receiver.received
    said = orjson.loads(posted.body)
    assert said["text"] == "Alarm: source_stale drinkware. It does not answer."
    assert (said["code"], said["subject"], said["closed_at"]) == ("source_stale", "drinkware", None)
    close_alarm("source_stale", subject="drinkware")
    assert [tell_alarms(), tell_alarms()] == [1, 0]
    assert mail.outbox[1].subject == "Closed: source_stale drinkware"
    assert orjson.loads(receiver.received[1].body)["closed_at"]


def test_a_webhook_that_fails_is_made_up_for_by_the_mail(staff, receiver):
    receiver.answer = lambda _: (500, {}, b"")
    assert [tell_alarms(), tell_alarms()] == [1, 0]
    assert len(mail.outbox) == 1


def test_what_cannot_be_told_is_told_later(staff, receiver, settings, monkeypatch):
    settings.STAFF_EMAILS = []
    receiver.answer = lambda _: (500, {}, b"")
    assert tell_alarms() == 0
    receiver.answer = lambda _: (200, {}, b"")
    assert tell_alarms() == 1


def test_a_mail_server_that_refuses_is_tried_again(staff, settings, monkeypatch):
    settings.STAFF_WEBHOOK_URL = ""
    monkeypatch.setattr(
        alarm_notices.EmailMessage,
        "send",
        lambda _: (_ for _ in ()).throw(ConnectionRefusedError()),
    )
    assert tell_alarms() == 0
    monkeypatch.undo()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert tell_alarms() == 1


def test_one_that_cannot_be_mailed_keeps_no_other_from_being_told(staff, settings):
    settings.STAFF_WEBHOOK_URL = ""
    open_alarm("bad", subject="a\nheader", message="It is no subject of a mail.")
    open_alarm("source_stale", subject="zebra", message="Nor does this.")
    assert tell_alarms() == 2
    assert sorted(m.subject for m in mail.outbox) == [
        "Alarm: source_stale drinkware", "Alarm: source_stale zebra",
    ]  # fmt: skip


def test_whoever_tells_an_alarm_holds_nothing_and_another_leaves_it(staff, monkeypatch):
    real, inside = alarm_notices._is_mailed, []

    def mailing(alarm):
        inside.append((connection.in_atomic_block, tell_alarms()))
        open_alarm("source_stale", subject="drinkware", message="It answers 500.")
        return real(alarm)

    monkeypatch.setattr(alarm_notices, "_is_mailed", mailing)
    assert tell_alarms() == 1
    assert inside == [(False, 0)]


def test_what_a_dead_teller_claimed_is_told_later(staff, clock):
    Alarm.objects.update(telling_until=clock.now() + alarm_notices.LEASE)
    assert tell_alarms() == 0
    clock.move(alarm_notices.LEASE)
    assert tell_alarms() == 1


def test_one_that_passed_before_anybody_was_told_is_not_told(staff):
    close_alarm("source_stale", subject="drinkware")
    assert tell_alarms() == 0
    assert mail.outbox == []


def test_the_watch_beats_looks_and_tells(waiting, clock, settings):
    settings.STAFF_EMAILS = ["ops@tradecounter.example"]
    clock.move(LATE)
    watch()
    assert Heartbeat.objects.get().beaten_at >= clock.now() - timedelta(seconds=10)
    assert [m.subject for m in mail.outbox] == ["Alarm: stock_lag drinkware"]


def test_the_watch_goes_on_without_redis(waiting, clock, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.STAFF_EMAILS = ["ops@tradecounter.example"]
    clock.move(LATE)
    watch()
    assert len(mail.outbox) == 1
