"""What a sweep of both demo shops costs us: CPU seconds and memory of our own process."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from demo.shops import SHOPS, Shop
from groundwork.local import CHECKOUT

_MANAGE = (sys.executable, str(CHECKOUT / "manage.py"))


@dataclass(frozen=True)
class Sweep:
    """One `manage.py reconcile` of 19,000 SKUs; seconds, and megabytes at the most."""

    name: str
    cpu: float
    wall: float
    megabytes: float
    says: str


def measure() -> list[Sweep]:
    """Sweep both shops three times: empty, unchanged, unchanged."""
    with ExitStack() as stack:
        for slug, shop in SHOPS.items():
            url = stack.enter_context(selling(slug))
            add(slug, url, shop)
        return [_sweep(name) for name in ("first", "without drift", "without drift, again")]


@contextmanager
def selling(slug: str, *flags: str) -> Iterator[str]:
    """Run a demo shop in a process of its own; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [*_MANAGE, "storefront", slug, "--port", str(port), *flags]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def add(slug: str, url: str, shop: Shop) -> None:
    keys = {"SOURCE_KEY": shop.consumer_key, "SOURCE_SECRET": shop.consumer_secret}
    command = [*_MANAGE, "add_source", slug, "--url", url, "--requests-per-second", "500"]
    subprocess.run(command, env=os.environ | keys, check=True, capture_output=True)  # noqa: S603


def _sweep(name: str) -> Sweep:
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as says:
        process = subprocess.Popen([*_MANAGE, "reconcile"], stdout=says)  # noqa: S603
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        says.seek(0)
        last = says.read().strip().splitlines()[-1]
    if process.returncode:
        raise RuntimeError("The sweep failed.")
    wall = time.perf_counter() - started
    return Sweep(name, usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, last)
