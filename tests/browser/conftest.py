"""The staff site served from this process, and a person in front of the system's Chromium."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import connections

from portal import applying
from tests.browser.person import Person
from tests.factories import cast

AXE = Path(__file__).parent / "axe"
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
PASSWORD = "correct horse battery staple"


def pytest_collection_modifyitems(items) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing: tests do."""


@pytest.fixture(scope="session")
def axe(tmp_path_factory) -> str:
    """The accessibility checker, installed by its lock file."""
    if not shutil.which("npm"):
        pytest.skip("Install nodejs and npm to look for faults of accessibility.")
    folder = tmp_path_factory.mktemp("axe")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(AXE / name, folder)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--silent"]
    done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        pytest.skip(f"npm could not install axe-core: {done.stderr.strip()[:200]}")
    return (folder / "node_modules/axe-core/axe.min.js").read_text()


@pytest.fixture(scope="session")
def chromium():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Run `make walks`: it installs playwright."
    )
    if not CHROMIUM:
        pytest.skip("Install chromium to walk through the staff site.")
    with playwright.sync_playwright() as started, pytest.MonkeyPatch.context() as set_for:
        # Playwright waits in an event loop of its own, in this thread, in which nothing of ours runs.
        set_for.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def site(database, settings) -> Iterator[str]:
    """Serve the site on a free port of this machine; its threads use the database of the tests."""

    class Server(ThreadedWSGIServer):
        daemon_threads = True

        def process_request_thread(self, request, client_address) -> None:
            super().process_request_thread(request, client_address)
            connections.close_all()

    server = Server(("127.0.0.1", 0), Quiet, ipv6=False)
    server.set_app(get_wsgi_application())
    url = f"http://127.0.0.1:{server.server_address[1]}"
    settings.PUBLIC_URL = url
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield url
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def people(database):
    return cast()


@pytest.fixture
def person(site, chromium, axe, monkeypatch) -> Iterator[Person]:
    """Somebody who may do all, signed in at a small screen."""
    monkeypatch.setattr(applying, "LEAST_SECONDS", -1)  # the browser fills in at once
    User.objects.create_superuser("ann", password=PASSWORD)
    context = chromium.new_context(
        viewport={"width": 1366, "height": 768}, timezone_id="Europe/Berlin", locale="en-US"
    )
    context.set_default_timeout(15_000)
    walker = Person(context.new_page(), site, axe)
    walker.signs_in("ann", PASSWORD)
    yield walker
    context.close()
