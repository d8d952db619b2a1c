"""What the two engines have in common: a folder, a program, a way to start, a way to end."""

import fcntl
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar

from groundwork.engines import processes
from groundwork.engines.errors import DataFolderRefused, EngineUnavailable
from groundwork.local import local_secret

GRACE = 10.0  # seconds an engine has to end by itself
# A killed Postgres leaves backends that hold its shared memory for some 100 ms; a port may be lost.
RETRY_FOR = 5.0
RECOVERY = 60.0  # seconds; after a crash an engine first reads its log again


@dataclass(frozen=True)
class Running:
    """Where an engine is: its process and its port on loopback."""

    pid: int
    port: int


@dataclass(frozen=True)
class Engine(ABC):
    """An engine in `home`, the folder that all engines share."""

    home: Path
    is_fast: bool = False  # may forget on a power cut: for tests

    name: ClassVar[str]  # in messages
    program: ClassVar[str]  # of the executable, its folder and its log
    stop_signal: ClassVar[signal.Signals]

    @property
    def folder(self) -> Path:
        return self.home / self.program

    @property
    def password(self) -> str:
        return local_secret(self.program)

    @property
    def log(self) -> Path:
        return self.home / f"{self.program}.log"

    @abstractmethod
    def prepare(self) -> None:
        """Make the folder ready for a start, or refuse it."""

    @abstractmethod
    def launch(self, port: int, *, claim: IO[str]) -> subprocess.Popen[bytes]:
        """Start the process, which keeps the claim."""

    @abstractmethod
    def answers(self, running: Running) -> bool:
        """Tell whether a process that was launched is ready for clients."""

    @abstractmethod
    def leaders(self) -> list[int]:
        """Return the live processes that end the others when told to."""

    def members(self) -> list[int]:
        """Return every live process that uses the folder."""
        return processes.running_in(self.folder, program=self.program)

    def is_running(self, running: Running | None) -> bool:
        """Tell whether the process once started is still at work."""
        return running is not None and processes.is_running(
            running.pid, program=self.program, folder=self.folder
        )

    def start(self, *, port: int) -> Running:
        """Start in the folder, whatever was left in it, on `port` if that is free."""
        self.prepare()
        deadline = time.monotonic() + RETRY_FOR
        while True:
            self.stop()
            port = processes.usable_port(port)
            with self._claim() as claim:
                process = self.launch(port, claim=claim)
            if self._comes_up(process, port):
                processes.leave(process)
                return Running(process.pid, port)
            if time.monotonic() > deadline:
                raise self.unavailable("did not start")
            time.sleep(0.1)

    def _comes_up(self, process: subprocess.Popen[bytes], port: int) -> bool:
        def settled() -> bool:
            return process.poll() is not None or self.answers(Running(process.pid, port))

        if not processes.wait_until(settled, seconds=RECOVERY):
            process.kill()
            process.wait()
            raise self.unavailable(f"did not answer within {RECOVERY:.0f} s")
        return process.returncode is None

    def stop(self) -> None:
        """End every process in the folder: by the leader, after ten seconds by force."""
        leaders = self.leaders()
        for pid in leaders:
            processes.send(pid, self.stop_signal)
        if leaders:
            processes.wait_until(lambda: not self.members(), seconds=GRACE)
        # Both at once: what was launched a moment ago holds the lock before it can be seen.
        if not processes.wait_until(lambda: self._is_killed() and self._is_free(), seconds=GRACE):
            raise DataFolderRefused(
                f"{self.folder} is in use by a process that cannot be ended from here, perhaps in "
                "a container: end it there, or set TRADECOUNTER_DATA to another folder."
            )
        for pid in leaders:
            processes.reap(pid)

    def _claim(self) -> IO[str]:
        """Lock the folder; the lock lives as long as any process that was handed it."""
        claim = (self.home / f"{self.folder.name}.lock").open("a")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            claim.close()
            raise
        return claim

    def _is_free(self) -> bool:
        try:
            self._claim().close()
        except BlockingIOError:
            return False
        return True

    def _is_killed(self) -> bool:
        members = self.members()
        for pid in members:
            processes.send(pid, signal.SIGKILL)
        return not members

    def unavailable(self, what: str) -> EngineUnavailable:
        """Return the error that names the log and its last line."""
        return EngineUnavailable(
            f"The embedded {self.name} {what}: {processes.last_line(self.log)} (see {self.log}). "
            "Set DATABASE_URL and REDIS_URL to use engines of your own."
        )
