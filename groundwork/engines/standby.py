"""A streaming standby of the embedded Postgres, read-only: for tests and rehearsals of scaling out."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from groundwork.engines import processes
from groundwork.engines.engine import Running
from groundwork.engines.postgres import READY_LINE, USER, Postgres, binary_of


@dataclass(frozen=True)
class Standby(Postgres):
    """It follows the Postgres of the same home, which runs on `primary_port`."""

    primary_port: int = 0
    # The primary keeps what is being read here, and what it cannot keep is not waited for long.
    more_settings: ClassVar[Mapping[str, str]] = {
        "hot_standby_feedback": "on",
        "max_standby_streaming_delay": "2s",
    }

    @property
    def folder(self) -> Path:
        return self.home / "standby"

    @property
    def log(self) -> Path:
        return self.home / "standby.log"

    def prepare(self) -> None:
        """Copy the primary as it is now; what is there already goes on from where it stood."""
        if not self.folder.exists():
            self._copy()
        self._guise().give(self.folder, below=self.home.parent)

    def _copy(self) -> None:
        command = [
            str(binary_of("pg_basebackup")),
            f"--pgdata={self.folder}",
            f"--host={processes.LOOPBACK}",
            f"--port={self.primary_port}",
            f"--username={USER}",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
        ]
        with self.log.open("ab") as log:
            done = subprocess.run(  # noqa: S603 - a program of our own wheel
                command,
                env=processes.ENVIRONMENT | {"PGPASSWORD": self.password},
                stdout=log,
                stderr=log,
                check=False,
            )
        if done.returncode:
            raise self.unavailable("could not copy its primary")

    def answers(self, running: Running) -> bool:
        lines = self._pid_lines()
        state = lines[READY_LINE : READY_LINE + 1]
        return lines[:1] == [str(running.pid)] and state in (["standby"], ["ready"])
