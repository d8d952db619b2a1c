"""CPU a request, server and database together, in turns with the bare application."""

import http.client
import itertools
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from django.db import connection

from benchmarks import cpu
from groundwork.local import CHECKOUT

ROUNDS = 9
REQUESTS = 200  # a round, of each application
_HOST = "127.0.0.1"


@dataclass(frozen=True)
class Case:
    """One thing asked of both: of the product by a customer's key, and of the bare application."""

    name: str
    ours: Callable[[str], str]
    bare: str
    at_least: float | None
    tags: Mapping[str, str] = field(default_factory=dict)  # by key: what it holds already
    requests: int = REQUESTS


@dataclass(frozen=True)
class Result:
    """Milliseconds of CPU a request, medians; the ratio is that of each round, its median."""

    name: str
    ours: float
    bare: float
    ratio: float
    at_least: float | None
    p50: float
    p99: float


@dataclass(frozen=True)
class _Server:
    port: int
    pid: int


@contextmanager
def _serving(
    application: str, environment: dict[str, str], *, threads: int = 1
) -> Iterator[_Server]:
    port = _free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", _HOST]
    command += ["--port", str(port), "--workers", "1", "--blocking-threads", str(threads)]
    command += ["--log-level", "error", application]
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, env={**os.environ, **environment}, cwd=CHECKOUT, stderr=subprocess.DEVNULL
    )
    try:
        _await(port)
        yield _Server(port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _await(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection((_HOST, port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"Nothing answers on port {port}.")


def measure(
    cases: list[Case], keys: list[str], *, first: Callable[[int], None] = lambda _: None
) -> list[Result]:
    """Return what each case costs; `keys` are used in turn, so that none meets its limit.

    `first` is called with our port before anything is measured.
    """
    parameters = connection.get_connection_params()
    url = (
        f"postgres://{parameters['user']}:{parameters['password']}@{parameters['host']}:"
        f"{parameters['port']}/{parameters['dbname']}"
    )
    with (
        _serving("config.wsgi:application", {}) as ours,
        _serving("benchmarks.bare:application", {"BARE_DATABASE": url}) as bare,
    ):
        turn = itertools.cycle(keys)
        _ask(ours.port, cases[0].ours, turn, count=len(keys))  # every customer compiled once
        first(ours.port)
        return [_compared(case, ours, bare, turn) for case in cases]


def _compared(case: Case, ours: _Server, bare: _Server, turn: Iterator[str]) -> Result:
    database = cpu.tree_of(postmaster())
    costs: list[tuple[float, float]] = []
    times: list[float] = []
    for number in range(ROUNDS + 1):
        mine, took = _cost(ours, case, turn, database)
        bared = replace(case, ours=lambda _: case.bare, tags={})
        theirs, _ = _cost(bare, bared, turn, database)
        if number:  # the first round warms up
            costs.append((mine, theirs))
            times += took
    quantiles = statistics.quantiles(times, n=100)
    return Result(
        case.name,
        statistics.median(mine for mine, _ in costs),
        statistics.median(theirs for _, theirs in costs),
        statistics.median(theirs / mine for mine, theirs in costs),
        case.at_least,
        quantiles[49],
        quantiles[98],
    )


def _cost(
    server: _Server, case: Case, turn: Iterator[str], database: list[int]
) -> tuple[float, list[float]]:
    pids = [*cpu.tree_of(server.pid), *cpu.tree_of(database[0])]
    before = cpu.seconds(pids)
    times = _ask(server.port, case.ours, turn, count=case.requests, tags=case.tags)
    return (cpu.seconds(pids) - before) / case.requests * 1000, times


def _ask(
    port: int,
    path: Callable[[str], str],
    turn: Iterator[str],
    *,
    count: int,
    tags: Mapping[str, str] | None = None,
) -> list[float]:
    client, times = http.client.HTTPConnection(_HOST, port), []
    for key in itertools.islice(turn, count):
        asked, headers = path(key), {"Authorization": f"Bearer {key}"}
        if tags:
            headers["If-None-Match"] = tags[key]
        started = time.perf_counter()
        client.request("GET", asked, headers=headers)
        response = client.getresponse()
        body = response.read()
        times.append((time.perf_counter() - started) * 1000)
        if response.status != (304 if tags else 200):
            raise RuntimeError(f"{asked}: {response.status} {body[:200]!r}")
    client.close()
    return times


def postmaster() -> int:
    """Return the process under which all of the database's run."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        backend = cursor.fetchone()[0]
    return int(cpu.psutil.Process(backend).ppid())
