"""What a sweep costs us by kind of source: CPU seconds, requests and memory of our own process.

The shops are those of the tests, in processes of their own; run with a kind and a port this is one.
"""

import copy
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.sweeps import Sweep
from demo.storefront.server import running
from groundwork.local import CHECKOUT
from sync.shopify import documents
from tests.sync.shops.base import FakeShop
from tests.sync.shops.feed_shop import MAP, FeedShop
from tests.sync.shops.magento_shop import MagentoShop
from tests.sync.shops.shopify_shop import ShopifyShop

THINGS = 5_000
_MANAGE = (sys.executable, str(CHECKOUT / "manage.py"))


class PreparedShop(ShopifyShop):
    """Has its bulk results ready: to make them takes longer than an answer may."""

    def prepare(self) -> None:
        self._ready: dict[str, Any] = {}
        version = documents.VERSIONS[-1]
        for query in (documents.BULK_PRODUCTS, documents.bulk_stock(version)):
            self._ready[query] = super().run(query, version)["bulkOperation"]

    def run(self, query: str, version: str) -> dict[str, Any]:  # noqa: ARG002 - one version
        operation = copy.copy(self._ready[query])
        operation["number"] = len(self.operations) + 1
        operation["id"] = f"gid://shopify/BulkOperation/{operation['number']}"
        self.operations[operation["id"]] = operation
        return {"bulkOperation": operation, "userErrors": []}


SHOPS: dict[str, type[FakeShop]] = {
    "feed": FeedShop,
    "shopify": PreparedShop,
    "magento": MagentoShop,
}


def measure() -> list[Sweep]:
    """Sweep a shop of each kind twice: empty, unchanged."""
    found = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["FEED_FOLDER"] = str(folder)
        for slug, options in _sources(folder, stack):
            _manage("add_source", slug, "--requests-per-second", "500", *options)
            found += [_sweep(slug, name) for name in ("first", "without drift")]
    return found


def _sources(folder: Path, stack: ExitStack) -> Iterator[tuple[str, list[str]]]:
    yield "feed-file", ["--kind", "feed", "--url", "file:goods.csv", "--map", _csv(folder)]
    path = folder / "map.json"
    path.write_text(json.dumps(MAP))
    for kind, shop in SHOPS.items():
        url = stack.enter_context(_selling(kind)) + ("/goods" if kind == "feed" else "")
        more = ["--map", str(path)] if kind == "feed" else []
        yield kind, ["--kind", kind, "--url", url, "--token", shop.token, *more]  # type: ignore[attr-defined]


def _csv(folder: Path) -> str:
    rows = [f"c{n},CSV-{n},Thing {n},10.00,5\n" for n in range(THINGS)]
    (folder / "goods.csv").write_text("id,sku,name,price,stock\n" + "".join(rows))
    fields = {k: v for k, v in MAP["fields"].items() if k != "is_published"}
    path = folder / "csv.json"
    path.write_text(json.dumps({"currency": "USD", "format": "csv", "fields": fields}))
    return str(path)


@contextmanager
def _selling(kind: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.kinds", kind, str(port)]
    process = subprocess.Popen(command, cwd=CHECKOUT)  # noqa: S603 - our own command
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _manage(*command: str) -> None:
    subprocess.run([*_MANAGE, *command], check=True, stdout=subprocess.DEVNULL)  # noqa: S603


def _sweep(slug: str, name: str) -> Sweep:
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as says:
        command = [*_MANAGE, "reconcile", "--source", slug]
        process = subprocess.Popen(command, stdout=says)  # noqa: S603 - our own command
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        says.seek(0)
        told = says.read().splitlines()[0].partition("seen ")[2]
    if process.returncode:
        raise RuntimeError(f"The sweep of {slug} failed.")
    wall = time.perf_counter() - started
    cpu = usage.ru_utime + usage.ru_stime
    return Sweep(f"{slug}, {name}", cpu, wall, usage.ru_maxrss / 1024, f"seen {told}")


def serve(kind: str, port: int) -> None:
    """Serve a shop until the process is ended."""
    shop = SHOPS[kind]()
    for number in range(THINGS):
        shop.add(f"{kind.upper()}-{number}")
    if isinstance(shop, PreparedShop):
        shop.prepare()
    with running(shop, port):  # type: ignore[arg-type]
        while True:
            time.sleep(60)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
