"""What deploys us names what there is: services, secrets, settings, commands and files."""

import os
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml
from django.core.management import get_commands

from config import make_secrets, probe
from config.celery import app as celery
from groundwork.local import CHECKOUT
from tests.config.test_environment import DEPLOYED, started

COMPOSE = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: s for name, s in SERVICES.items() if s.get("image") == "tradecounter"}
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text()


def test_every_service_that_is_waited_for_is_there():
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in SERVICES, (name, needed)
            if how["condition"] == "service_healthy":
                assert "test" in SERVICES[needed]["healthcheck"]


def test_every_part_of_a_deployment_runs():
    assert set(OURS) == {"migrate", "web", "web2", "worker", "hooks", "deliverer", "beat"}
    queues = {route["queue"] for route in celery.conf.task_routes.values()}
    taken = {part for s in OURS.values() for part in shlex.split(s.get("command", ""))}
    assert queues <= taken
    for service in OURS.values():
        command = shlex.split(service.get("command", ""))
        if command[:2] == ["python", "manage.py"]:
            assert command[2] in get_commands()


def test_secrets_come_from_files_that_are_made():
    named = {name: Path(each["file"]).name for name, each in COMPOSE["secrets"].items()}
    assert set(make_secrets.made()) == set(named) == set(named.values())
    for service in SERVICES.values():
        for secret in service.get("secrets", ()):
            assert secret in named
        for name, value in service.get("environment", {}).items():
            if name.endswith("_FILE"):
                assert Path(value).name in service["secrets"]


def test_a_deployment_starts_with_the_secrets_that_are_made(tmp_path):
    assert make_secrets.main(tmp_path / "secrets").startswith("Made 6 secrets")
    environment = {"PATH": os.environ["PATH"], "ALLOWED_HOSTS": "tradecounter.example"}
    for name, value in OURS["web"]["environment"].items():
        environment[name] = str(value).replace("/run/secrets", str(tmp_path / "secrets"))
    ask = "from config.settings import *; print(DATABASES['default']['HOST'], METRICS_TOKEN, len(SECRET_KEY))"
    done = started(environment, "-c", ask)
    token = (tmp_path / "secrets/metrics_token").read_text().strip()
    assert done.stdout == f"postgres {token} 86\n", done.stderr
    url = (tmp_path / "secrets/database_url").read_text()
    assert (tmp_path / "secrets/postgres_password").read_text().strip() in url


def test_secrets_that_are_there_are_never_changed(tmp_path):
    make_secrets.main(tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert "none was changed" in make_secrets.main(tmp_path)
    (tmp_path / "secret_key").unlink()
    assert "lacks secret_key: make these by hand" in make_secrets.main(tmp_path)
    del before["secret_key"]
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before
    assert stat.S_IMODE((tmp_path / "cursor_keys").stat().st_mode) == 0o444


def test_nothing_of_ours_runs_as_root_or_writes_beside_tmp():
    for name, service in OURS.items():
        assert service["read_only"], name
        assert service["tmpfs"] == ["/tmp"]  # noqa: S108 - of the container
        assert service["cap_drop"] == ["ALL"]
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE) == ["10001"]
    assert DOCKERFILE.index("\nUSER 10001") < DOCKERFILE.index("\nCMD ")


def test_every_service_has_limits_and_a_bounded_log():
    for name, service in SERVICES.items():
        limits = service["deploy"]["resources"]["limits"]
        assert set(limits) == {"cpus", "memory"}, name
        assert service["logging"]["options"]["max-size"]


def test_nothing_is_open_to_the_world():
    for service in SERVICES.values():
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:")
    ports = [port for s in SERVICES.values() for port in s.get("ports", ())]
    assert len(ports) == len(set(ports)) == 2


def test_the_image_copies_what_there_is_and_has_a_health_check():
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        *sources, _ = line.split()
        assert all((CHECKOUT / source).exists() for source in sources), line
    assert "HEALTHCHECK" in DOCKERFILE
    stages = set(re.findall(r" AS (\w+)$", DOCKERFILE, re.MULTILINE))
    assert set(re.findall(r"COPY --from=(\w+)", DOCKERFILE)) <= stages
    assert "config/granian.json" in DOCKERFILE
    assert (CHECKOUT / "config/granian.json").exists()


def test_what_the_image_leaves_out_is_not_needed_to_start():
    ignored = (CHECKOUT / ".dockerignore").read_text().split()
    assert {"tests", "secrets", ".*"} <= set(ignored)
    code = "import sys, config.settings, config.celery; print([m for m in sys.modules if m.startswith('tests')])"
    assert started(DEPLOYED, "-c", code).stdout == "[]\n"


@contextmanager
def answering(status: int) -> Iterator[int]:
    """Answer every GET so; yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (404, 1), (503, 1)])
def test_the_probe_tells_by_its_exit_code(status, code):
    with answering(status) as port:
        done = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "config/probe.py", f"http://127.0.0.1:{port}/readyz"],
            cwd=CHECKOUT,
            check=False,
        )
    assert done.returncode == code


def test_the_probe_fails_where_nobody_answers():
    with pytest.raises(OSError, match="refused"):
        probe.status_of("http://127.0.0.1:1/readyz")
