"""A partner's receiver of webhooks on loopback: takes what is sent, verifies it, and shows it on a page."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from django.template import Context, Engine

LOOPBACK = "127.0.0.1"
TEMPLATES = Engine(dirs=[str(Path(__file__).parent / "templates" / "demo")])
_SHOWN = 50  # deliveries
_FRESH = 300  # seconds: an older message may be one that somebody recorded
_LARGEST = 4 * 1024 * 1024  # bytes


@dataclass(frozen=True)
class Shown:
    """One delivery as the page shows it; `fault` is empty where the signature is good."""

    at: datetime
    message_id: str
    kind: str
    changes: list[dict[str, Any]]
    body: str
    fault: str


class Receiver:
    """Holds the last deliveries. The secret is read from its file each time: it may be rotated."""

    def __init__(self, secret_file: Path) -> None:
        self._secret_file = secret_file
        self.deliveries: deque[Shown] = deque(maxlen=_SHOWN)

    def take(self, headers: dict[str, str], body: bytes) -> bool:
        """Keep a delivery; tell whether it is genuine."""
        fault = fault_of(headers, body, self._secret())
        said = _read(body)
        changes = said.get("data", {}).get("changes", [])
        kind, message_id = str(said.get("type", "")), headers.get("webhook-id", "")
        text = json.dumps(said, indent=2, ensure_ascii=False)
        self.deliveries.appendleft(Shown(datetime.now(UTC), message_id, kind, changes, text, fault))
        return not fault

    def page(self) -> bytes:
        page = TEMPLATES.get_template("receiver.html")
        return page.render(Context({"deliveries": list(self.deliveries)})).encode()

    def _secret(self) -> str:
        try:
            return self._secret_file.read_text().strip()
        except OSError:
            return ""


def fault_of(headers: dict[str, str], body: bytes, secret: str) -> str:
    """Return why a message is not to be believed, or nothing where it is genuine."""
    if not secret:
        return "no secret yet"
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        age = abs(time.time() - int(headers["webhook-timestamp"]))
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        given = headers["webhook-signature"].split()
    except (KeyError, ValueError, binascii.Error):
        return "not signed"
    if age > _FRESH:
        return "too old"
    expected = "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    is_genuine = any(hmac.compare_digest(expected.encode(), each.encode()) for each in given)
    return "" if is_genuine else "wrong signature"


def _read(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


@contextmanager
def receiving(receiver: Receiver, port: int) -> Iterator[str]:
    """Serve the page and take deliveries at /hook, on loopback only; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "Receiver", ""
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer(200, receiver.page(), "text/html; charset=utf-8")

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > _LARGEST:
                self.close_connection = True
                self._answer(413, b"too large", "text/plain")
                return
            body = self.rfile.read(int(length))
            headers = {name.lower(): value for name, value in self.headers.items()}
            is_genuine = receiver.take(headers, body)
            self._answer(
                200 if is_genuine else 401, b"thank you" if is_genuine else b"no", "text/plain"
            )

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the page shows it."""

    server = ThreadingHTTPServer((LOOPBACK, port), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
