"""An installation as docs/operations/README.md has it: separate servers, the guide's own commands."""

import os
import re
import shlex
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

import orjson
import psutil
import psycopg

from config import make_secrets
from groundwork.engines.postgres import Postgres, binary_of
from groundwork.engines.valkey import Valkey
from groundwork.local import CHECKOUT
from tests.promises.processes import answers, free_port, wait_for

GUIDE = (CHECKOUT / "docs/operations/README.md").read_text()
NAME, LOGIN = "tradecounter", "tradecounter"
KEY_VARIABLE = "INSTALLED_KEY"


def guide_commands() -> dict[str, list[str]]:
    """Return the command of each process, from the guide's table."""
    rows = re.findall(r"^\| (\w+) \| `(.+?)` \|", GUIDE, re.MULTILINE)
    return {name: shlex.split(command) for name, command in rows}


class Server:
    """A Postgres of its own with our database in it, made as the guide says."""

    def __init__(self, folder: Path, password: str) -> None:
        folder.mkdir(parents=True)
        self.engine = Postgres(folder, is_fast=True)
        self.port = self.engine.start(port=0).port
        self.password = password
        self.as_superuser(
            f"create role {LOGIN} login createrole password '{password}'", dbname="postgres"
        )
        self.as_superuser(
            f"create database {NAME} owner {LOGIN} locale_provider builtin builtin_locale 'C.UTF-8' "
            "template template0",
            dbname="postgres",
        )

    def as_superuser(self, sql: str, *, dbname: str = NAME) -> None:
        with psycopg.connect(**self.superuser(dbname), autocommit=True) as login:
            login.execute(sql)

    def superuser(self, dbname: str) -> dict:
        return {
            "host": "127.0.0.1", "port": self.port, "user": "postgres",
            "password": self.engine.password, "dbname": dbname,
        }  # fmt: skip

    def run(self, program: str, *arguments: str) -> None:
        """Run `pg_dump` or `pg_restore` as the superuser."""
        done = subprocess.run(  # noqa: S603 - programs of our own wheel
            [str(binary_of(program)), *arguments],
            env={
                "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "postgres",
                "PGPASSWORD": self.engine.password, "PATH": os.defpath,
            },
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-1500:]

    @property
    def url(self) -> str:
        return f"postgres://{LOGIN}:{self.password}@127.0.0.1:{self.port}/{NAME}"


class Installation:
    """Its secrets, its engines, its processes; `end` leaves nothing behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_secrets.main(folder / "secrets")
        password = (folder / "secrets/postgres_password").read_text().strip()
        self.server = Server(folder / "a", password)
        (folder / "valkey").mkdir()
        self.valkey = Valkey(folder / "valkey", is_fast=True)
        self.valkey_port = self.valkey.start(port=0).port
        self.ports = {"web": free_port(), "web2": free_port()}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._use(self.server)

    def _use(self, server: Server) -> None:
        path = self.folder / "secrets/database_url"
        path.chmod(0o600)
        path.write_text(server.url + "\n")
        self.server = server

    def move_to(self, server: Server) -> None:
        """Take another server for the database."""
        self._use(server)

    def environment(self) -> dict[str, str]:
        """Return the variables that the guide names, with this installation's values."""
        block = re.search(r"^    DATABASE_URL_FILE=.*?(?=\n\n)", GUIDE, re.MULTILINE | re.DOTALL)[0]
        named = dict(part.split("=", 1) for part in block.split())
        redis = f"redis://:{self.valkey.password}@127.0.0.1:{self.valkey_port}/0"
        secrets = str(self.folder / "secrets")
        return {
            **{name: value.replace("/etc/tradecounter", secrets) for name, value in named.items()},
            "REDIS_URL": redis,
            "PUBLIC_URL": f"http://127.0.0.1:{self.ports['web']}",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
        }

    # -- commands ------------------------------------------------------------------------------

    def manage(self, command: str, **more: str) -> str:
        """Run `manage.py ...`, which must succeed; return what it printed."""
        done = subprocess.run(  # noqa: S603 - our own commands
            [sys.executable, "manage.py", *shlex.split(command)],
            env=self.environment() | more, cwd=CHECKOUT, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout[-500:], done.stderr[-1500:])
        return done.stdout

    def python(self, code: str) -> str:
        """Do what staff would do on the staff site, with the same functions."""
        begin = "import django, os\nos.environ['DJANGO_SETTINGS_MODULE']='config.settings'\ndjango.setup()\n"
        done = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-c", begin + code],
            env=self.environment(), cwd=CHECKOUT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-1500:]
        return done.stdout.strip()

    # -- processes -----------------------------------------------------------------------------

    def start(self, *names: str) -> None:
        for name in names:
            told = guide_commands()[name.removesuffix("2")]
            told = [part.replace("/tmp/", f"{self.folder}/") for part in told]  # noqa: S108
            if told[0] == "manage.py":
                command = [sys.executable, *told]
            elif told[0] == "celery":
                command = [sys.executable, "-m", *told]
            else:
                command = [sys.executable, "-m", *told, "--port", str(self.ports[name])]
            with (self.folder / f"{name}.log").open("ab") as log:
                self._running[name] = subprocess.Popen(  # noqa: S603 - the guide's commands
                    command, env=self.environment(), cwd=CHECKOUT, stdout=log, stderr=log
                )
        for name in set(names) & set(self.ports):
            wait_for(lambda name=name: self.is_ready(name))

    def is_ready(self, name: str) -> bool:
        port = self.ports[name]
        return answers(port) and self.asked(port, "/readyz")[0] == 200

    def stop(self, name: str) -> None:
        """End a process as a service manager does."""
        process = self._running.pop(name)
        process.terminate()
        process.wait(30)

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

    def children_of(self, name: str) -> list[psutil.Process]:
        return psutil.Process(self._running[name].pid).children(recursive=True)

    def end(self) -> None:
        for name in list(self._running):
            self.kill(name)
        self.valkey.stop()
        self.server.engine.stop()

    # -- partners ------------------------------------------------------------------------------

    def asked(self, port: int, path: str, *, key: str = "") -> tuple[int, dict]:
        """Ask as the proxy would; return the status and the body."""
        headers = {"Host": "tradecounter.example", "X-Forwarded-Proto": "https"}
        headers |= {"Authorization": f"Bearer {key}"} if key else {}
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, orjson.loads(answer.read() or b"{}")
        finally:
            connection.close()

    def ask(self, path: str, *, key: str) -> dict:
        status, said = self.asked(self.ports["web"], path, key=key)
        assert status == 200, said
        return said


class Clients:
    """Partners that ask through a proxy without a pause, and count what they were answered."""

    def __init__(self, port: int, key: str, *, threads: int = 4) -> None:
        self.statuses: dict[object, int] = {}
        self._port, self._key, self._ends = port, key, threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask_on) for _ in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def _ask_on(self) -> None:
        kept = HTTPConnection("127.0.0.1", self._port, timeout=20)
        while not self._ends.is_set():
            status: object
            try:
                kept.request(
                    "GET", "/v1/stock?limit=1",
                    headers={"Host": "tradecounter.example", "Authorization": f"Bearer {self._key}"},
                )  # fmt: skip
                answer = kept.getresponse()
                body = answer.read()
                status = answer.status if answer.status == 200 else (answer.status, body[:200])
            except (OSError, HTTPException) as error:
                kept.close()
                status = type(error).__name__
            with self._lock:
                self.statuses[status] = self.statuses.get(status, 0) + 1
            time.sleep(0.06)  # below the limit of the key
        kept.close()
