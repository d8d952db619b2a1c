"""`python -m benchmarks.pollers PORT SECONDS`: 200 partners that poll at their limit; keys come by stdin.

Prints one JSON line: of each answer when it was asked for and had, its status, revision and entries.
"""

import asyncio
import json
import sys
import time
from typing import Any

A_MINUTE = 58  # of the 60 that each may; its clock is not the server's
_HOST = "127.0.0.1"


class Partner:
    """Polls `/v1/changes` over one connection, at an even pace of its own."""

    def __init__(self, port: int, key: str, *, turn: float) -> None:
        self._port, self._key, self._turn = port, key, turn
        self._since = "latest"
        self.told: list[dict[str, Any]] = []

    async def poll(self, ends: float) -> None:
        reader, writer = await asyncio.open_connection(_HOST, self._port)
        due = time.time() + self._turn
        while due < ends:
            await asyncio.sleep(max(0.0, due - time.time()))
            self.told.append(await self._ask(reader, writer))
            due += 60 / A_MINUTE
        writer.close()

    async def _ask(self, reader: Any, writer: Any) -> dict[str, Any]:
        began = time.time()
        writer.write(
            f"GET /v1/changes?limit=100&since={self._since} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {self._key}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        page = json.loads(await reader.readexactly(length))
        if status == 200:
            self._since = page.get("delta_cursor") or page["next_cursor"]
        return {
            "began": began,
            "took": time.time() - began,
            "status": status,
            "revision": page.get("revision"),
            "entries": len(page.get("data", ())),
        }


async def main(port: int, seconds: float, keys: list[str]) -> list[dict[str, Any]]:
    pace = 60 / A_MINUTE / len(keys)
    partners = [Partner(port, key, turn=n * pace) for n, key in enumerate(keys)]
    ends = time.time() + seconds
    await asyncio.gather(*(partner.poll(ends) for partner in partners))
    return [each for partner in partners for each in partner.told]


if __name__ == "__main__":
    given = sys.stdin.read().split()
    sys.stdout.write(json.dumps(asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), given))))
