"""Faults of webhooks that a test switches on: what shops do wrong when they tell of a change."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from demo.storefront.announcements import DELETED, Announcement

# `repeat` delivers twice, `reorder` the newest first, `lose` not at all, `error_body` an error in place
# of the record, `foreign` first the trashing of something that is no product, `slow` after a while.
Kind = Literal["repeat", "reorder", "lose", "error_body", "foreign", "slow"]
FOREIGN_ID = 99_000_001  # an order's, a coupon's or a page's: they share the numbers of products


@dataclass
class HookFaults:
    """One fault at a time; `times` ends it after so many deliveries."""

    kind: Kind | None = None
    times: int | None = None
    seconds: float = 2.0  # how long `slow` waits
    _awake: threading.Event = field(default_factory=threading.Event)

    def set(self, kind: Kind, *, times: int | None = None, seconds: float = 2.0) -> None:
        self.clear()
        self.times, self.seconds, self.kind = times, seconds, kind

    def clear(self) -> None:
        """Behave again; what is kept waiting goes out at once."""
        self.kind = None
        self._awake.set()
        self._awake = threading.Event()

    def next_of(self, queue: dict[Announcement, None]) -> Announcement:
        """Take the next announcement out of the queue, which is not empty."""
        chosen = list(queue)[-1 if self.kind == "reorder" else 0]
        del queue[chosen]
        return chosen

    def what_becomes_of(self, announcement: Announcement) -> Iterator[tuple[Announcement, bool]]:
        """Yield what is delivered for it, and whether with an error for a body."""
        kind = self._meet()
        if kind == "slow":
            self._awake.wait(self.seconds)
        if kind == "foreign":
            yield Announcement(DELETED, FOREIGN_ID), False
        if kind != "lose":
            yield announcement, kind == "error_body"
        if kind == "repeat":
            yield announcement, False

    def _meet(self) -> Kind | None:
        if self.times == 0:
            self.clear()
        if self.times is not None:
            self.times -= 1
        return self.kind
