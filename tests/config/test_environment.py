"""A wrong or missing setting stops the start with one line that names it and shows an example."""

import os
import re
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from groundwork.local import CHECKOUT

KEY = "A" * 43 + "="
DEPLOYED = {
    "DATABASE_URL": "postgres://app:hunter2@127.0.0.1:1/tradecounter",
    "REDIS_URL": "redis://:hunter2@127.0.0.1:1/0",
    "ALLOWED_HOSTS": "tradecounter.example",
    "SECRET_KEY": "s" * 50,
    "CURSOR_KEYS": KEY,
    "SEALING_KEYS": KEY,
    "PATH": os.environ["PATH"],
}
MANAGE = ("manage.py", "check")


def started(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own commands
        (sys.executable, *(command or MANAGE)),
        env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_whole_environment_starts():
    done = started(DEPLOYED)
    assert (done.returncode, done.stdout) == (
        0,
        "System check identified no issues (0 silenced).\n",
    )


WRONG = {
    "REDIS_URL": ("", "is missing"),
    "ALLOWED_HOSTS": ("", "is missing"),
    "SECRET_KEY": ("short", "is shorter than 32 characters"),
    "CURSOR_KEYS": ("s" * 40, "holds what is no key"),
    "SEALING_KEYS": ("", "is missing"),
    "DATABASE_URL": ("mysql://app:hunter2@db/x", "is no postgres:// URL"),
    "PUBLIC_URL": ("ftp://shop", "is no https:// URL"),
    "LOCAL": ("flase", "is 'flase', neither true nor false"),
    "DEBUG": ("2", "is '2', neither true nor false"),
    "TRUSTED_PROXIES": ("-1", "is '-1', not a whole number, 0 or more"),
    "HISTORY_KEPT_DAYS": ("ninety", "is 'ninety', not a whole number, 1 or more"),
    "EMAIL_PORT": ("70000", "is '70000', not a whole number, from 1 to 65535"),
    "WEBHOOK_BULK_SHARE": ("1.5", "is '1.5', not from 0 to 1"),
    "LOG_LEVEL": ("LOUD", "is 'LOUD', not one of DEBUG"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_one_line_with_an_example(name):
    value, fault = WRONG[name]
    done = started(DEPLOYED | {name: value})
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"{name} {fault}")
    assert f", as in {name}=" in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "celery", "--app", "config.celery", "worker"),
        ("-c", "import config.wsgi"),
        ("-m", "config.run"),
    ],
    ids=["worker", "web", "run"],
)
def test_every_process_stops_so(command):
    done = started(DEPLOYED | {"DEBUG": "maybe"}, *command)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "DEBUG is 'maybe', neither true nor false, as in DEBUG=false (.env.example tells of all settings)."
    ]


def test_the_web_says_in_one_line_that_there_is_no_database():
    done = started(DEPLOYED, "-c", "import config.wsgi")
    assert done.returncode == 1
    said = orjson.loads(done.stderr.splitlines()[-1])
    assert said["event"] == "web_not_started"
    assert "Connection refused" in said["error"]
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


def test_a_secret_may_be_in_a_file(tmp_path: Path):
    (tmp_path / "key").write_text("k" * 50 + "\n")
    named = {k: v for k, v in DEPLOYED.items() if k != "SECRET_KEY"}
    ask = "import config.settings; print(config.settings.SECRET_KEY)"
    done = started(named | {"SECRET_KEY_FILE": str(tmp_path / "key")}, "-c", ask)
    assert done.stdout == "k" * 50 + "\n"
    done = started(named | {"SECRET_KEY_FILE": str(tmp_path / "none")}, "-c", ask)
    assert done.stderr.startswith("SECRET_KEY_FILE names a file that cannot be read")


def test_the_example_file_names_every_setting_and_no_other():
    code = (CHECKOUT / "config/settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_0-9]+)"', code)) - {"PORT"}
    named = set(
        re.findall(r"^(?:# )?([A-Z_0-9]+)=", (CHECKOUT / ".env.example").read_text(), re.MULTILINE)
    )
    of_others = {
        "TRADECOUNTER_DATA", "TRADECOUNTER_FAST", "PORT", "SHOP_PORTS",
        "RECEIVER_PORT",
    }  # fmt: skip
    assert named - of_others == read
