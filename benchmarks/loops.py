"""The processes beside webhooks to partners: a fast receiver, and a plain loop that signs and sends."""

import asyncio
import json
import sys
import threading
import time

import requests

from outbound_hooks.signing import new_secret, signed_headers

SENDERS = 32
MESSAGES = 4_000
BODY = json.dumps({"type": "ping", "data": {"x": "y" * 1500}})


def bare(url: str) -> None:
    """Print the seconds that a plain loop over `requests` takes."""
    secret, body = new_secret(), BODY.encode()
    left = iter(range(MESSAGES))
    guard = threading.Lock()

    def loop() -> None:
        session = requests.Session()
        while True:
            with guard:
                number = next(left, None)
            if number is None:
                return
            headers = signed_headers(
                f"msg_{number}", body, [secret], at=int(time.time()), signs_body=False
            )
            session.post(f"{url}/bare", data=body, headers=headers, timeout=15)

    threads = [threading.Thread(target=loop) for _ in range(SENDERS)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(str(time.monotonic() - started))


def serve() -> None:
    """Serve until killed."""
    asyncio.run(_serve())


async def _serve() -> None:
    arrivals: dict[str, float] = {}

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                at = time.time()
                method, path, _ = head.split(b" ", 2)
                _, _, after = head.lower().partition(b"content-length:")
                length = int(after.split(b"\r\n", 1)[0]) if after else 0
                await reader.readexactly(length)
                body = b"ok"
                if method == b"GET":
                    body = json.dumps(arrivals).encode()
                elif method == b"DELETE":
                    arrivals.clear()
                else:
                    arrivals.setdefault(path.decode(), at)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:]:
        bare(sys.argv[1])
    else:
        serve()
