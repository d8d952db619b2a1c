"""Serves a storefront on loopback with keep-alive, one thread a connection."""

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote_to_bytes

from demo.storefront.faults import ConnectionDroppedError
from demo.storefront.storefront import Storefront

Connection = socket.socket | tuple[bytes, socket.socket]
LOOPBACK = "127.0.0.1"
IDLE = 60  # seconds a silent connection is kept


class ShopServer(ThreadingHTTPServer):
    """Listens for one storefront; `stop` ends open connections too."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 64

    def __init__(self, storefront: Storefront, port: int = 0) -> None:
        self.storefront = storefront
        self._open: set[Connection] = set()
        self._guard = threading.Lock()
        super().__init__((LOOPBACK, port), _Handler)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_address[1]}"

    def process_request(self, request: Connection, client_address: object) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Connection) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Connection, client_address: object) -> None:
        """Say nothing of a client that went away; anything else is told as usual."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Stop listening, end the connections that wait for another request, join the threads."""
        self.storefront.faults.clear()
        with self._guard:
            waiting = list(self._open)
        for connection in waiting:
            with contextlib.suppress(OSError):
                if isinstance(connection, socket.socket):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Storefront", ""
    disable_nagle_algorithm = True
    timeout = IDLE
    server: ShopServer

    def _serve(self) -> None:
        try:
            body = b"".join(self.server.storefront(self._environ(), self._start))
        except ConnectionDroppedError:
            self.close_connection = True
            return
        self.wfile.write(body)
        if self.command != "HEAD" and len(body) < self._length:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _start(self, status: str, headers: list[tuple[str, str]]) -> None:
        code, _, phrase = status.partition(" ")
        self.send_response(int(code), phrase)
        for name, value in headers:
            self.send_header(name, value)
        if self.command not in {"GET", "HEAD"}:
            # What is left of its body would be taken for the next request.
            self.send_header("Connection", "close")
        self.end_headers()
        self._length = int(dict(headers)["Content-Length"])

    def _environ(self) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        named = {f"HTTP_{k.upper().replace('-', '_')}": v for k, v in self.headers.items()}
        return {
            **named,
            "REQUEST_METHOD": self.command,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": LOOPBACK,
            "SERVER_PORT": str(self.server.server_address[1]),
            "CONTENT_LENGTH": self.headers.get("Content-Length") or "",
            "wsgi.url_scheme": "http",
            "wsgi.input": self.rfile,
        }

    def log_message(self, *_args: object) -> None:
        """Log nothing: the page shows what happened."""


@contextlib.contextmanager
def running(storefront: Storefront, port: int = 0) -> Iterator[str]:
    """Serve `storefront` on a free loopback port for a while; yields its base URL."""
    server = ShopServer(storefront, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        thread.join()
        server.stop()
