"""The one place where HTTP leaves the room."""

import socket
import threading
import time
from collections import Counter
from contextlib import contextmanager

import pytest
from django.db import transaction

from demo.shops import small_shop
from demo.storefront.server import running
from demo.storefront.storefront import Storefront
from sync import http
from sync.http import Question, Wire, own_turns
from tests.sync.conftest import run


@contextmanager
def answering(*pieces: bytes, every: float = 0.0, says_so: bool = True):
    """A server that answers each connection with `pieces`, one at a time, and closes.

    It says so, or the next try would go over the old connection, unless its end was heard of already.
    """
    if says_so:
        first, *rest = pieces
        pieces = (first.replace(b"\r\n", b"\r\nConnection: close\r\n", 1), *rest)
    listening = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            try:
                held, _ = listening.accept()
            except OSError:
                return
            with held:
                held.recv(65536)
                for piece in pieces:
                    try:
                        held.sendall(piece)
                    except OSError:
                        break
                    if stopped.wait(every):
                        break

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        stopped.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


@pytest.fixture
def wire(monkeypatch):
    monkeypatch.setattr(http, "pause", lambda seconds: None)
    wire = Wire(turns=own_turns(per_second=1000))
    yield wire
    wire.close()


@pytest.mark.parametrize(
    "method",
    [
        "POST",
        "PUT",
        "DELETE",
        "PATCH",
        "HEAD",
        "OPTIONS",
        "TRACE",
        "CONNECT",
        "QUERY",
        "get",
        "Get",
        "GET ",
        "",
    ],
)
def test_nothing_but_a_get_is_sent(wire, method):
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]") as url:
        with pytest.raises(http.WriteRefused):
            wire.send(method, lambda: Question(url))
        assert wire.requests == 0


def test_every_way_to_a_shop_is_a_get(database, monkeypatch):
    """Whatever the connector and the commands do, nothing but GET reaches a shop's door."""
    methods = Counter()
    shop = Storefront(small_shop(1))
    monkeypatch.setattr(http, "pause", lambda seconds: None)
    with running(CountingShop(shop, methods)) as url:
        keys = {"key": shop.shop.consumer_key, "secret": shop.shop.consumer_secret}
        run("add_source", "small-1", url=url, **keys)
        run("reconcile")
        shop.delete_forever(shop.odd["price_zero"])
        run("reconcile", yes=True)
        run("check_source", "small-1")
    assert list(methods) == ["GET"]
    assert methods["GET"] > 20


class CountingShop:
    """A shop that counts by what method it is asked."""

    def __init__(self, shop, methods):
        self.shop, self.methods, self.faults = shop, methods, shop.faults

    def __call__(self, environ, start_response):
        self.methods[environ["REQUEST_METHOD"]] += 1
        return self.shop(environ, start_response)


@pytest.mark.parametrize("says_so", [True, False])
def test_a_body_that_drips_ends_at_the_deadline(wire, monkeypatch, says_so):
    monkeypatch.setattr(http, "DEADLINE", 0.3)
    drip = [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[b"x"] * 100]
    began = time.monotonic()
    with answering(*drip, every=0.05, says_so=says_so) as url, pytest.raises(http.ShopTooSlow):
        wire.send("GET", lambda: Question(url))
    assert time.monotonic() - began < 2


def test_headers_that_drip_end_at_the_deadline(wire, monkeypatch):
    monkeypatch.setattr(http, "DEADLINE", 0.3)
    drip = [b"HTTP/1.1 200 OK\r\n", *[b"X-A: b\r\n"] * 90]
    began = time.monotonic()
    with answering(*drip, every=0.05) as url, pytest.raises(http.ShopTooSlow):
        wire.send("GET", lambda: Question(url))
    assert time.monotonic() - began < 2


def test_the_deadline_ends_the_connection_that_is_in_use(wire, monkeypatch):
    """Not the one that was made last: a shop's files may lie on another host than its lists."""
    monkeypatch.setattr(http, "DEADLINE", 0.3)
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
    with kept(whole) as (lists, hold), answering(whole, says_so=False) as files:
        wire.send("GET", lambda: Question(lists))
        wire.send("GET", lambda: Question(files))
        hold.set()
        began = time.monotonic()
        with pytest.raises(http.ShopTooSlow):
            wire.send("GET", lambda: Question(lists))
    assert time.monotonic() - began < 2


@contextmanager
def kept(answer: bytes):
    """A server that keeps its one connection; once `hold` is set it does not answer any more."""
    listening, hold = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def serve() -> None:
        held, _ = listening.accept()
        with held:
            while held.recv(65536):
                if not hold.is_set():
                    held.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/", hold
    finally:
        listening.close()
        thread.join()


def test_an_endless_body_is_cut_off(wire, monkeypatch):
    monkeypatch.setattr(http, "LARGEST", 10_000)
    with (
        answering(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 20_000) as url,
        pytest.raises(http.ShopAnswersNonsense, match="more than"),
    ):
        wire.send("GET", lambda: Question(url))


def test_a_redirect_is_not_followed(wire):
    redirect = b"HTTP/1.1 302 Found\r\nLocation: https://me:sesame@elsewhere.example/?api_key=sesame\r\nContent-Length: 0\r\n\r\n"
    with (
        answering(redirect) as url,
        pytest.raises(http.ShopRedirects, match="to https://elsewhere.example/[.]") as told,
    ):
        wire.send("GET", lambda: Question(url))
    assert "sesame" not in str(told.value)
    assert wire.requests == 1


@pytest.mark.parametrize("name", ["Retry-After", "retry-after"])
@pytest.mark.parametrize("said", ["3", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_retry_after_is_waited_out_up_to_a_limit(wire, monkeypatch, said, name):
    waited = []
    monkeypatch.setattr(http, "pause", waited.append)
    answer = f"HTTP/1.1 429 Slow\r\n{name}: {said}\r\nContent-Length: 0\r\n\r\n".encode()
    with answering(answer) as url, pytest.raises(http.ShopThrottled):
        wire.send("GET", lambda: Question(url))
    assert [each for each in waited if each >= 1] == ([3.0] * 3 if said == "3" else [])


def test_each_try_is_signed_anew(wire):
    signed = []

    def sign() -> Question:
        signed.append(1)
        return Question(url)

    with (
        answering(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n") as url,
        pytest.raises(http.ShopUnreachable, match="status 500"),
    ):
        wire.send("GET", sign)
    assert len(signed) == wire.requests == http.TRIES


def test_a_closed_port_is_one_clear_line(wire):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(http.ShopUnreachable, match="the connection was refused"):
        wire.send("GET", lambda: Question(url))


def test_no_transaction_is_kept_waiting(wire, database):
    with transaction.atomic(), pytest.raises(http.TransactionIsOpen):
        wire.send("GET", lambda: Question("http://127.0.0.1:1/"))


def test_the_rate_budget_is_kept(monkeypatch):
    waited = []
    monkeypatch.setattr(http, "pause", waited.append)
    wire = Wire(turns=own_turns(per_second=0.5))
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]") as url:
        wire.send("GET", lambda: Question(url))
        wire.send("GET", lambda: Question(url))
    assert waited[0] == 0
    assert waited[1] == pytest.approx(2, abs=0.5)
    wire.close()
