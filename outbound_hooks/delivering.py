"""The process that delivers: one thread looks for what to tell, one claims and completes, others send."""

import queue
import threading
import time
from collections.abc import Callable
from functools import lru_cache

import structlog
from django.db import InterfaceError, OperationalError, connection

from groundwork.correlation import correlated
from groundwork.sealing import SealBroken, unseal
from outbound_hooks import deliveries, dispatch
from outbound_hooks.deliveries import Claimed
from outbound_hooks.dispatch import Due
from outbound_hooks.outcomes import noted
from outbound_hooks.sender import DEADLINE, Answer, send
from outbound_hooks.signing import signed_headers

log = structlog.get_logger(__name__)

SENDERS = 32
EACH = 4  # at once to an endpoint
_DISPATCHERS = 2
_GATHERS = 0.03  # seconds in which what was sent is gathered, to be written down together
_POLL = 0.25  # seconds between looks where there is nothing to do
_HOUSEKEEPING = 600.0  # seconds
_DATABASE_BACK = 2.0  # seconds to wait for a database that does not answer
_FAULTS = (OperationalError, InterfaceError)


class Deliverer:
    """Delivers until it is told to stop; several may run at once, and any may be killed."""

    def __init__(self, *, senders: int = SENDERS) -> None:
        self._senders = senders
        self._stop = threading.Event()
        self._taken: queue.Queue[Claimed | None] = queue.Queue()
        self._done: queue.Queue[tuple[Claimed, Answer]] = queue.Queue()
        self._in_flight = 0

    def stop(self) -> None:
        """Send what is being sent to its end, and return from `run`."""
        self._stop.set()

    def run(self) -> None:
        threads = [threading.Thread(target=self._send, daemon=True) for _ in range(self._senders)]
        threads += [
            threading.Thread(target=self._dispatch, args=(part,), daemon=True)
            for part in range(_DISPATCHERS)
        ]
        for thread in threads:
            thread.start()
        while not self._stop.is_set():
            _surviving(self._claim_and_complete)
        for _ in range(self._senders):
            self._taken.put(None)
        for thread in threads:
            thread.join()
        while self._in_flight:
            _surviving(self._complete)
        connection.close()

    def _claim_and_complete(self) -> None:
        free = self._senders * 3 - self._in_flight  # some wait, so that no sender does
        if free >= self._senders:
            for claimed in deliveries.claim(most=free, each=EACH):
                self._in_flight += 1
                self._taken.put(claimed)
        self._complete()

    def _complete(self) -> None:
        """Write down what was sent; where nothing was, wait a moment for it."""
        try:
            done = [self._done.get(timeout=_POLL)]
        except queue.Empty:
            return
        time.sleep(_GATHERS)
        while not self._done.empty():
            done.append(self._done.get())
        self._in_flight -= len(done)
        noted(done)

    def _send(self) -> None:
        while claimed := self._taken.get():
            self._done.put((claimed, sent(claimed)))

    def _dispatch(self, part: int) -> None:
        rested = time.monotonic() - _HOUSEKEEPING
        while not self._stop.is_set():
            if part == 0 and time.monotonic() - rested >= _HOUSEKEEPING:
                _surviving(_housekeeping)
                rested = time.monotonic()
            if not _surviving(lambda: dispatch_all(self._stop.is_set, part=part)):
                self._stop.wait(_POLL)
        connection.close()


def sent(claimed: Claimed, *, deadline: float = DEADLINE) -> Answer:
    """Sign and send one delivery; whatever goes wrong is what came of it."""
    try:
        return _signed_and_sent(claimed, deadline)
    except SealBroken as broken:
        return Answer(None, str(broken))
    except Exception:
        log.exception("delivery_failed", message=claimed.message_id)
        return Answer(None, "Something failed here; staff can find it in the log.")


def _signed_and_sent(claimed: Claimed, deadline: float) -> Answer:
    secrets = [_opened(each) for each in claimed.sealed]
    body = claimed.body.encode()
    headers = signed_headers(
        claimed.message_id, body, secrets, at=int(time.time()), signs_body=claimed.signs_body
    )
    headers["Content-Type"] = "application/json"
    return send(claimed.url, body, headers, deadline=deadline)


@lru_cache(maxsize=4096)
def _opened(sealed: bytes) -> str:
    return unseal(sealed)


def dispatch_all(is_over: Callable[[], bool] = lambda: False, *, part: int | None = None) -> int:
    """Look once at every endpoint that is due, or at a dispatcher's part; return how many messages."""
    count = 0
    shared = {} if part is None else {"part": part, "of": _DISPATCHERS}
    for endpoint in dispatch.due(**shared):
        if is_over():
            break
        with correlated():
            count += _dispatched(endpoint)
    return count


def _dispatched(endpoint: Due) -> int:
    """Look at one endpoint; what fails for it alone is logged, and the others go on."""
    try:
        return dispatch.dispatched(endpoint)
    except _FAULTS:
        raise
    except Exception:
        log.exception("dispatch_failed", endpoint=endpoint.id)
        return 0


def deliver_once(*, senders: int = SENDERS) -> int:
    """Claim and send what is due now, one round; return how many deliveries were tried."""
    claimed = deliveries.claim(most=senders, each=EACH)
    noted([(each, sent(each)) for each in claimed])
    return len(claimed)


def _housekeeping() -> int:
    deliveries.bury_exhausted()
    return deliveries.prune()


def _surviving(act: Callable[[], int | None]) -> int:
    """Do something; a database that is away is waited for."""
    try:
        return act() or 0
    except _FAULTS:
        log.exception("deliveries_wait_for_the_database")
        connection.close()
        time.sleep(_DATABASE_BACK)
        return 0
