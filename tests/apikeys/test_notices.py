"""The end of a key is told a week and a day before, each once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from smtplib import SMTPException

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connections

from apikeys import keys, notices, tasks
from apikeys.models import ExpiryNotice
from groundwork.instants import database_now
from groundwork.models import Alarm
from tests.factories import CustomerFactory, key_of, now

DAY = timedelta(days=1)


@pytest.fixture
def alder(database, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    mail.outbox = []
    return CustomerFactory(slug="alder", name="Alder", contact_email="it@alder.example")


def sent() -> int:
    return notices.send_due(at=database_now())


def test_a_week_and_a_day_before_the_customer_is_told_each_once(alder, clock):
    key = key_of(alder, label="shop", expires_at=now() + 30 * DAY)
    told = []
    for _ in range(32):
        told.append(sent() + sent())
        clock.move(DAY)
    assert [day for day, count in enumerate(told) if count] == [24, 30] or [
        day for day, count in enumerate(told) if count
    ] == [23, 29]
    assert sum(told) == len(mail.outbox) == 2
    first = mail.outbox[0]
    assert first.to == ["it@alder.example"]
    assert first.subject.startswith(f"API key tc_live_{key[8:20]} ends on ")
    assert "(shop) of Alder ends on" in first.body
    assert key[21:] not in first.body
    rows = ExpiryNotice.objects.order_by("id").values_list("days_before", "sent_to")
    assert list(rows) == [(7, "it@alder.example"), (1, "it@alder.example")]


def test_a_key_that_ends_tomorrow_is_told_of_once_alone(alder):
    key_of(alder, expires_at=now() + DAY / 2)
    assert (sent(), sent()) == (1, 0)
    assert ExpiryNotice.objects.get().days_before == 1


def test_keys_that_end_later_never_or_have_ended_are_not_told_of(alder):
    key_of(alder)
    key_of(alder, expires_at=now() + 8 * DAY)
    key_of(alder, expires_at=now() - DAY)
    revoked = key_of(alder, expires_at=now() + DAY)
    keys.revoke(revoked[8:20], actor="ann", reason="leaked")
    assert sent() == 0
    assert (mail.outbox, ExpiryNotice.objects.count()) == ([], 0)


def test_a_rotated_key_is_told_of_with_its_successor(alder):
    old = key_of(alder)
    successor, _ = keys.rotate(old[8:20], actor="ann", overlap_days=6)
    assert sent() == 1
    assert f"Its successor {successor} works already." in mail.outbox[0].body


def test_another_end_is_another_notice(alder):
    key = key_of(alder, expires_at=now() + 5 * DAY)
    sent()
    keys.change(key[8:20], actor="ann", expires_at=now() + 6 * DAY)
    assert sent() == 1


def test_without_a_contact_staff_are_told_and_without_staff_an_alarm_says_so(alder, settings):
    stranger = CustomerFactory(name="Birch")
    key = key_of(stranger, expires_at=now() + DAY)
    assert sent() == 0
    alarm = Alarm.objects.get(closed_at=None)
    assert (alarm.code, alarm.subject) == ("key_expiry_unheard", f"tc_live_{key[8:20]}")
    settings.STAFF_EMAILS = ["staff@trade.example"]
    assert sent() == 1
    assert mail.outbox[0].to == ["staff@trade.example"]
    alarm.refresh_from_db()
    assert alarm.closed_at is not None


class Refusing(EmailBackend):
    def send_messages(self, messages):
        raise SMTPException("try later")


def test_a_mail_that_is_refused_is_tried_again_and_then_sent_once(alder, clock, settings):
    key_of(alder, expires_at=now() + DAY)
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    assert sent() == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert sent() == 0  # it is still claimed
    clock.move(timedelta(minutes=11))
    assert (sent(), sent(), len(mail.outbox)) == (1, 0, 1)


def test_two_beats_send_each_once(alder):
    for _ in range(5):
        key_of(alder, expires_at=now() + DAY)

    def run(_: int) -> None:
        try:
            tasks.tell_expiries()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    assert len(mail.outbox) == 5
    assert ExpiryNotice.objects.exclude(sent_at=None).count() == 5
