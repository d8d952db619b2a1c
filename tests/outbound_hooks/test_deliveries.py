"""What becomes of a delivery: delivered, tried again, given up; and of the endpoint behind it."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection, transaction

from customers.models import Customer
from groundwork.models import Alarm, AuditEntry
from outbound_hooks import deliveries, delivering, endpoints
from outbound_hooks.deliveries import Message
from outbound_hooks.delivering import deliver_once, dispatch_all, sent
from outbound_hooks.models import Attempt, Delivery, Endpoint
from outbound_hooks.outcomes import noted
from outbound_hooks.schedule import DELAYS
from outbound_hooks.sender import Answer
from tests.factories import fixed_price, terms_changed, variant
from tests.outbound_hooks.conftest import registered
from tests.outbound_hooks.receivers import Receiver, receiving


def put(endpoint: Endpoint, count: int = 1) -> list[Delivery]:
    messages = [Message("ping", '{"type":"ping","data":{}}') for _ in range(count)]
    return deliveries.put(
        endpoint.pk, endpoint.customer_id, messages, revision=1, correlation="cause-0001"
    )


def answering(receiver: Receiver, status: int, headers: dict[str, str] | None = None) -> None:
    receiver.answer = lambda _: (status, headers or {}, b"said")


def test_a_delivery_that_is_taken_is_done(endpoint, receiver):
    (delivery,) = put(endpoint)
    assert deliver_once() == 1
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts, delivery.is_taken) == ("delivered", 1, False)
    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.answer, attempt.address) == (200, "ok", "127.0.0.1")
    assert attempt.milliseconds > 0
    assert receiver.ids == [delivery.message_id]
    assert deliver_once() == 0


@pytest.mark.parametrize("status", [302, 400, 401, 404, 408, 429, 500, 503])
def test_every_other_answer_is_tried_ten_times_on_schedule_and_then_a_dead_letter(
    endpoint, receiver, clock, status
):
    """The same id and the same bytes each time."""
    answering(receiver, status)
    (delivery,) = put(endpoint)
    assert deliver_once() == 1
    for delay in DELAYS:
        Endpoint.objects.update(closed_until=None, failing_since=None)  # of the endpoint, below
        clock.move(delay - timedelta(seconds=3))
        assert deliver_once() == 0
        clock.move(delay * 0.1 + timedelta(seconds=4))
        assert deliver_once() == 1
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("dead", 10)
    assert delivery.reason.startswith("It failed 10 times.")
    assert set(receiver.ids) == {delivery.message_id}
    assert len({each.body for each in receiver.received}) == 1
    assert list(Attempt.objects.order_by("number").values_list("number", "status")) == [
        (number, status) for number in range(1, 11)
    ]
    clock.move(timedelta(days=2))
    assert deliver_once() == 0


def test_a_receiver_may_ask_for_time(endpoint, receiver, clock):
    answering(receiver, 503, {"Retry-After": "3600"})
    put(endpoint)
    deliver_once()
    clock.move(timedelta(minutes=59))
    assert deliver_once() == 0
    clock.move(timedelta(minutes=2))
    assert deliver_once() == 1


def test_410_ends_the_endpoint_and_what_waits_for_it(endpoint, receiver):
    put(endpoint, 6)
    receiver.answer = lambda _: (410, {}, b"")
    deliver_once()
    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.disabled_reason) == (
        False,
        "The receiver answered 410: it is gone for good.",
    )
    assert set(Delivery.objects.values_list("status", flat=True)) == {"dead"}
    assert Alarm.objects.get(code=endpoints.DISABLED).subject == endpoint.public_id
    assert deliver_once() == 0


@pytest.mark.parametrize(
    ("contact", "told"), [("it@alice.example", "it@alice.example"), ("", "staff@us.example")]
)
def test_the_partner_is_told_by_mail_or_staff_where_nobody_is_known(
    endpoint, receiver, settings, contact, told
):
    settings.STAFF_EMAILS = ["staff@us.example"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    mail.outbox = []
    Customer.objects.filter(pk=endpoint.customer_id).update(contact_email=contact)
    put(endpoint)
    answering(receiver, 410)
    deliver_once()
    (sent_one,) = mail.outbox
    assert sent_one.to == [told]
    assert f"POST /v1/webhooks/{endpoint.public_id}/enable" in sent_one.body


def test_five_days_of_failure_disable_an_endpoint_and_enabling_takes_the_alarm_back(
    endpoint, receiver, clock
):
    answering(receiver, 500)
    put(endpoint)
    deliver_once()
    clock.move(timedelta(days=4, hours=23))
    put(endpoint)
    deliver_once()
    endpoint.refresh_from_db()
    assert endpoint.is_enabled
    clock.move(timedelta(hours=2))
    put(endpoint)
    deliver_once()
    endpoint.refresh_from_db()
    assert endpoint.disabled_reason == "Every attempt failed for 5 days."
    assert not Delivery.objects.filter(status="pending").exists()
    endpoints.enable(endpoint, actor="ann")
    assert Alarm.objects.get(code=endpoints.DISABLED).closed_at is not None
    assert Endpoint.objects.get().failing_since is None


def test_a_success_makes_five_days_begin_anew(endpoint, receiver, clock):
    answering(receiver, 500)
    put(endpoint)
    deliver_once()
    clock.move(timedelta(days=3))
    answering(receiver, 200)
    deliver_once()
    answering(receiver, 500)
    clock.move(timedelta(days=3))
    put(endpoint)
    deliver_once()
    assert Endpoint.objects.get().is_enabled


def test_after_five_failures_in_a_row_one_delivery_looks_whether_it_is_back(
    endpoint, receiver, clock
):
    answering(receiver, 500)
    put(endpoint, 5)
    assert deliver_once() == 4
    put(endpoint, 20)
    assert deliver_once() == 1  # while it fails, one at a time
    assert deliver_once() == 0  # and now it rests
    clock.move(timedelta(seconds=31))
    assert deliver_once() == 1
    assert deliver_once() == 0
    clock.move(timedelta(seconds=61))
    answering(receiver, 200)
    assert deliver_once() == 1
    assert deliver_once() == 4  # it is back


def test_an_attempt_that_was_cut_off_is_tried_again_when_its_claim_ends(endpoint, receiver, clock):
    put(endpoint)
    (lost,) = deliveries.claim(most=10, each=4)
    assert Attempt.objects.get().milliseconds is None
    clock.move(timedelta(seconds=29))
    assert deliver_once() == 0
    clock.move(timedelta(seconds=2))
    assert deliver_once() == 1
    assert Delivery.objects.get().status == "delivered"
    assert list(Attempt.objects.order_by("number").values_list("status", flat=True)) == [None, 200]
    noted([(lost, Answer(500, "late"))])  # it was only slow: its word comes too late
    assert Delivery.objects.get().status == "delivered"


def test_a_late_completion_of_a_claim_that_another_holds_changes_nothing(endpoint, clock):
    put(endpoint)
    (lost,) = deliveries.claim(most=10, each=4)
    clock.move(timedelta(seconds=31))
    (held,) = deliveries.claim(most=10, each=4)
    deliveries.complete([deliveries.Completed(lost, Answer(200), "delivered", "", timedelta(0))])
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.is_taken, delivery.claim) == ("pending", True, held.claim)


def test_attempts_that_our_own_death_cut_off_do_not_count_until_they_are_very_many(
    endpoint, receiver, clock
):
    put(endpoint)
    for _ in range(12):
        assert len(deliveries.claim(most=10, each=4)) == 1
        clock.move(timedelta(seconds=31))
    answering(receiver, 500)
    assert deliver_once() == 1
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts, delivery.cut_off) == ("pending", 13, 12)
    clock.move(timedelta(seconds=10))
    Delivery.objects.update(cut_off=19, attempts=20)
    deliveries.claim(most=10, each=4)
    clock.move(timedelta(seconds=31))
    deliveries.claim(most=10, each=4)
    clock.move(timedelta(seconds=31))
    assert deliver_once() == 0
    assert deliveries.bury_exhausted() == 1
    assert Delivery.objects.get().reason == "Its attempts were cut off again and again."


@pytest.mark.parametrize(
    "retry_after",
    ["Sat, 21 Nov 99999999999999 12:05:00 GMT", "Sat, 21 Nov 9999 23:59:59 -2359", "\x00\x07"],
)
def test_no_answer_of_a_receiver_stops_the_others(endpoint, receiver, people, retry_after):
    with receiving() as healthy:
        other, _ = registered(people.bob, healthy.url)
        put(endpoint)
        put(other)
        (bad, good) = sorted(deliveries.claim(most=9, each=4), key=lambda c: c.url != endpoint.url)
        delivering._noted(
            [(bad, Answer(503, "with \0 in it", "\0", retry_after)), (good, Answer(200))]
        )
    statuses = dict(Delivery.objects.values_list("endpoint__customer__slug", "status"))
    assert statuses == {"alice": "pending", "bob": "delivered"}
    failed = Attempt.objects.get(delivery__endpoint=endpoint)
    assert failed.error in ("with \0 in it", "Something failed here; staff can find it in the log.")


def test_what_no_sender_began_is_given_back_as_if_it_had_not_been_taken(endpoint, receiver):
    put(endpoint, 2)
    first, second = deliveries.claim(most=10, each=4)
    deliveries.hand_back([first])
    delivery = Delivery.objects.get(pk=first.id)
    assert (delivery.attempts, delivery.is_taken) == (0, False)
    assert list(Attempt.objects.values_list("delivery", flat=True)) == [second.id]
    assert deliver_once() == 1
    assert receiver.ids == [first.message_id]


def test_a_customer_has_no_more_than_its_share_however_many_endpoints_it_has(people, receiver):
    many = [registered(people.alice, f"{receiver.url}/{n}")[0] for n in range(5)]
    other, _ = registered(people.bob, receiver.url)
    for each in (*many, other):
        put(each, 10)
    claimed = deliveries.claim(most=100, each=4)
    of = [Endpoint.objects.get(pk=each.endpoint_id).customer.slug for each in claimed]
    assert (of.count("alice"), of.count("bob")) == (deliveries.OF_A_CUSTOMER, 4)
    assert deliveries.claim(most=100, each=4) == []


def test_nothing_is_sent_to_a_customer_without_a_contract_however_much_waits(
    people, endpoint, receiver
):
    put(endpoint, 150)
    terms_changed(people.alice, status="suspended")
    assert deliver_once() == 0
    delivering._housekeeping()
    assert set(Delivery.objects.values_list("status", flat=True)) == {"cancelled"}
    assert receiver.received == []


def test_two_that_claim_at_the_same_time_get_no_more_than_an_endpoint_s_share(endpoint):
    """The other has claimed and not committed: what it took cannot be seen yet."""
    put(endpoint, 10)
    got = []

    def claims() -> None:
        got.extend(deliveries.claim(most=10, each=4))
        connection.close()

    other = threading.Thread(target=claims)
    with transaction.atomic():
        first = deliveries.claim(most=10, each=4)
        other.start()
        other.join(0.3)
        assert other.is_alive()
    other.join(20)
    assert (len(first), got) == (4, [])


def test_one_that_waited_until_its_claim_may_end_is_given_back_unsent(endpoint, receiver):
    put(endpoint)
    (claimed,) = deliveries.claim(most=1, each=1)
    deliverer = delivering.Deliverer(senders=1)
    waited = replace(claimed, taken_at=claimed.taken_at - delivering._FRESH)
    for each in (waited, None):
        deliverer._taken.put(each)
    deliverer._send()
    assert deliverer._done.get_nowait() == (waited, None)
    assert receiver.received == []


def test_a_contract_s_end_that_is_cut_off_halfway_is_not_half_done(people, endpoint, monkeypatch):
    put(endpoint)
    terms_changed(people.alice, status="suspended")
    with monkeypatch.context() as cut_off:
        cut_off.setattr(endpoints, "advance", lambda *_, **__: 1 / 0)
        dispatch_all()
    assert Delivery.objects.get().status == "pending"
    delivering._rests_until.clear()
    dispatch_all()
    assert Delivery.objects.get().status == "cancelled"
    assert Endpoint.objects.get().cursor == "lost"


def test_a_fault_of_ours_ends_no_loop(monkeypatch):
    monkeypatch.setattr(delivering, "_WAITS", 0)
    assert delivering._surviving(lambda: 1 // 0) == 0


def test_one_that_claims_after_another_gets_what_is_left(endpoint):
    put(endpoint, 10)
    first = {each.id for each in deliveries.claim(most=3, each=4)}
    second = {each.id for each in deliveries.claim(most=10, each=4)}
    assert (len(first), len(second), first & second) == (3, 1, set())
    assert deliveries.claim(most=10, each=4) == []


def test_one_endpoint_s_backlog_leaves_room_for_the_others(people, receiver):
    busy, quiet = (registered(people.alice, f"{receiver.url}/{n}")[0] for n in range(2))
    put(busy, 50)
    put(quiet, 1)
    claimed = deliveries.claim(most=32, each=4)
    assert sorted(each.endpoint_id for each in claimed) == [busy.pk] * 4 + [quiet.pk]


def test_both_secrets_sign_for_24_hours_after_a_rotation(people, receiver, clock):
    endpoint, old = registered(people.alice, receiver.url, signs_body=True)
    new = endpoints.rotate(endpoint, actor="ann")
    assert new != old
    put(endpoint)
    deliver_once()
    clock.move(timedelta(hours=24, seconds=1))
    put(endpoint)
    deliver_once()
    signatures = [each.headers["webhook-signature"].split() for each in receiver.received]
    assert [len(each) for each in signatures] == [2, 1]
    assert "X-Signature-Previous" in receiver.received[0].headers
    assert "X-Signature-Previous" not in receiver.received[1].headers
    assert AuditEntry.objects.filter(action="endpoint.rotated").count() == 1


def test_a_disabled_endpoint_hears_nothing_and_goes_on_where_it_stood(people, receiver, endpoint):
    fixed_price("7", customer=people.alice, variant=variant("PEN-01"))
    dispatch_all()
    endpoints.disable(endpoint, actor="ann", reason="Maintenance.")
    assert Delivery.objects.get().status == "dead"
    fixed_price("6", customer=people.alice, variant=variant("MUG-11-BLK"))
    assert (dispatch_all(), deliver_once()) == (0, 0)
    endpoints.enable(endpoint, actor="ann")
    dispatch_all()
    deliver_once()
    (received,) = receiver.received
    assert [each["sku"] for each in received.said["data"]["changes"]] == ["MUG-11-BLK"]


def test_what_ended_thirty_days_ago_is_deleted(endpoint, receiver, clock):
    put(endpoint, 3)
    deliver_once()
    clock.move(timedelta(days=29))
    put(endpoint)
    assert deliveries.prune() == 0
    clock.move(timedelta(days=2))
    assert deliveries.prune() == 3
    assert (Delivery.objects.count(), Attempt.objects.count()) == (1, 0)


def test_a_secret_whose_key_is_gone_is_told_and_kept_trying(endpoint, receiver, settings):
    put(endpoint)
    Endpoint.objects.update(secret=b"sealed under another key")
    deliver_once()
    assert "add the key it was sealed under" in Attempt.objects.get().error
    assert receiver.received == []
    assert Delivery.objects.get().status == "pending"


def test_a_fault_of_ours_in_one_delivery_is_an_attempt_that_failed(endpoint, monkeypatch):

    def broken(*_, **__):
        raise RuntimeError("a fault")

    monkeypatch.setattr(delivering, "send", broken)
    put(endpoint)
    (claimed,) = deliveries.claim(most=1, each=1)
    assert sent(claimed).error == "Something failed here; staff can find it in the log."


def test_receivers_of_two_endpoints_do_not_know_each_other_s_secret(people, receiver):
    with receiving() as other:
        registered(people.alice, receiver.url)
        registered(people.bob, other.url)
        for endpoint in Endpoint.objects.all():
            put(endpoint)
        deliver_once()
    mine, theirs = receiver.received[0], other.received[0]
    assert mine.headers["webhook-signature"] != theirs.headers["webhook-signature"]
