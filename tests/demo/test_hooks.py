"""A demo shop tells its edits as WooCommerce was recorded to: what, when, how often, and how it gives up."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from demo.shops import small_shop
from demo.storefront.hook_faults import FOREIGN_ID
from demo.storefront.hooks import Target
from demo.storefront.storefront import Storefront

SECRET = "whs"
CREATED, UPDATED, DELETED, RESTORED = (
    f"product.{event}" for event in ("created", "updated", "deleted", "restored")
)


@pytest.fixture
def shop(storefront: Storefront) -> Storefront:
    storefront.hooks.target = Target("http://nowhere.invalid/x", SECRET, "http://127.0.0.1:8101")
    return storefront


def told(shop: Storefront) -> list[tuple[str, int]]:
    return [(topic, number) for (topic, number), _ in shop.hooks.messages()]


def family(shop: Storefront, kind: str) -> tuple[int, list[int]]:
    parent = shop.odd[kind]
    return parent, list(shop.store.catalogue.products[parent].variation_ids)


SIMPLE = {
    "price": lambda s, i: s.edit_price(i, "9.99"),
    "sale price": lambda s, i: s.edit_sale_price(i, "0.01"),
    "stock": lambda s, i: s.set_stock(i, 7),
    "sold": lambda s, i: s.sell(i),
    "renamed": lambda s, i: s.rename(i, "New"),
    "SKU": lambda s, i: s.rename_sku(i, "NEW-1"),
    "hidden": lambda s, i: s.hide(i),
}


@pytest.mark.parametrize("edit", SIMPLE)
def test_an_edit_of_a_simple_product_tells_that_it_was_updated(shop, edit):
    number = shop.add_simple("HOOK-1", name="Hook", price="5", stock=3)
    assert told(shop) == [(CREATED, number)]
    SIMPLE[edit](shop, number)
    assert told(shop) == [(UPDATED, number)]


def test_a_variation_tells_of_itself_and_its_product_says_nothing(shop):
    _, variations = family(shop, "variable_130")
    shop.edit_price(variations[0], "9.99")
    [(announcement, message)] = shop.hooks.messages()
    body = json.loads(message.body)
    assert announcement == (UPDATED, variations[0])
    assert (body["type"], body["regular_price"]) == ("variation", "9.99")


def test_stock_of_the_product_tells_of_the_product_alone(shop):
    parent, variations = family(shop, "variable_manages_stock")
    shop.sell(variations[0])
    assert told(shop) == [(UPDATED, parent)]


def test_a_sale_that_counts_nothing_tells_nothing(shop):
    number = shop.add_simple("HOOK-1", name="Hook", price="5")
    told(shop)
    shop.sell(number)
    assert told(shop) == []


def test_trash_and_back_tell_of_every_variation(shop):
    parent, variations = family(shop, "variable_manages_stock")
    shop.trash(variations[0])
    assert told(shop) == [(DELETED, variations[0])]
    shop.trash(parent)
    assert told(shop) == [(DELETED, variations[1]), (DELETED, parent)]
    shop.untrash(parent)
    assert told(shop) == [
        (RESTORED, variations[0]), (RESTORED, variations[1]), (UPDATED, parent), (RESTORED, parent),
    ]  # fmt: skip


def test_what_woocommerce_does_not_tell_is_not_told(shop):
    number = shop.odd["price_zero"]
    shop.rename_category(15, "Renamed")
    shop.change_silently(number, regular_price="1")
    shop.delete_forever(number)
    assert told(shop) == []


def test_a_refused_edit_tells_nothing(shop):
    with pytest.raises(Exception, match="A price is a number"):
        shop.edit_price(shop.odd["price_zero"], "cheap")
    assert told(shop) == []


def test_a_deletion_has_only_its_id_for_a_body(shop):
    shop.trash(shop.odd["price_zero"])
    [(_, message)] = shop.hooks.messages()
    assert message.body == b'{"id":%d}' % shop.odd["price_zero"]


def test_bodies_are_made_when_they_are_delivered_and_edits_wait_as_one(shop):
    number = shop.add_simple("HOOK-1", name="Hook", price="5")
    told(shop)
    for price in ("6", "7", "8"):
        shop.edit_price(number, price)
    [(_, message)] = shop.hooks.messages()
    assert json.loads(message.body)["regular_price"] == "8"


def test_what_was_deleted_before_it_was_told_is_an_error_without_an_id(shop):
    number = shop.add_simple("HOOK-1", name="Hook", price="5")
    shop.delete_forever(number)
    [(_, message)] = shop.hooks.messages()
    assert json.loads(message.body) == {
        "code": "woocommerce_rest_product_invalid_id",
        "message": "Invalid ID.",
        "data": {"status": 404},
    }


def test_a_delivery_is_signed_over_its_body_and_named_by_webhook_and_second(shop, clock):
    shop.edit_price(shop.odd["price_zero"], "4.20")
    shop.rename(shop.odd["price_negative"], "New")
    (_, first), (_, second) = shop.hooks.messages()
    digest = hmac.new(SECRET.encode(), first.body, hashlib.sha256).digest()
    assert first.headers["X-WC-Webhook-Signature"] == base64.b64encode(digest).decode()
    assert b"http:\\/\\/127.0.0.1:8101\\/product" in first.body
    names = [m.headers["X-WC-Webhook-Delivery-ID"] for m in (first, second)]
    assert names[0] == names[1]
    clock.move(1)
    shop.rename(shop.odd["price_negative"], "Newer")
    [(_, third)] = shop.hooks.messages()
    assert third.headers["X-WC-Webhook-Delivery-ID"] != names[0]
    assert third.headers["X-WC-Webhook-ID"] == "2"


def test_a_shop_without_webhooks_queues_nothing(storefront):
    storefront.edit_price(storefront.odd["price_zero"], "4.20")
    storefront.hooks.target = Target("http://nowhere.invalid/x", SECRET, "http://x")
    assert told(storefront) == []


def test_the_journals_edits_are_not_told_again(tmp_path, clock):
    first = Storefront(small_shop(1), journal=tmp_path / "j", clock=clock)
    first.edit_price(first.odd["price_zero"], "4.20")
    again = Storefront(small_shop(1), journal=tmp_path / "j", clock=clock)
    again.hooks.target = Target("http://nowhere.invalid/x", SECRET, "http://x")
    assert told(again) == []


def test_faults_of_webhooks(shop):
    one, two = shop.odd["price_zero"], shop.odd["price_negative"]

    def both() -> list[tuple[str, int]]:
        shop.rename(one, "One")
        shop.rename(two, "Two")
        return told(shop)

    plain = [(UPDATED, one), (UPDATED, two)]
    assert both() == plain
    shop.hooks.faults.set("reorder")
    assert both() == plain[::-1]
    shop.hooks.faults.set("lose", times=1)
    assert both() == plain[1:]
    shop.hooks.faults.set("repeat", times=1)
    assert both() == [plain[0], *plain]
    shop.hooks.faults.set("foreign", times=1)
    assert both() == [(DELETED, FOREIGN_ID), *plain]
    shop.hooks.faults.clear()
    assert both() == plain
    shop.hooks.faults.set("error_body", times=1)
    shop.rename(one, "One")
    [(_, message)] = shop.hooks.messages()
    assert json.loads(message.body)["code"] == "woocommerce_rest_product_invalid_id"


class Receiver(ThreadingHTTPServer):
    """Answers every delivery with `status`, and keeps it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status = 200
        self.received: list[tuple[str, int]] = []
        self.at_once = self.most_at_once = 0
        self.guard = threading.Lock()
        self.enough = threading.Semaphore(0)


class _Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        with self.server.guard:
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.received.append((self.headers["X-WC-Webhook-Topic"], body["id"]))
        with self.server.guard:
            self.server.at_once -= 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.enough.release()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver(shop) -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/hooks/x/"
        shop.hooks.target = Target(url, SECRET, "http://127.0.0.1:8101")
        yield server
        server.shutdown()
        thread.join()


def test_an_edit_is_delivered_by_itself_one_after_another(shop, receiver):
    numbers = list(shop.store.catalogue.products)[:20]
    with shop.hooks.delivering():
        for number in numbers:
            shop.rename(number, "New")
        for _ in numbers:
            assert receiver.enough.acquire(timeout=10)
    assert receiver.received == [(UPDATED, number) for number in numbers]
    assert receiver.most_at_once == 1


@pytest.mark.parametrize("status", [500, 404, 303, 199])
def test_the_seventh_failure_in_a_row_disables_one_webhook(shop, receiver, status):
    receiver.status = status
    number = shop.odd["price_zero"]
    for _ in range(8):
        shop.rename(number, "New")
        shop.hooks.deliver()
    assert receiver.received == [(UPDATED, number)] * 7
    updated, created = shop.hooks.webhooks[UPDATED], shop.hooks.webhooks[CREATED]
    assert (updated.is_active, updated.failures, created.is_active) == (False, 6, True)
    shop.hooks.enable(UPDATED)
    shop.rename(number, "Newer")
    shop.hooks.deliver()
    assert shop.hooks.webhooks[UPDATED].is_active is False


@pytest.mark.parametrize("status", [200, 202, 302])
def test_success_ends_the_count_of_failures(shop, receiver, status):
    shop.hooks.webhooks[UPDATED].failures = 6
    receiver.status = status
    shop.rename(shop.odd["price_zero"], "New")
    assert shop.hooks.deliver() == [status]
    assert shop.hooks.webhooks[UPDATED].failures == 0


def test_nobody_at_the_address_is_a_failure(shop):
    shop.hooks.target = Target("http://127.0.0.1:9/", SECRET, "http://x")
    shop.rename(shop.odd["price_zero"], "New")
    shop.hooks.deliver()
    assert shop.hooks.webhooks[UPDATED].failures == 1


def test_slow_keeps_the_queue_waiting_until_cleared(shop, receiver):
    shop.hooks.faults.set("slow", seconds=30)
    shop.rename(shop.odd["price_zero"], "New")
    with shop.hooks.delivering():
        threading.Timer(0.1, shop.hooks.faults.clear).start()
        assert receiver.enough.acquire(timeout=10)
