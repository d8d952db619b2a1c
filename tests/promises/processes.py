"""The real processes on the database of the tests and a broker of their own, to be killed at will."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from django.conf import settings
from django.db import connection

from groundwork.engines import processes
from groundwork.engines.valkey import Valkey
from groundwork.local import CHECKOUT

CELERY = (sys.executable, "-m", "celery", "--quiet", "--app", "config.celery")
COMMANDS = {
    "worker": (
        *CELERY, "worker", "--queues", "hooks", "--concurrency", "1", "--without-gossip",
        "--without-mingle",
    ),
    "web": (
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1",
        "--blocking-threads", "4", "--log-level", "error", "--port", "{port}",
        "config.wsgi:application",
    ),
    "deliverer": (sys.executable, "manage.py", "deliver_webhooks", "--senders", "8"),
    "beat": (*CELERY, "beat", "--schedule", "{folder}/beat"),
}  # fmt: skip


def wait_for(condition: Callable[[], object], *, seconds: float = 60) -> float:
    """Wait until something holds; return how long that took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "it did not come to pass"
        threading.Event().wait(0.05)
    return time.monotonic() - started


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Processes:
    """Starts, kills and starts again; `end` leaves nothing behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._valkey = Valkey(folder, is_fast=True)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._broker = self._valkey.start(port=0)

    def start(self, *names: str) -> None:
        for name in names:
            command = [part.format(port=self.port, folder=self.folder) for part in COMMANDS[name]]
            log = (self.folder / f"{name}.log").open("ab")
            with log:
                self._running[name] = subprocess.Popen(  # noqa: S603 - our own commands
                    command,
                    env=os.environ | self._environment(),
                    cwd=CHECKOUT,
                    stdout=log,
                    stderr=log,
                )
        if "web" in names:
            wait_for(lambda: answers(self.port))

    def kill(self, name: str) -> None:
        """End a process and its children as a power cut would."""
        process = self._running.pop(name)
        family = [
            *psutil.Process(process.pid).children(recursive=True),
            psutil.Process(process.pid),
        ]
        for each in family:
            each.kill()
        process.wait(10)
        psutil.wait_procs(family, timeout=10)
        if name == "web":
            wait_for(lambda: not answers(self.port))

    def terminate(self, name: str) -> None:
        """End a process as an operator does, and wait for it."""
        process = self._running.pop(name)
        process.terminate()
        assert process.wait(20) == 0

    def kill_broker(self) -> None:
        processes.send(self._broker.pid, signal.SIGKILL)
        processes.reap(self._broker.pid)
        wait_for(lambda: not answers(self._broker.port))

    def start_broker(self) -> None:
        self._broker = self._valkey.start(port=self._broker.port)

    def end(self) -> None:
        for name in list(self._running):
            self.kill(name)
        self._valkey.stop()

    def _environment(self) -> dict[str, str]:
        p = connection.get_connection_params()
        where = f"{p['user']}:{p['password']}@{p['host']}:{p['port']}/{p['dbname']}"
        return {
            "DATABASE_URL": f"postgres://{where}",
            "REDIS_URL": f"redis://:{self._valkey.password}@127.0.0.1:{self._broker.port}/0",
            "LOCAL": "true",
            "WEBHOOKS_TO_THIS_MACHINE": "true",
            "SECRET_KEY": settings.SECRET_KEY,
            "CURSOR_KEYS": ",".join(settings.CURSOR_KEYS),
            "SEALING_KEYS": ",".join(settings.SEALING_KEYS),
        }
