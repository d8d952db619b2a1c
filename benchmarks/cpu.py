"""CPU seconds of running processes, from the scheduler's own account (Linux)."""

import os
from collections.abc import Iterable
from pathlib import Path

import psutil


def tree_of(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    process = psutil.Process(pid)
    return [pid, *(child.pid for child in process.children(recursive=True))]


def seconds(pids: Iterable[int]) -> float:
    """Return the CPU seconds used so far by all threads of these processes."""
    return sum(_nanoseconds(pid) for pid in pids) / 1e9


def _nanoseconds(pid: int) -> int:
    total = 0
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total += int(task.read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # the thread ended while we looked
    return total


def own_pid() -> int:
    return os.getpid()
