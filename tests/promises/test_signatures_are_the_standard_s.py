"""Promise: what is signed is accepted by both official verifiers, with either secret of a rotation."""

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from standardwebhooks.webhooks import Webhook

from outbound_hooks.signing import new_secret, signed_headers

VERIFIERS = Path(__file__).parent / "verifiers"
MESSAGES = 200


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Path:
    """The npm verifier, installed by its lock file; without node there is nothing to ask."""
    if not shutil.which("npm"):
        pytest.skip("Install nodejs and npm to hold signatures against the npm verifier too.")
    folder = tmp_path_factory.mktemp("verifiers")
    for name in ("package.json", "package-lock.json", "verify.mjs"):
        shutil.copy(VERIFIERS / name, folder)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--silent"]
    done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        pytest.skip(f"npm could not install the verifier: {done.stderr.strip()[:200]}")
    return folder


def messages() -> list[tuple[list[str], dict[str, str], str]]:
    """Random bodies, each signed with the new and the old secret."""
    dice, at = Random(7), int(datetime.now(UTC).timestamp())  # noqa: S311
    letters = 'aé€😀"\\\n{}[]: 0'
    made = []
    for number in range(MESSAGES):
        text = "".join(dice.choice(letters) for _ in range(dice.randrange(200)))
        body = json.dumps({"text": text, "number": number}, ensure_ascii=number % 2 == 0)
        held = [new_secret(), new_secret()]
        headers = signed_headers(
            f"msg_{number}", body.encode(), held, at=at, signs_body=number % 3 == 0
        )
        made.append((held, headers, body))
    return made


def test_the_pypi_verifier_accepts_them(record_property):
    for held, headers, body in messages():
        for secret in held:
            assert Webhook(secret).verify(body, headers) == json.loads(body)
    record_property("messages accepted by the PyPI verifier", len(messages()))


def test_the_npm_verifier_accepts_them_and_no_other_secret(node, record_property):
    asked, expected = [], []
    for held, headers, body in messages():
        for secret, verdict in (*((each, True) for each in held), (new_secret(), False)):
            asked.append(json.dumps({"secret": secret, "headers": headers, "body": body}))
            expected.append(verdict)
    told = subprocess.run(
        ["node", "verify.mjs"],  # noqa: S607
        cwd=node,
        input="\n".join(asked),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert [line == "genuine" for line in told] == expected
    record_property("verdicts of the npm verifier, all right", len(told))
