"""Every process writes one JSON object a line in a deployment, and no line shows a secret."""

import io
import logging
import os
import subprocess
import sys

import orjson
import pytest
import structlog

from groundwork.correlation import correlated
from groundwork.local import CHECKOUT
from groundwork.logs import configure, formatter

DEPLOYED = {
    "DATABASE_URL": "postgres://app:hunter2@127.0.0.1:1/none",
    "REDIS_URL": "redis://:hunter2@127.0.0.1:1/0",
    "SECRET_KEY": "s" * 60,
    "CURSOR_KEYS": "A" * 43 + "=",
    "SEALING_KEYS": "A" * 43 + "=",
    "ALLOWED_HOSTS": "tradecounter.example",
    "PATH": os.environ["PATH"],
}


def line(message: str, *, json: bool, **exception: object) -> str:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter(json=json))
    handler.emit(
        logging.LogRecord("x", logging.ERROR, "x.py", 1, message, (), exception.get("exc_info"))
    )
    return out.getvalue()


SHOWN = {
    "Bearer tc_live_dVNOjiCiehnO_Zm9vYmFyYmF6cXV4": "Bearer tc_live_dVNOjiCiehnO_[secret]",
    "signed with whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD": "signed with whsec_[secret]",
    "key ck_" + "0" * 40: "key ck_[secret]",
    "key cs_" + "a" * 40: "key cs_[secret]",
    "token shpat_0123456789abcdef": "token shpat_[secret]",
    "lost postgres://app:hunter2@db/x": "lost postgres://[secret]@db/x",
    "lost redis://:hunter2@db/0": "lost redis://[secret]@db/0",
    "lost postgres://app:p@ss/w#rd@db/x": "lost postgres://[secret]@db/x",
    "asked https://token@shop.example/x": "asked https://[secret]@shop.example/x",
    "sent Authorization: Basic Zm9vOmJhcg==": "sent Authorization: [secret]",
    "sent Authorization:Bearer abc": "sent Authorization:[secret]",
    """sent {'Authorization': 'Basic Zm9vOmJhcg=='}""": """sent {'Authorization': '[secret]'}""",
    "?consumer_key=ck_1&consumer_secret=cs_1&x=2": "?consumer_key=ck_1&consumer_secret=[secret]&x=2",
    "password=hunter2 was wrong": "password=[secret] was wrong",
    "the SKU CK_MUG-1 at https://shop.example/x": "the SKU CK_MUG-1 at https://shop.example/x",
}


@pytest.mark.parametrize("json", [True, False], ids=["json", "readable"])
@pytest.mark.parametrize("message", SHOWN)
def test_a_line_shows_no_secret(message, json):
    said = line(message, json=json)
    assert SHOWN[message] in said
    if json:
        assert orjson.loads(said)["event"] == SHOWN[message]


def test_what_is_masked_leaves_the_line_whole():
    said = orjson.loads(line('curl -H "Authorization: Bearer abc" x\nand "more"', json=True))
    assert said["event"] == 'curl -H "Authorization: [secret]" x\nand "more"'


def test_a_secret_in_what_an_event_carries_is_masked(capsys):
    before = logging.root.handlers[:]
    try:
        configure({"level": "INFO", "json": True})
        structlog.get_logger("x").error("asked", headers={"a": ["Bearer", "whsec_abc"]}, n=1)
        said = orjson.loads(capsys.readouterr().err)
    finally:
        logging.root.handlers[:] = before
    assert said["headers"] == {"a": ["Bearer", "whsec_[secret]"]}
    assert said["n"] == 1


def test_a_line_names_its_cause_and_its_level():
    with correlated("cause-of-this"):
        said = orjson.loads(line("hello", json=True))
    assert said["correlation_id"] == "cause-of-this"
    assert (said["level"], said["logger"], said["event"]) == ("error", "x", "hello")
    assert said["timestamp"].endswith("Z")


def test_an_exception_is_told_in_the_same_line_without_its_secret():
    try:
        {}["redis://:hunter2@db/0 is away"]
    except KeyError:
        said = line("failed", json=True, exc_info=sys.exc_info())
    assert said.count("\n") == 1
    assert "KeyError: 'redis://[secret]@db/0 is away'" in orjson.loads(said)["exception"]


def lines_of(*command: str, until: str) -> list[str]:
    """Run a process of a deployment that finds no engine, until it says something; return its lines."""
    with subprocess.Popen(  # noqa: S603 - our own commands
        (sys.executable, "-m", *command),
        env=DEPLOYED, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        lines = []
        for each in process.stdout:
            lines.append(each)
            if until in each:
                break
        process.kill()
    return lines


@pytest.mark.parametrize(
    ("command", "until"),
    [
        (("celery", "--quiet", "--app", "config.celery", "worker", "--concurrency", "1"), "Error"),
        (("celery", "--quiet", "--app", "config.celery", "beat", "--schedule", "{tmp}/b"), "Error"),
        (
            (
                "granian", "--interface", "wsgi", "--log-config", "config/granian.json",
                "--port", "0", "config.wsgi:application",
            ),
            "rror",
        ),
    ],
    ids=["worker", "beat", "web"],
)  # fmt: skip
def test_every_process_of_a_deployment_writes_json_without_secrets(command, until, tmp_path):
    lines = lines_of(*(part.format(tmp=tmp_path) for part in command), until=until)
    assert lines
    assert "hunter2" not in "".join(lines)
    for each in lines:
        assert set(orjson.loads(each)) >= {"event", "level", "timestamp"}
