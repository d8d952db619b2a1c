"""A shop's webhooks: queued, signed and delivered one after another, as WooCommerce does."""

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlsplit

from demo.storefront.about import WOOCOMMERCE, WORDPRESS
from demo.storefront.announcements import (
    CREATED,
    DELETED,
    RESTORED,
    UPDATED,
    Announcement,
)
from demo.storefront.bodies import ESCAPED_HOME, encoded
from demo.storefront.hook_faults import HookFaults
from demo.storefront.store import Store

IDS: Final = {CREATED: 1, UPDATED: 2, DELETED: 3, RESTORED: 4}
MOST_FAILURES: Final = 6  # in a row; the next one disables the webhook (recorded)
PATIENCE: Final = 60  # seconds that WordPress waits for an answer
GONE: Final = {
    "code": "woocommerce_rest_product_invalid_id",
    "message": "Invalid ID.",
    "data": {"status": 404},
}


@dataclass(frozen=True)
class Target:
    """Where deliveries go, what signs them, and under which address the shop knows itself."""

    url: str
    secret: str
    home: str


@dataclass(frozen=True)
class Message:
    headers: dict[str, str]
    body: bytes


@dataclass
class Webhook:
    """One topic's webhook; what fails too often in a row is not tried again."""

    is_active: bool = True
    failures: int = 0

    def note(self, status: int) -> None:
        if 200 <= status <= 302:  # noqa: PLR2004 - what WooCommerce takes for success (recorded)
            self.failures = 0
        elif self.failures >= MOST_FAILURES:
            self.is_active = False
        else:
            self.failures += 1


@dataclass
class Hooks:
    """The queue of one shop. Nothing is queued before there is a `target`."""

    store: Store
    lock: threading.RLock
    clock: Callable[[], datetime]
    target: Target | None = None
    faults: HookFaults = field(default_factory=HookFaults)
    webhooks: dict[str, Webhook] = field(default_factory=lambda: {t: Webhook() for t in IDS})
    _queue: dict[Announcement, None] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _is_ending: bool = False

    def announce(self, told: list[Announcement]) -> None:
        """Queue what an edit told; what waits in the queue already is not queued again."""
        with self._changed:
            wanted = [each for each in told if self.target and self.webhooks[each.topic].is_active]
            self._queue |= dict.fromkeys(wanted)
            self._changed.notify_all()

    def enable(self, topic: str) -> None:
        """Make a webhook active again; its failures still count (recorded)."""
        self.webhooks[topic].is_active = True

    def messages(self) -> Iterator[tuple[Announcement, Message]]:
        """Take out what is due, one after another, each with the body of that moment."""
        while True:
            with self._changed:
                if not self._queue:
                    return
                due = self.faults.next_of(self._queue)
            for announcement, is_error in self.faults.what_becomes_of(due):
                yield announcement, self._message(announcement, is_error=is_error)

    def deliver(self) -> list[int]:
        """Deliver all that is due; return what was answered to each, 0 for nothing."""
        statuses = []
        for announcement, message in self.messages():
            if self.webhooks[announcement.topic].is_active:
                statuses.append(self._post(message))
                self.webhooks[announcement.topic].note(statuses[-1])
        return statuses

    @contextmanager
    def delivering(self) -> Iterator[None]:
        """Deliver in a thread of its own for a while."""
        self._is_ending = False
        thread = threading.Thread(target=self._serve, name="webhooks")
        thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._is_ending = True
                self._changed.notify_all()
            self.faults.clear()
            thread.join()

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._is_ending)
                if self._is_ending:
                    return
            self.deliver()

    def _message(self, announcement: Announcement, *, is_error: bool) -> Message:
        target = self._target
        with self.lock:
            body = encoded(GONE) if is_error else self._body(announcement)
        escaped = target.home.replace("/", "\\/").encode()
        body = body.replace(ESCAPED_HOME, escaped)
        topic, number = announcement.topic, IDS[announcement.topic]
        digest = hmac.new(target.secret.encode(), body, hashlib.sha256).digest()
        # A hash of webhook and second: deliveries of one second share it (recorded).
        second = f"{number}{int(self.clock().timestamp())}".encode()
        return Message(
            {
                "User-Agent": f"WooCommerce/{WOOCOMMERCE} Hookshot (WordPress/{WORDPRESS})",
                "Content-Type": "application/json",
                "X-WC-Webhook-Source": f"{target.home}/",
                "X-WC-Webhook-Topic": topic,
                "X-WC-Webhook-Resource": "product",
                "X-WC-Webhook-Event": topic.removeprefix("product."),
                "X-WC-Webhook-Signature": base64.b64encode(digest).decode(),
                "X-WC-Webhook-ID": str(number),
                "X-WC-Webhook-Delivery-ID": hashlib.sha256(second).hexdigest()[:32],
                "Connection": "close",
            },
            body,
        )

    @property
    def _target(self) -> Target:
        if self.target is None:
            raise ValueError("This shop has no webhooks.")
        return self.target

    def _body(self, announcement: Announcement) -> bytes:
        """Return the record as it is now; of a deletion the id alone."""
        if announcement.topic == DELETED:
            return encoded({"id": announcement.product_id})
        product = self.store.catalogue.products.get(announcement.product_id)
        return self.store.product_body(product) if product else encoded(GONE)

    def _post(self, message: Message) -> int:
        """Send once, as WordPress does; return the status, 0 where there was no answer."""
        address = urlsplit(self._target.url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE)
        try:
            connection.request("POST", address.path, message.body, message.headers)
            return connection.getresponse().status
        except (OSError, HTTPException):
            return 0
        finally:
            connection.close()
