"""The process that delivers: one thread looks for what to tell, one claims and completes, others send."""

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

import structlog
from django.db import InterfaceError, OperationalError, connection

from groundwork.correlation import correlated
from groundwork.sealing import SealBroken, unseal
from outbound_hooks import deliveries, dispatch
from outbound_hooks.deliveries import LEASE, Claimed
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
_OUR_FAULT = "Something failed here; staff can find it in the log."
_FRESH = LEASE.total_seconds() - DEADLINE - 1
_WAITS = 2.0  # seconds before what failed is tried again, as where the database does not answer
_RESTS = 30.0  # seconds before an endpoint whose look failed is looked at again
_rests_until: dict[int, float] = {}
_FAULTS = (OperationalError, InterfaceError)


class Deliverer:
    """Delivers until it is told to stop; several may run at once, and any may be killed."""

    def __init__(self, *, senders: int = SENDERS) -> None:
        self._senders = senders
        self._stop = threading.Event()
        self._taken: queue.Queue[Claimed | None] = queue.Queue()
        self._done: queue.Queue[tuple[Claimed, Answer | None]] = queue.Queue()
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
        self._give_back_what_waits()
        for _ in range(self._senders):
            self._taken.put(None)
        while self._in_flight or any(thread.is_alive() for thread in threads):
            _surviving(self._complete)
        connection.close()

    def _give_back_what_waits(self) -> None:
        """Leave what no sender has begun to another process, or to the next start."""
        with suppress(queue.Empty):
            while claimed := self._taken.get_nowait():
                self._done.put((claimed, None))

    def _claim_and_complete(self) -> None:
        free = self._senders * 2 - self._in_flight  # some wait, so that no sender does
        if free >= self._senders // 2:
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
        if back := [claimed for claimed, answer in done if answer is None]:
            deliveries.hand_back(back)
        _noted([(claimed, answer) for claimed, answer in done if answer is not None])

    def _send(self) -> None:
        while claimed := self._taken.get():
            # One that waited so long that its claim might end before its answer is given back.
            is_fresh = time.monotonic() - claimed.taken_at < _FRESH
            self._done.put((claimed, sent(claimed) if is_fresh else None))

    def _dispatch(self, part: int) -> None:
        rested = time.monotonic() - _HOUSEKEEPING
        while not self._stop.is_set():
            if part == 0 and time.monotonic() - rested >= _HOUSEKEEPING:
                _surviving(_housekeeping)
                rested = time.monotonic()
            if not _surviving(lambda: dispatch_all(self._stop.is_set, part=part)):
                self._stop.wait(_POLL)
        connection.close()


def _noted(attempts: list[tuple[Claimed, Answer]]) -> None:
    """Write down what came of attempts; what cannot be written of one is a failure of that one alone."""
    try:
        noted(attempts)
    except _FAULTS:
        raise
    except Exception:
        log.exception("completion_failed")
        for claimed, answer in attempts:
            _noted_alone(claimed, answer)


def _noted_alone(claimed: Claimed, answer: Answer) -> None:
    try:
        noted([(claimed, answer)])
    except _FAULTS:
        raise
    except Exception:
        log.exception("completion_failed", message=claimed.message_id)
        noted([(claimed, Answer(None, _OUR_FAULT))])


def sent(claimed: Claimed, *, deadline: float = DEADLINE) -> Answer:
    """Sign and send one delivery; whatever goes wrong is what came of it."""
    try:
        return _signed_and_sent(claimed, deadline)
    except SealBroken as broken:
        return Answer(None, str(broken))
    except Exception:
        log.exception("delivery_failed", message=claimed.message_id)
        return Answer(None, _OUR_FAULT)


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
    """Look once at every endpoint that is due, or at a dispatcher's part; return how many feeds moved."""
    count = 0
    shared = {} if part is None else {"part": part, "of": _DISPATCHERS}
    for endpoint in dispatch.due(**shared):
        if is_over():
            break
        with correlated():
            count += _dispatched(endpoint)
    return count


def _dispatched(endpoint: Due) -> bool:
    """Look at one endpoint; what fails for it alone is logged, it rests a while, and the others go on."""
    if _rests_until.get(endpoint.id, 0) > time.monotonic():
        return False
    try:
        return dispatch.dispatched(endpoint)
    except Exception as error:
        if isinstance(error, _FAULTS) and not connection.is_usable():
            raise
        log.exception("dispatch_failed", endpoint=endpoint.id)
        _rests_until[endpoint.id] = time.monotonic() + _RESTS
        return False


def deliver_once(*, senders: int = SENDERS) -> int:
    """Claim and send what is due now, one round; return how many deliveries were tried."""
    claimed = deliveries.claim(most=senders, each=EACH)
    noted([(each, sent(each)) for each in claimed])
    return len(claimed)


def _housekeeping() -> int:
    dispatch.stop_ended()
    deliveries.bury_exhausted()
    return deliveries.prune()


def _surviving(act: Callable[[], int | None]) -> int:
    """Do something that must not end the process; a database that is away is waited for."""
    try:
        return act() or 0
    except Exception:
        log.exception("deliveries_wait")
        connection.close()
        time.sleep(_WAITS)
        return 0
