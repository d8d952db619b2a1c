"""Migrations as a login that may make roles and owns its database, and nothing more."""

import os
import subprocess
import sys

import psycopg
import pytest
from django.db import connection

from groundwork.local import CHECKOUT
from groundwork.roles import ROLES


@pytest.fixture
def plain_login(database):
    """A URL of an empty database whose owner is no superuser."""
    given = connection.get_connection_params()
    place = {name: given[name] for name in ("host", "port", "user", "password") if name in given}
    with psycopg.connect(**place, dbname="postgres", autocommit=True) as login:
        login.execute("create role shopkeeper login createrole password 'open'")
        login.execute("create database shopdb owner shopkeeper")
        yield f"postgres://shopkeeper:open@{place['host']}:{place['port']}/shopdb"
        login.execute("drop database shopdb with (force)")
        for role in ROLES:
            login.execute(f"drop role if exists shopdb_{role}")
        login.execute("drop role shopkeeper")


def test_a_login_that_may_make_roles_migrates_and_serves(plain_login):
    secrets = dict.fromkeys(("CURSOR_KEYS", "SEALING_KEYS"), "A" * 43 + "=")
    environment = (
        os.environ | secrets | {"DATABASE_URL": plain_login, "SECRET_KEY": "a" * 50, "LOCAL": "1"}
    )
    migrate = ["manage.py", "migrate", "-v0"]
    for command in (["manage.py", "make_roles"], migrate, migrate, ["-c", "import config.wsgi"]):
        done = subprocess.run(  # noqa: S603
            [sys.executable, *command],
            env=environment,
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
