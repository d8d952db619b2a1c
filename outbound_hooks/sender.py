"""The one way out to partners: POST to a checked address, within one deadline, reading little."""

import os
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any, ClassVar

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.poolmanager import PoolManager

from outbound_hooks.addresses import AddressRefused, public_address, refuse_url

DEADLINE = 15.0  # seconds by the clock, from the look-up of the name to the last byte
MOST_READ = 64 * 1024  # bytes
MOST_KEPT = 2048  # characters
_SUCCESS = range(200, 300)
_REDIRECTS = range(300, 400)


@dataclass(frozen=True)
class Answer:
    """What came of an attempt: a status, or an error in words where there was no answer."""

    status: int | None
    error: str = ""
    text: str = ""
    retry_after: str = ""
    milliseconds: float = 0
    address: str | None = None

    @property
    def is_success(self) -> bool:
        return self.status in _SUCCESS


def send(
    url: str, body: bytes, headers: Mapping[str, str], *, deadline: float = DEADLINE
) -> Answer:
    """POST a message and return what came of it; no redirect is followed, nothing is raised."""
    exchange = _Exchange(deadline)
    _local.exchange = exchange
    try:
        status, error, text, retry_after = _tried(exchange, url, body, headers)
    finally:
        exchange.end()
        del _local.exchange
    if exchange.is_over or exchange.spent >= deadline:
        status, error = None, f"There was no whole answer within {deadline:g} seconds."
    said = (_printable(error)[:200], text, _printable(retry_after)[:100])
    return Answer(status, *said, exchange.spent * 1000, exchange.address)


def _tried(
    exchange: "_Exchange", url: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int | None, str, str, str]:
    try:
        refuse_url(url)
        response = _posted(exchange, url, body, headers)
    except AddressRefused as refused:
        return None, str(refused), "", ""
    except (requests.RequestException, OSError, ValueError) as error:
        return None, _words(error), "", ""
    with response:
        text = _text(response)
        return (
            response.status_code,
            _complaint(response),
            text,
            response.headers.get("Retry-After", ""),
        )


def _posted(
    exchange: "_Exchange", url: str, body: bytes, headers: Mapping[str, str]
) -> requests.Response:
    """Post it; where a connection that was kept turns out to be closed, once more on a new one."""
    try:
        return _post(exchange, url, body, headers)
    except requests.ConnectionError:
        if exchange.was_opened or exchange.is_over:
            raise
        return _post(exchange, url, body, headers)


def _post(
    exchange: "_Exchange", url: str, body: bytes, headers: Mapping[str, str]
) -> requests.Response:
    return _session().post(
        url,
        data=body,
        headers=dict(headers),
        stream=True,
        allow_redirects=False,
        timeout=max(exchange.left, 0.001),
    )


def _text(response: requests.Response) -> str:
    """Read so much and no more; a connection with more to read is not used again."""
    try:
        raw = response.raw.read(MOST_READ, decode_content=False)
    except Exception:  # noqa: BLE001 - half an answer: its status counts, whatever broke the rest
        raw = b""
    return _printable(raw.decode("utf-8", "replace")[:MOST_KEPT])


def _printable(text: str) -> str:
    """Return a peer's words without control characters."""
    return "".join(char for char in text if char.isprintable() or char in "\n\t")


def _complaint(response: requests.Response) -> str:
    status = response.status_code
    if status in _SUCCESS:
        return ""
    if status in _REDIRECTS:
        return f"It answered {status}: a redirect, which is not followed. Register the new URL."
    return f"It answered {status}."


def _words(error: BaseException) -> str:
    """Return what went wrong, by its innermost cause, in a few words."""
    if isinstance(error, requests.exceptions.SSLError):
        return f"TLS failed: {_innermost(error)}"[:200]
    if isinstance(error, requests.Timeout):
        return "The connection took too long."
    return f"The connection failed: {_innermost(error)}"[:200]


def _innermost(error: BaseException) -> str:
    inner: Any = error
    while (reason := getattr(inner, "reason", None) or inner.__context__) and isinstance(
        reason, BaseException
    ):
        if isinstance(reason, AddressRefused):
            return str(reason)
        inner = reason
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__


class _Exchange:
    """One attempt and its deadline: at it the connection it uses is cut, whatever waits on it."""

    def __init__(self, seconds: float) -> None:
        self._started = monotonic()
        self._seconds = seconds
        self._wire: socket.socket | None = None
        self.is_over = self.was_opened = False
        self.address: str | None = None
        self.spent = 0.0
        _watchdog.watch(self)

    @property
    def left(self) -> float:
        return self._seconds - (monotonic() - self._started)

    def use(self, wire: socket.socket, *, opened: bool) -> None:
        """Take the connection that is used from now on; its peer is who was checked."""
        self._wire = wire
        self.was_opened = self.was_opened or opened
        self.address = wire.getpeername()[0]
        if self.is_over:
            self.cut()

    def end(self) -> None:
        _watchdog.forget(self)
        self.spent = monotonic() - self._started

    def cut(self) -> None:
        self.is_over = True
        if self._wire:
            with suppress(OSError):  # it was closed already
                self._wire.shutdown(socket.SHUT_RDWR)


class _Watchdog:
    """Cuts exchanges at their deadlines, in one thread that sleeps while there are none."""

    _LOOKS = 0.05  # seconds between looks

    def __init__(self) -> None:
        self._watched: set[_Exchange] = set()
        self._guard = threading.Lock()
        self._called = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, exchange: _Exchange) -> None:
        with self._guard:
            self._watched.add(exchange)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
        self._called.set()

    def forget(self, exchange: _Exchange) -> None:
        with self._guard:
            self._watched.discard(exchange)

    def _run(self) -> None:
        while self._called.wait():
            sleep(self._LOOKS)
            with self._guard:
                over = [each for each in self._watched if each.left <= 0 and not each.is_over]
                if not self._watched:
                    self._called.clear()
            for exchange in over:
                exchange.cut()


_watchdog = _Watchdog()


class _Pinned(HTTPConnection):
    """Connects to the address that was looked up and checked, and to no other."""

    # A second handle to the connection: TLS takes the first for itself.
    wire: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        exchange: _Exchange = _local.exchange
        port = self.port or self.default_port
        is_plain = not isinstance(self, HTTPSConnection)
        host = self._dns_host
        address = public_address(host, port, is_plain=is_plain, seconds=exchange.left)
        made = socket.create_connection((address, port), timeout=max(exchange.left, 0.001))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wire = socket.socket(fileno=os.dup(made.fileno()))
        exchange.use(self.wire, opened=True)
        return made

    def putrequest(self, *args: Any, **options: Any) -> None:
        if self.sock and self.wire:  # kept from an exchange before
            _local.exchange.use(self.wire, opened=False)
        super().putrequest(*args, **options)

    def close(self) -> None:
        super().close()
        if self.wire:
            self.wire.close()
            self.wire = None


class _PinnedTLS(_Pinned, HTTPSConnection):
    """The same over TLS, verified by the host's name."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Pinned


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _PinnedTLS


class _Adapter(HTTPAdapter):
    """Puts the pinned connections in."""

    _CLASSES: ClassVar[dict[str, type[HTTPConnectionPool]]] = {"http": _Pool, "https": _PoolTLS}

    def init_poolmanager(self, *_: Any, **_options: Any) -> None:
        self.poolmanager = PoolManager(num_pools=8, maxsize=1, retries=0)
        self.poolmanager.pool_classes_by_scheme = dict(self._CLASSES)


_local = threading.local()


def _session() -> requests.Session:
    """Return this thread's session: connections are kept, and no proxy or cookie is."""
    session: requests.Session | None = getattr(_local, "session", None)
    if session is None:
        session = requests.Session()
        session.trust_env = False
        session.headers.clear()
        session.headers.update({"User-Agent": "Tradecounter/1", "Accept-Encoding": "identity"})
        session.mount("https://", _Adapter())
        session.mount("http://", _Adapter())
        _local.session = session
    session.cookies.clear()
    return session
