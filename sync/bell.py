"""Calls for work in a thread of its own, so that nobody waits for a call that may hang."""

import threading
from collections.abc import Callable


class Bell:
    """Rings once for however many asked meanwhile; what is rung is only ever a wake-up."""

    def __init__(self, ring: Callable[[int], None]) -> None:
        self._ring = ring
        self._wanted: set[int] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def ring(self, number: int) -> None:
        """Ask that `number` be rung soon; return at once."""
        with self._changed:
            self._wanted.add(number)
            # Started by the first who asks, in whichever process that is: threads do not outlive a fork.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._serve, name="bell", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted)
                wanted, self._wanted = self._wanted, set()
            for number in sorted(wanted):
                self._ring(number)
