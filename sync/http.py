"""The only place where HTTP leaves this room; it reads and never writes."""

import email.utils
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO

import orjson
import requests
from django.db import connection
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from sync.graphql import reads_only

CONNECT = 10.0  # seconds to open a connection
DEADLINE = 60.0  # seconds for one whole exchange, however it drips; a large page was seen to take 2
DEADLINE_OF_FILE = 30 * 60.0  # of a file of a whole catalogue, which is written to disk
LARGEST_FILE = 4 * 2**30  # bytes of such a file
LARGEST = 64 * 2**20  # bytes of one answer, unpacked; 100 products of 370 kB each are 37 MB
TRIES = 4
BACKOFF = 0.5  # seconds before the second try, doubled for each further one
LONGEST_PAUSE = 60.0  # seconds of a Retry-After that are waited out
_PIECE = 2**16

pause = time.sleep
Turns = Callable[[], float]

_REFUSED, _BUSY, _OWN_ERRORS = (401, 403), (429, 503), 500


class WriteRefused(Exception):
    """Sync only reads: it was asked to send something else than a GET or a GraphQL query."""


class TransactionIsOpen(Exception):
    """A request would keep a database transaction waiting."""


class ShopError(Exception):
    """A shop could not be read; the message is one line that says what to do next."""


class ShopUnreachable(ShopError):
    pass


class ShopRefusedKey(ShopError):
    pass


class ShopThrottled(ShopError):
    pass


class ShopAnswersNonsense(ShopError):
    pass


class ShopRedirects(ShopError):
    pass


class ShopTooSlow(ShopError):
    pass


class _Broken(Exception):
    """The connection ended early; worth another try."""


@dataclass(frozen=True)
class Question:
    """An address, complete and signed for one try; with a body, which only `Wire.query` makes."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """One kept connection to a shop. `turns` tells before each request how many seconds to wait."""

    def __init__(self, *, turns: Turns) -> None:
        self.requests = 0
        self._turns = turns
        self._line = _Line()
        self._session = requests.Session()
        # No proxy, no netrc: what is sent is what the caller signed.
        self._session.trust_env = False
        self._session.headers["User-Agent"] = "Tradecounter (reads only)"
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, self._line)

    def close(self) -> None:
        self._session.close()

    def send(self, method: str, sign: Callable[[], Question]) -> Answer:
        """Ask until there is an answer below 500 that is no refusal; raise `ShopError`.

        `sign` is called anew for each try, because a signature holds once.
        """
        if method != "GET":
            raise WriteRefused(f"A shop is only read: {method} was not sent.")
        return self._tried(_bodiless(sign), lambda: _Body(LARGEST))

    def query(
        self, url: str, document: str, *, variables: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Answer:
        """Ask a GraphQL endpoint; raise `WriteRefused` for a document that is more than queries."""
        if not reads_only(document, variables):
            raise WriteRefused("A shop is only read: a document with a mutation was not sent.")
        body = orjson.dumps({"query": document, "variables": variables})
        question = Question(url, {**headers, "Content-Type": "application/json"}, body)
        return self._tried(lambda: question, lambda: _Body(LARGEST))

    def save(self, sign: Callable[[], Question], *, into: BinaryIO) -> Answer:
        """Ask as `send` does, and write the body into a file that is empty before each try."""
        return self._tried(
            _bodiless(sign), lambda: _Body(LARGEST_FILE, into), deadline=DEADLINE_OF_FILE
        )

    def _tried(
        self,
        sign: Callable[[], Question],
        body: Callable[[], "_Body"],
        *,
        deadline: float | None = None,
    ) -> Answer:
        if connection.in_atomic_block:
            raise TransactionIsOpen("A shop was asked inside a database transaction.")
        for tried in range(1, TRIES + 1):
            try:
                answer = self._exchange(sign(), body(), deadline or DEADLINE)
            except _Broken as error:
                if tried == TRIES:
                    raise ShopUnreachable(
                        f"The shop cannot be reached ({error}). Check its address and that it runs, "
                        "then try again."
                    ) from error
                pause(BACKOFF * 2**tried)
                continue
            _refuse(answer)
            if answer.status < _OWN_ERRORS and answer.status not in _BUSY:
                return answer
            if tried < TRIES:
                pause(_waiting(answer, tried))
        raise _given_up(answer)

    def _exchange(self, question: Question, body: "_Body", deadline: float) -> Answer:
        """Ask once, within one deadline over connection, headers and body."""
        pause(self._turns())
        self.requests += 1
        watch = threading.Timer(deadline, self._line.hang_up)
        watch.daemon = True
        self._line.is_hung_up = False
        watch.start()
        try:
            answer = self._ask(question, body)
        except requests.ReadTimeout as error:
            raise _too_slow(deadline) from error
        except (requests.RequestException, HTTPError, OSError) as error:
            if self._line.is_hung_up:
                raise _too_slow(deadline) from error
            raise _Broken(_reason(error)) from error
        finally:
            watch.cancel()
        if self._line.is_hung_up:  # headers that were cut off read like an empty answer
            raise _too_slow(deadline)
        return answer

    def _ask(self, question: Question, body: "_Body") -> Answer:
        with self._session.request(
            "GET" if question.body is None else "POST",
            question.url,
            data=question.body,
            headers=dict(question.headers),
            # The deadline comes first; the timeout of a read is there should it be missed.
            timeout=(min(CONNECT, DEADLINE), DEADLINE + 5),
            allow_redirects=False,
            stream=True,
        ) as response:
            for piece in response.iter_content(_PIECE):
                body.add(piece)
            # Its own mapping: names of headers are the same in any case.
            return Answer(response.status_code, response.headers, bytes(body.held))


def _bodiless(sign: Callable[[], Question]) -> Callable[[], Question]:
    def signed() -> Question:
        question = sign()
        if question.body is not None:
            raise WriteRefused("A shop is only read: a body that is no query was not sent.")
        return question

    return signed


class _Body:
    """What comes of an answer, held or written into a file, up to so many bytes."""

    def __init__(self, largest: int, into: BinaryIO | None = None) -> None:
        self.held = bytearray()
        self._largest, self._size, self._into = largest, 0, into
        if into is not None:
            into.seek(0)
            into.truncate()

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._largest:
            raise ShopAnswersNonsense(
                f"The shop sent an answer of more than {self._largest // 2**20} MiB. Look for a "
                "product with an enormous description."
            )
        if self._into is None:
            self.held += piece
        else:
            self._into.write(piece)


def own_turns(*, per_second: float) -> Turns:
    """Return the turns of who asks a shop that nobody else asks."""
    next_at = 0.0

    def take() -> float:
        nonlocal next_at
        now = time.monotonic()
        wait = max(0.0, next_at - now)
        next_at = now + wait + 1 / per_second
        return wait

    return take


class _Line(HTTPAdapter):
    """Holds on to the connection in use, so that it can be ended while it waits or drips."""

    is_hung_up = False
    _connection: Any = None
    _socket: Any = None

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        make = type(pool).ConnectionCls

        def made(**how: Any) -> Any:
            held = make(**how)
            held.request = partial(self._asked, held, held.request)
            return held

        pool.ConnectionCls = made
        return pool

    def _asked(self, held: Any, ask: Callable[..., None], *args: Any, **options: Any) -> None:
        self._connection, self._socket = held, None  # it may take long to connect
        ask(*args, **options)
        # The connection lets go of it where the shop says that it ends with this answer.
        self._socket = held.sock

    def hang_up(self) -> None:
        self.is_hung_up = True
        held = getattr(self._connection, "sock", None) or self._socket
        if held is not None:
            try:
                # Not TLS's own shutdown, which is not safe while another thread reads.
                socket.socket.shutdown(held, socket.SHUT_RDWR)
            except OSError:  # it has just ended by itself
                return


def _refuse(answer: Answer) -> None:
    if answer.status in _REFUSED:
        raise ShopRefusedKey(
            f"The shop refuses the key (status {answer.status}). Make a read-only key in the shop "
            "and give it to `manage.py add_source`."
        )
    if 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP's redirects
        # Its query, and what stands before its host, may hold a key.
        to = answer.headers.get("Location", "").partition("?")[0]
        place = re.sub("//[^/]*@", "//", to)
        raise ShopRedirects(
            f"The shop redirects to {place[:200] or 'another address'}. "
            "Redirects are not followed: give the address that answers by itself."
        )


def _given_up(answer: Answer) -> ShopError:
    if answer.status == _BUSY[0] or _said(answer) is not None:
        return ShopThrottled(
            f"The shop keeps asking for fewer requests (status {answer.status}). Lower the requests "
            "per second of this source, or try later."
        )
    return ShopUnreachable(
        f"The shop answers with an error of its own (status {answer.status}). Look into the shop's "
        "log, then try again."
    )


def _waiting(answer: Answer, tried: int) -> float:
    said = _said(answer)
    if said is not None and said > LONGEST_PAUSE:
        raise _given_up(answer)
    return BACKOFF * 2**tried if said is None else said


def _said(answer: Answer) -> float | None:
    """Return the seconds of Retry-After, a number or a date (RFC 9110, 10.2.3), or None."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _too_slow(deadline: float) -> ShopTooSlow:
    return ShopTooSlow(
        f"The shop did not finish an answer within {deadline:g} seconds. Look at its load, then "
        "try again."
    )


def _reason(error: Exception) -> str:
    text = str(error)
    for hint, reason in (
        ("CERTIFICATE_VERIFY_FAILED", "its TLS certificate is not trusted"),
        ("NameResolution", "its name is unknown"),
        ("refused", "the connection was refused"),
        ("ConnectTimeout", "nobody answers there"),
        ("IncompleteRead", "the connection broke in the middle of an answer"),
    ):
        if hint in text:
            return reason
    return "the connection broke"
