"""Browsers, strangers and long work are kept in bounds, area by area."""

import os
import subprocess
import sys
from ipaddress import ip_network

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from config import settings as configured
from groundwork.local import CHECKOUT
from tests.config.test_environment import DEPLOYED, started
from tests.factories import cast, client_of
from tests.promises.processes import Processes


@pytest.fixture
def staff(database) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ann", password="s3cret-s3cret"))
    return client


def directives(answer) -> dict[str, str]:
    """The policy of an answer, by directive."""
    parts = answer["Content-Security-Policy"].split("; ")
    return {name: rest for name, _, rest in (part.partition(" ") for part in parts)}


def test_an_answer_of_the_api_is_no_page(database):
    answer = client_of(cast().alice).get("/v1/products")
    assert directives(answer) == {
        "default-src": "'none'", "base-uri": "'none'", "form-action": "'none'",
        "frame-ancestors": "'none'",
    }  # fmt: skip
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in answer
    assert not answer.cookies


@pytest.mark.parametrize("path", ["/docs/", "/claim/tc_claim_none", "/nowhere", "/v1/nowhere"])
def test_a_page_of_partners_runs_no_script(database, path):
    answer = Client().get(path)
    assert "script-src" not in directives(answer)
    assert directives(answer)["default-src"] == "'none'"
    assert directives(answer)["frame-ancestors"] == "'none'"


def test_the_reference_runs_our_scripts_only(database):
    policy = directives(Client().get("/docs/reference"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"


def test_the_staff_site_loads_our_scripts_only_and_cannot_be_framed(staff):
    answer = staff.get("/admin/")
    policy = directives(answer)
    assert policy["script-src"] == "'self' 'unsafe-eval'"
    assert policy["frame-ancestors"] == "'none'"
    assert answer["X-Frame-Options"] == "DENY"
    assert b"<script>" not in answer.content  # the policy would not run it


def test_every_answer_has_the_headers(database):
    for path in ("/healthz", "/v1/health", "/docs/", "/admin/login/"):
        answer = Client().get(path)
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "camera=()" in answer["Permissions-Policy"]


@pytest.mark.parametrize(
    ("address", "status"), [("192.0.2.7", 200), ("2001:db8::9", 200), ("198.51.100.1", 404)]
)
def test_the_staff_site_is_there_for_its_networks_only(database, settings, address, status):
    settings.STAFF_NETWORKS = [ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]
    client = Client(REMOTE_ADDR=address)
    assert client.get("/admin/login/").status_code == status
    assert client.get("/v1/health").status_code == 200


def test_who_hides_behind_a_made_up_header_is_not_let_in(database, settings):
    settings.STAFF_NETWORKS = [ip_network("192.0.2.0/24")]
    client = Client(REMOTE_ADDR="198.51.100.1", headers={"X-Forwarded-For": "192.0.2.7"})
    assert client.get("/admin/login/").status_code == 404


def test_the_path_of_the_staff_site_is_a_setting():
    assert configured.STAFF_PATH == "admin/"
    assert reverse("admin:index") == f"/{configured.STAFF_PATH}"


def test_cookies_are_bound_to_us(staff):
    answer = Client().post("/admin/login/", {"username": "ann", "password": "s3cret-s3cret"})
    cookie = answer.cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 43_200)


def test_a_deployment_binds_them_to_tls_and_to_the_host():
    ask = "from config.settings import *; print(SESSION_COOKIE_NAME, CSRF_COOKIE_NAME, SESSION_COOKIE_SECURE)"
    done = started(DEPLOYED, "-c", ask)
    assert done.stdout == "__Host-session __Host-csrf True\n"


def test_no_request_of_a_web_process_holds_the_database_for_long(database, tmp_path):
    """The limits are those of the real process's sessions, as the database tells them."""
    processes = Processes(tmp_path)
    ask = (
        "import config.wsgi\n"
        "from django.db import connection\n"
        "with connection.cursor() as c:\n"
        "    c.execute('show statement_timeout'); print(c.fetchone()[0])\n"
        "    c.execute('show lock_timeout'); print(c.fetchone()[0])\n"
    )
    try:
        done = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-c", ask],
            env=os.environ | processes._environment(),
            cwd=CHECKOUT, capture_output=True, text=True, check=True,
        )  # fmt: skip
    finally:
        processes.end()
    assert done.stdout.split() == ["30s", "10s"]


BODIES = {
    "/v1/pricing": ("application/json", 413),
    "/hooks/nobody/": ("application/json", 413),
    "/admin/login/": ("application/x-www-form-urlencoded", 400),
}


@pytest.mark.parametrize("path", BODIES)
def test_a_body_beyond_all_bounds_is_refused(database, path):
    kind, status = BODIES[path]
    client = client_of(cast().alice)
    answer = client.post(path, b"x" * 4_000_000, content_type=kind)
    assert answer.status_code == status
