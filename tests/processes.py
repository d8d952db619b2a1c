"""Real processes of ours over the database of the tests, to be killed at will."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from groundwork import engines

MANAGE = (sys.executable, "manage.py")
# Beat as it is, but for a tick each second.
BEAT = """
from config.celery import app
app.conf.beat_schedule["sweeps"]["schedule"] = 1.0
app.start(["beat", "--max-interval", "1", "--schedule", {schedule!r}, "--pidfile="])
"""
WORKER = (
    sys.executable, "-m", "celery", "--quiet", "--app", "config.celery", "worker",
    "--concurrency", "2", "--without-gossip", "--without-mingle",
)  # fmt: skip


def beat(folder: Path, name: str) -> tuple[str, ...]:
    return sys.executable, "-c", BEAT.format(schedule=str(folder / name))


def environment(queue: int) -> dict[str, str]:
    """Return what makes a process work on this test's database, with a queue of its own."""
    if settings.EMBEDDED:
        found = engines.ensure()
        at = found.database
        login = f"{quote(at['user'])}:{quote(at['password'])}"
        name = connection.settings_dict["NAME"]
        url = f"postgres://{login}@{at['host']}:{at['port']}/{name}"
        redis = found.redis_url
    else:
        url, redis = settings.DATABASE_URL, settings.REDIS_URL
    return dict(os.environ) | {
        "DATABASE_URL": url,
        "REDIS_URL": f"{redis.rpartition('/')[0]}/{queue}",
        "LOCAL": "true",
        "SECRET_KEY": settings.SECRET_KEY,
        "CURSOR_KEYS": ",".join(settings.CURSOR_KEYS),
        "SEALING_KEYS": ",".join(settings.SEALING_KEYS),
    }


class Process:
    """A process in a session of its own; `kill` ends it and its children as a crash would."""

    def __init__(self, command: tuple[str, ...], env: dict[str, str]) -> None:
        self.popen = subprocess.Popen(  # noqa: S603 - commands of the tests
            command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(10)


@contextmanager
def starting(env: dict[str, str]) -> Iterator[Callable[..., Process]]:
    """Return what starts a process; whatever still runs is killed at the end."""
    started: list[Process] = []

    def start(*command: str) -> Process:
        started.append(Process(command, env))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            process.kill()


def until(is_so: Callable[[], object], *, seconds: float = 40) -> None:
    """Wait for other processes until it is so."""
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "It did not come to pass."
        time.sleep(0.05)
