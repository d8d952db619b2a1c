"""Several processes on one terminal: started in order, shown as one log, ended in reverse."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Self, TextIO

GRACE = 10.0  # seconds a child has to end by itself
COLORS = ("36", "33", "32", "35", "34", "31")  # ANSI: cyan first, red last


class Interrupted(Exception):
    """A person, or a service manager, wants us to end."""


class ChildEnded(Exception):
    """A child ended by itself; the message is one line that says which and how."""


@dataclass(frozen=True)
class Child:
    """A process to run: its name in the log, its command, how it is told to end."""

    name: str  # without one its lines go out as they are
    command: tuple[str, ...]
    farewell: signal.Signals = signal.SIGTERM
    port: int = 0  # on loopback, where it answers once it is at work
    path: str = "/"


@dataclass(frozen=True)
class _Running:
    child: Child
    process: subprocess.Popen[str]
    threads: tuple[threading.Thread, threading.Thread]  # the reader of its lines, the waiter


class Supervisor:
    """Run children; from its making on a signal is an orderly end, in the main thread only."""

    def __init__(self, *, width: int = 0, out: TextIO = sys.stdout) -> None:
        self._out, self._width = out, width
        self._lock = threading.Lock()
        self._running: list[_Running] = []
        self._events: SimpleQueue[tuple[Child, int] | None] = SimpleQueue()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as under nohup
            signal.signal(signal.SIGHUP, self._interrupt)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._events.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for running in reversed(self._running):
            self._end(running)

    def start(self, child: Child, *, environment: Mapping[str, str]) -> None:
        """Start a child in a session of its own, so that the terminal's Ctrl-C is ours alone."""
        process = subprocess.Popen(  # noqa: S603 - commands from our own table
            child.command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        prefix = self._prefix(child)
        threads = (
            threading.Thread(target=self._show, args=(process, prefix), daemon=True),
            threading.Thread(target=self._wait, args=(child, process), daemon=True),
        )
        self._running.append(_Running(child, process, threads))
        for thread in threads:
            thread.start()

    def run(self, child: Child, *, environment: Mapping[str, str]) -> None:
        """Run a child to its end; raise `ChildEnded` if it fails."""
        self.start(child, environment=environment)
        ended = self._next_end(timeout=None)
        if ended != (child, 0):
            raise ChildEnded(_obituary(*ended))
        self._end(self._running.pop())

    def wait_for(self, children: Iterable[Child]) -> None:
        """Wait until every child with a port answers on it."""
        pending = [child for child in children if child.port]
        while pending:
            self._watch_once(seconds=0.2)
            pending = [child for child in pending if not _answers(child)]

    def watch(self, tick: Callable[[], object]) -> None:
        """Call `tick` every other second until a child ends or someone wants us to."""
        while True:
            self._watch_once(seconds=2)
            tick()

    def _watch_once(self, *, seconds: float) -> None:
        with suppress(Empty):
            raise ChildEnded(_obituary(*self._next_end(timeout=seconds)))

    def _say(self, line: str) -> None:
        with self._lock:
            self._out.write(line)
            self._out.flush()

    def _next_end(self, *, timeout: float | None) -> tuple[Child, int]:
        """Return the next child to end, with its status; raise `Interrupted` if we are to."""
        event = self._events.get(timeout=timeout)
        if event is None:
            raise Interrupted
        return event

    def _prefix(self, child: Child) -> str:
        if not child.name:
            return ""
        label = f"{child.name:<{self._width}} | "
        if not self._out.isatty() or os.environ.get("NO_COLOR"):
            return label
        return f"\x1b[{COLORS[len(self._running) % len(COLORS)]}m{label}\x1b[0m"

    def _show(self, process: subprocess.Popen[str], prefix: str) -> None:
        assert process.stdout  # noqa: S101 - for the type checker: it is a pipe
        try:
            for line in process.stdout:
                self._say(f"{prefix}{line.rstrip()}\n")
        except OSError:  # no one reads us any more
            self._events.put(None)

    def _wait(self, child: Child, process: subprocess.Popen[str]) -> None:
        self._events.put((child, process.wait()))

    @staticmethod
    def _end(running: _Running) -> None:
        """End a child as it likes, then whatever is left of its session by force."""
        reader, waiter = running.threads
        with suppress(ProcessLookupError):
            running.process.send_signal(running.child.farewell)
        waiter.join(GRACE)
        with suppress(ProcessLookupError):
            os.killpg(running.process.pid, signal.SIGKILL)
        for thread in (waiter, reader):
            thread.join(GRACE)
        if running.process.stdout:
            running.process.stdout.close()


def _obituary(child: Child, status: int) -> str:
    how = f"by {signal.Signals(-status).name}" if status < 0 else f"with exit status {status}"
    return f"{child.name or child.command[-1]} ended {how}."


def _answers(child: Child) -> bool:
    """Tell whether a child answers HTTP, whatever it says short of a failure of its own."""
    connection = HTTPConnection("127.0.0.1", child.port, timeout=2)
    try:
        connection.request("GET", child.path)
        return connection.getresponse().status < HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
