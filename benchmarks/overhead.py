"""What a sweep costs over what the shop itself takes, beside a bare reader of the same pages."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import requests

from benchmarks.sweeps import add, selling
from catalog_mirror.models import Source
from demo.shops import SHOPS
from sync.http import Answer, Question, Wire
from sync.sweep import sweep

Asked = list[Callable[[], Question]]


@dataclass(frozen=True)
class Overhead:
    """Seconds by the clock of a sweep, and of reading the same answers one by one, unparsed."""

    name: str
    requests: int
    swept: float
    bare: float


def measure() -> list[Overhead]:
    """Sweep each shop, which takes its recorded time to answer, for the first time and again."""
    with ExitStack() as shops:  # both stay open: who shares a SKU is read again
        for slug, shop in SHOPS.items():
            add(slug, shops.enter_context(selling(slug, "--paced")), shop)
        return [
            _compared(f"{source.slug}, {name}", source)
            for source in Source.objects.order_by("rank")
            for name in ("first", "without drift")
        ]


def _compared(name: str, source: Source) -> Overhead:
    with _noting() as asked:
        began = time.perf_counter()
        sweep(source)
        swept = time.perf_counter() - began
    return Overhead(name, len(asked), swept, _read_bare(asked))


@contextmanager
def _noting() -> Iterator[Asked]:
    """Note what is asked of a shop, so that it can be asked again."""
    asked: Asked = []
    send = Wire.send

    def noting(wire: Wire, method: str, sign: Callable[[], Question]) -> Answer:
        asked.append(sign)
        return send(wire, method, sign)

    Wire.send = noting  # type: ignore[method-assign]
    try:
        yield asked
    finally:
        Wire.send = send  # type: ignore[method-assign]


def _read_bare(asked: Asked) -> float:
    with requests.Session() as session:
        session.trust_env = False
        began = time.perf_counter()
        for sign in asked:
            question = sign()
            session.get(question.url, headers=dict(question.headers), timeout=60).content  # noqa: B018
        return time.perf_counter() - began
