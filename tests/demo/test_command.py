"""`manage.py storefront` as a real process."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

MANAGE = Path(__file__).parents[2] / "manage.py"


def started(*arguments: object) -> subprocess.Popen:
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, MANAGE, "storefront", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_and_ends_cleanly(tmp_path, ending):
    with started("apparel", "--port", 0, "--journal", tmp_path / "edits.jsonl") as process:
        line = process.stdout.readline()
        assert line.startswith("Loomfield Apparel & Bags sells 8000 items at http://127.0.0.1:")
        url = line.split()[-1]
        with requests.Session() as session:
            assert session.get(url, timeout=10).status_code == 200
            assert session.get(f"{url}wp-json/", timeout=10).json()["timezone_string"]
            process.send_signal(ending)  # while a connection is kept open
            assert process.wait(timeout=10) == 0
        assert process.stderr.read() == ""


def test_a_taken_port_is_one_clear_line():
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        started("drinkware", "--port", taken.getsockname()[1]) as process,
    ):
        assert process.wait(timeout=30) == 1
        assert process.stderr.read() == (
            "CommandError: The shop cannot open: Address already in use.\n"
        )
