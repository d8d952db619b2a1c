"""The door where shops call: what is signed is kept and answered, all else is refused and counted."""

import socket
import threading
import time
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from celery import Celery
from django.db import connection as database
from django.test import Client, RequestFactory

from config.celery import app
from demo.shops import small_shop
from groundwork.sealing import unseal
from sync import api, connections, hearing, tasks
from sync.bell import Bell
from sync.models import Connection, InboundEvent, RefusedDelivery, SweepRun
from sync.woocommerce.hooks import signature_of
from tests.sync.conftest import run
from tests.sync.hooks import SECRET, deliver, post, signature, signed

SLUG = "small-1"
BODY = b'{"id":5,"type":"simple"}'


@pytest.fixture
def source(connected):
    return connected().source


def refusals() -> dict[tuple[str | None, str], int]:
    rows = RefusedDelivery.objects.values_list("source__slug", "reason", "count")
    return {(slug, reason): count for slug, reason, count in rows}


def test_a_signed_delivery_is_kept_whole_and_its_worker_called(source, woken):
    answer = deliver(SLUG, BODY)
    assert (answer.status_code, answer.content) == (200, b"")
    event = InboundEvent.objects.get()
    assert bytes(event.body) == BODY
    assert (event.source, event.topic, event.status, event.attempts) == (
        source, "product.updated", "pending", 0,
    )  # fmt: skip
    assert event.delivery_id == "a0dec46f0ac042368a8436f37c3051da"
    assert event.headers == {
        "X-WC-Webhook-Topic": "product.updated",
        "X-WC-Webhook-Delivery-ID": "a0dec46f0ac042368a8436f37c3051da",
    }
    assert event.correlation_id == answer["X-Request-Id"]
    assert (woken, refusals()) == ([source.pk], {})


def test_the_same_delivery_id_is_kept_as_often_as_it_comes(source):
    """Recorded: 300 deliveries carried 8 ids."""
    assert [deliver(SLUG, BODY).status_code for _ in range(3)] == [200] * 3
    assert InboundEvent.objects.count() == 3


def test_one_statement_keeps_a_delivery_and_one_finds_its_source(source, django_assert_num_queries):
    deliver(SLUG, BODY)
    with django_assert_num_queries(2):
        deliver(SLUG, BODY)


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_a_ping_of_a_known_source_is_200_and_nothing_is_kept(source, woken):
    answer = post(SLUG, b"webhook_id=12", FORM)
    assert (answer.status_code, answer.content) == (200, b"")
    assert (InboundEvent.objects.count(), refusals(), woken) == (0, {}, [])


REFUSED = {
    "unsigned": (BODY, {}, "unsigned"),
    "an empty signature": (BODY, {"X-WC-Webhook-Signature": ""}, "unsigned"),
    "another secret": (BODY, signed(BODY, secret="another"), "wrong_signature"),
    "another body": (BODY, signed(BODY + b" "), "wrong_signature"),
    "no base64": (BODY, signed(BODY, **{"X-WC-Webhook-Signature": "é" * 44}), "wrong_signature"),
    "as hexadecimal": (BODY, signed(BODY, **{"X-WC-Webhook-Signature": "ab" * 32}), "wrong_signature"),
    "half a signature": (
        BODY, signed(BODY, **{"X-WC-Webhook-Signature": signature(BODY)[:20]}), "wrong_signature",
    ),
    "a ping with more": (b"webhook_id=12&x=1", FORM, "unsigned"),
    "a ping without a number": (b"webhook_id=", FORM, "unsigned"),
    "nothing": (b"", {}, "unsigned"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_signed_is_refused_counted_and_not_kept(source, woken, case):
    body, headers, reason = REFUSED[case]
    answers = [post(SLUG, body, headers) for _ in range(2)]
    assert [(a.status_code, a.content) for a in answers] == [(401, b"Not accepted.")] * 2
    assert (InboundEvent.objects.count(), woken) == (0, [])
    assert refusals() == {(SLUG, reason): 2}


def test_an_unknown_source_gets_the_same_answer_and_is_never_named(source):
    known = post(SLUG, BODY, {})
    unknown = [post("nobody", body, headers) for body, headers in (
        (BODY, {}), (BODY, signed(BODY)), (b"webhook_id=12", FORM),
    )]  # fmt: skip
    own = {"X-Request-Id"}
    for answer in unknown:
        assert (answer.status_code, answer.content) == (known.status_code, known.content)
        assert {k: v for k, v in answer.items() if k not in own} == {
            k: v for k, v in known.items() if k not in own
        }
    assert refusals() == {(SLUG, "unsigned"): 1, (None, "unknown_source"): 3}
    assert InboundEvent.objects.count() == 0


@pytest.mark.parametrize(
    "path", ["/hooks/", "/hooks/%00/", "/hooks/A/", "/hooks/a/b/", "/hooks/a b/"]
)
def test_what_can_be_no_source_is_not_found(database, path):
    assert Client().post(path, BODY, content_type="application/json").status_code == 404
    assert refusals() == {}


def test_only_a_post_is_heard(source):
    assert Client().get(f"/hooks/{SLUG}/").status_code == 405


def test_a_source_without_a_secret_hears_nothing(source):
    Connection.objects.update(hook_secrets=None)
    for secret in (SECRET, "", "None"):
        assert post(SLUG, BODY, signed(BODY, secret=secret)).status_code == 401
    assert refusals() == {(SLUG, "no_secret"): 3}


def test_a_secret_that_no_key_opens_hears_nothing(source):
    Connection.objects.update(hook_secrets=b"sealed elsewhere")
    assert deliver(SLUG, BODY).status_code == 401
    assert refusals() == {(SLUG, "secret_unreadable"): 1}
    assert run("set_hook_secret", SLUG, secret=SECRET).code == 0
    assert deliver(SLUG, BODY).status_code == 200


def accepted(secret: str) -> bool:
    return post(SLUG, BODY, signed(BODY, secret=secret)).status_code == 200


def test_two_secrets_are_taken_while_one_follows_the_other(source):
    assert run("set_hook_secret", SLUG, secret="second").code == 0
    assert [accepted(each) for each in (SECRET, "second", "third")] == [True, True, False]
    run("set_hook_secret", SLUG, secret="second")
    assert [accepted(each) for each in (SECRET, "second")] == [True, True]
    run("set_hook_secret", SLUG, secret="third")
    assert [accepted(each) for each in (SECRET, "second", "third")] == [False, True, True]
    said = run("set_hook_secret", SLUG, "--only", secret="fourth")
    assert said.out == f"{SLUG}: the secret is set; the one before it has ended.\n"
    assert [accepted(each) for each in ("second", "third", "fourth")] == [False, False, True]


def test_a_secret_that_is_made_is_told_once_and_kept_sealed(source, monkeypatch):
    monkeypatch.delenv("SOURCE_HOOK_SECRET", raising=False)
    made = run("set_hook_secret", SLUG).out.splitlines()[0].rpartition(" ")[2]
    assert len(made) == 43
    assert accepted(made)
    row = Connection.objects.get()
    assert made.encode() not in bytes(row.hook_secrets)
    assert unseal(row.hook_secrets) == f'["{made}","{SECRET}"]'


def test_a_secret_of_an_unknown_source_is_wrong_usage(source):
    said = run("set_hook_secret", "nobody")
    assert (said.code, said.error) == (2, "There is no source nobody.")


def test_adding_a_source_tells_what_to_paste(connected, monkeypatch):
    monkeypatch.delenv("SOURCE_HOOK_SECRET", raising=False)
    one = connected()
    said = run(
        "add_source", "other", url=one.url,
        key=one.shop.shop.consumer_key, secret=one.shop.shop.consumer_secret,
    )  # fmt: skip
    assert said.out.count("/hooks/other/") == 1
    secret = next(line for line in said.out.splitlines() if "  Secret " in line).split()[-1]
    assert post("other", BODY, signed(BODY, secret=secret)).status_code == 200


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("abc123", "abc123"),
        ("a&b", "a&b"),
        ("a<b>c", "a<b>c"),
        ("a\"b'c", "a\"b'c"),
        ("a&amp;b", "a&b"),
        ("a&amp;amp;b", "a&amp;b"),
        ("&lt;&gt;&quot;&#039;&#39;&#x27;&#X0027;&#038;", "<>\"''''&"),
        ("a&copy;b&#65;", "a&copy;b&#65;"),
        ("a%20b", "a%20b"),
        ("sé☕", "sé☕"),
    ],
)
def test_entities_of_a_secret_are_decoded_as_wordpress_does(given, key):
    assert signature_of(BODY, given).decode() == signature(BODY, key)


def test_a_body_of_a_megabyte_is_kept_and_one_byte_more_is_not(source):
    fits = b'{"id":5,"x":"' + b"a" * (hearing.LARGEST - 15) + b'"}'
    assert len(fits) == hearing.LARGEST
    assert deliver(SLUG, fits).status_code == 200
    assert bytes(InboundEvent.objects.get().body) == fits
    assert deliver(SLUG, fits + b" ").status_code == 413
    assert deliver("nobody", fits + b" ").status_code == 413
    assert InboundEvent.objects.count() == 1
    assert refusals() == {(SLUG, "too_large"): 1, (None, "too_large"): 1}


class Unread(BytesIO):
    """A body that counts how much of it was asked for."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        piece = super().read(size)
        self.taken += len(piece)
        return piece


def called(source, body: Unread, **told: str) -> int:
    request = RequestFactory().post(f"/hooks/{SLUG}/", content_type="application/json")
    request.META |= {"wsgi.input": body} | told
    request.META.pop("CONTENT_LENGTH") if "CONTENT_LENGTH" not in told else None
    return api.hook(request, slug=SLUG).status_code


@pytest.mark.parametrize("told", ["1048577", "9" * 30, "-1", "ten"])
def test_what_says_it_is_too_large_is_not_read(source, told):
    body = Unread(b"x" * 10)
    assert called(source, body, CONTENT_LENGTH=told) == 413
    assert (body.taken, refusals()) == (0, {(SLUG, "too_large"): 1})


def test_chunks_without_a_length_are_read_up_to_the_limit(source):
    body = Unread(b"x" * (3 * hearing.LARGEST))
    assert called(source, body, HTTP_TRANSFER_ENCODING="chunked") == 413
    assert body.taken == hearing.LARGEST + 1
    fits = {f"HTTP_{n.upper().replace('-', '_')}": v for n, v in signed(BODY).items()}
    assert called(source, Unread(BODY), HTTP_TRANSFER_ENCODING="chunked", **fits) == 200
    assert bytes(InboundEvent.objects.get().body) == BODY


def test_who_hangs_up_is_no_error_of_ours(source):
    class Broken(BytesIO):
        def read(self, size=-1):
            raise OSError("gone")

    request = RequestFactory().post(f"/hooks/{SLUG}/", b"x", content_type="application/json")
    request._stream = Broken()
    assert api.hook(request, slug=SLUG).status_code == 400
    assert InboundEvent.objects.count() == 0


def test_more_than_the_rate_is_429_counted_and_a_sweep_is_wanted(source, settings, clock):
    settings.HOOK_EVENTS_PER_WINDOW = 3
    assert [deliver(SLUG, BODY).status_code for _ in range(3)] == [200] * 3
    assert not SweepRun.objects.exists()
    answer = deliver(SLUG, BODY)
    assert (answer.status_code, answer["Retry-After"]) == (429, "10")
    assert InboundEvent.objects.count() == 3
    assert refusals() == {(SLUG, "too_many"): 1}
    assert SweepRun.objects.get().status == "due"
    clock.move(timedelta(seconds=9))
    assert deliver(SLUG, BODY).status_code == 429
    assert SweepRun.objects.count() == 1
    clock.move(timedelta(seconds=1))
    assert [deliver(SLUG, BODY).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_the_rate_of_one_source_is_not_anothers(connected, settings):
    settings.HOOK_EVENTS_PER_WINDOW = 1
    connected()
    other = connected(replace(small_shop(1), slug="other"))
    assert deliver(SLUG, BODY).status_code == 200
    assert deliver(SLUG, BODY).status_code == 429
    assert deliver(other.source.slug, BODY).status_code == 200


def test_a_shop_is_never_sent_on(source, settings):
    """It takes a redirect for success, and the event would be lost."""
    settings.SECURE_SSL_REDIRECT = True
    for path in (f"/hooks/{SLUG}", f"/hooks/{SLUG}/"):
        answer = Client().post(path, BODY, content_type="application/json", headers=signed(BODY))
        assert answer.status_code == 200
    assert Client().post("/admin/").status_code == 301
    assert InboundEvent.objects.count() == 2


def test_no_session_and_no_cookie(source):
    assert not deliver(SLUG, BODY).cookies


def test_headers_are_kept_short_and_writable(source):
    long = signed(BODY, topic="product." + "x" * 5_000, **{"X-WC-Webhook-Source": "a\ud800b"})
    request = RequestFactory().post(
        f"/hooks/{SLUG}/", BODY, content_type="application/json", headers=long
    )
    assert api.hook(request, slug=SLUG).status_code == 200
    event = InboundEvent.objects.get()
    assert len(event.topic) == 100
    assert event.headers["X-WC-Webhook-Source"] == "a\N{REPLACEMENT CHARACTER}b"


@pytest.fixture
def dead_broker(monkeypatch):
    """A port that takes connections and never says a word: the slowest way to be down."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        broker = Celery(
            broker=f"redis://127.0.0.1:{silent.getsockname()[1]}/0",
            broker_transport_options={"max_retries": 0, "socket_timeout": 0.2},
        )
        monkeypatch.setattr(tasks.follow_events, "apply_async", broker.signature(
            "sync.tasks.follow_events"
        ).apply_async)  # fmt: skip
        yield


def test_a_broker_that_hangs_costs_the_shop_nothing(source, dead_broker, monkeypatch):
    rung = threading.Event()

    def send(source_id: int) -> None:
        tasks._send(source_id)
        rung.set()

    monkeypatch.setattr(tasks, "wake", Bell(send).ring)
    started = time.monotonic()
    assert [deliver(SLUG, BODY).status_code for _ in range(5)] == [200] * 5
    assert time.monotonic() - started < 1
    assert rung.wait(10)
    assert InboundEvent.objects.count() == 5


def test_a_bell_rings_once_for_all_who_asked_meanwhile():
    rung, first, may_go_on, done = [], threading.Event(), threading.Event(), threading.Event()

    def ring(number: int) -> None:
        rung.append(number)
        first.set()
        assert may_go_on.wait(10)
        if len(rung) == 3:
            done.set()

    bell = Bell(ring)
    bell.ring(1)
    assert first.wait(10)
    for number in (1, 2, 1, 2, 2):
        bell.ring(number)
    may_go_on.set()
    assert done.wait(10)
    assert rung == [1, 1, 2]


def test_a_tick_calls_for_the_sources_that_have_due_events(source, monkeypatch):
    called = []
    monkeypatch.setattr(tasks, "_send", called.append)
    tasks.wake_sources()
    assert called == []
    deliver(SLUG, BODY)
    tasks.wake_sources(later_argument=1)
    assert called == [source.pk]


def test_beat_and_worker_know_the_tasks_and_their_queue():
    app.loader.import_default_modules()
    told = app.conf.beat_schedule
    assert {each["task"] for each in told.values()} <= set(app.tasks)
    assert app.amqp.router.route({}, "sync.tasks.follow_events")["queue"].name == "hooks"
    assert app.amqp.router.route({}, "sync.tasks.wake_sources")["queue"].name == "hooks"
    assert all(app.tasks[name].time_limit for name in app.tasks if name.startswith("sync."))


def test_a_following_that_left_something_is_called_again(source, monkeypatch):
    called = []
    monkeypatch.setattr(tasks, "_send", called.append)
    monkeypatch.setattr(tasks, "follow", lambda _source: True)
    tasks.follow_events(source_id=source.pk, later_argument=1)
    assert called == [source.pk]


def test_what_is_done_goes_after_its_days_and_what_is_dead_stays(source, settings, clock):
    for _ in range(3):
        deliver(SLUG, BODY)
    one, two, _three = InboundEvent.objects.order_by("pk").values_list("pk", flat=True)
    with database.cursor() as cursor:
        cursor.execute(
            "update sync_inboundevent set status = case id when %s then 'done' else 'dead' end,"
            " settled_at = clock_timestamp() where id in (%s, %s)",
            [one, one, two],
        )
    clock.move(settings.HOOK_EVENTS_KEPT - timedelta(minutes=1))
    tasks.purge_events()
    assert InboundEvent.objects.count() == 3
    clock.move(timedelta(minutes=2))
    tasks.purge_events()
    kept = InboundEvent.objects.order_by("pk").values_list("status", flat=True)
    assert list(kept) == ["dead", "pending"]


def test_refusals_are_counted_by_the_hour_and_kept_for_90_days(source, clock):
    post(SLUG, BODY, {})
    clock.move(timedelta(hours=1))
    post(SLUG, BODY, {})
    post(SLUG, BODY, {})
    assert list(RefusedDelivery.objects.order_by("hour").values_list("count", flat=True)) == [1, 2]
    clock.move(timedelta(days=90) - timedelta(hours=1))
    tasks.purge_events()
    assert RefusedDelivery.objects.count() == 1
    assert connections.hook_secrets(Connection.objects.get()) == [SECRET]
