"""How requests ended, written down a moment after them: many at once, by one thread of each process.

Until then a row of the log has no status; after a crash it never gets one. With these rows the database
writes the log down durably: an admission alone does not wait for its disk.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from time import sleep
from typing import NamedTuple

import structlog
from django.db import DataError, connection

from groundwork.statements import prepared

log = structlog.get_logger(__name__)

_MOMENT = 0.05  # seconds in which they gather
_REST = 1.0  # seconds after a failure
_LOOK = 0.5  # seconds between looks at whether the process ends
# While the database is away they wait; beyond so many the oldest stay without a status.
_MOST_WAITING = 20_000

_COMPLETE = """
    select count(apikeys_complete(c.at, c.id, c.status, c.milliseconds, c.bytes_sent))
    from unnest(%(at)s::timestamptz[], %(id)s::bigint[], %(status)s::integer[],
                %(milliseconds)s::float8[], %(bytes_sent)s::integer[])
         as c(at, id, status, milliseconds, bytes_sent)
"""


class Completion(NamedTuple):
    """How the request of a row of the log ended."""

    at: datetime
    id: int
    status: int
    milliseconds: float
    bytes_sent: int


def write(completions: Sequence[Completion]) -> None:
    """Write completions down, durably."""
    columns = zip(*completions, strict=True)
    prepared(_COMPLETE, dict(zip(Completion._fields, map(list, columns), strict=True)))


def _process_goes_on() -> bool:
    return threading.main_thread().is_alive()


class _Writer:
    """The thread that writes what it is handed; it begins with the first, and outlives the main thread."""

    def __init__(self, goes_on: Callable[[], bool] = _process_goes_on) -> None:
        self._goes_on = goes_on
        self._waiting: list[Completion] = []
        self._lock = threading.Lock()
        self._handed_over = threading.Event()
        self.thread: threading.Thread | None = None

    def add(self, completion: Completion) -> None:
        with self._lock:
            self._waiting.append(completion)
            del self._waiting[:-_MOST_WAITING]
            if self.thread is None or not self.thread.is_alive():
                # No daemon, as the threads that serve are: a process that is told to end waits for it.
                thread = threading.Thread(target=self._run, name="completions", daemon=False)
                thread.start()
                self.thread = thread
        self._handed_over.set()

    def _run(self) -> None:
        while self._goes_on():
            if self._handed_over.wait(timeout=_LOOK):
                sleep(_MOMENT)
                if not self._write():
                    sleep(_REST)
        self._write()
        connection.close()

    def _write(self) -> bool:
        """Write what waits; tell whether that went well."""
        self._handed_over.clear()
        with self._lock:
            completions, self._waiting = self._waiting, []
        try:
            if completions:
                write(completions)
        except DataError:
            log.exception("log_not_completed", rows=len(completions))
            self._write_each(completions)
        except Exception:
            log.exception("log_not_completed", rows=len(completions))
            connection.close()
            with self._lock:
                self._waiting = (completions + self._waiting)[-_MOST_WAITING:]
            self._handed_over.set()
            return False
        return True

    def _write_each(self, completions: Sequence[Completion]) -> None:
        """Write them one by one, and leave out what the database will never take."""
        for completion in completions:
            try:
                write([completion])
            except Exception:
                log.exception("log_row_not_completed", row=completion)


_writer = _Writer()


def add(completion: Completion) -> None:
    """Have it written down soon; nobody waits for it."""
    _writer.add(completion)
