"""One running shop: its records, its edits, its faults, and the WSGI application over them."""

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from demo.catalogue.build import build_catalogue
from demo.shops import Shop
from demo.storefront.announcements import announced
from demo.storefront.auth import Gate
from demo.storefront.edits import EDITS
from demo.storefront.faults import Faults
from demo.storefront.hooks import Hooks
from demo.storefront.http import Request, Response, request_from
from demo.storefront.journal import Journal
from demo.storefront.pace import paced
from demo.storefront.page import Page
from demo.storefront.rest import PREFIX, Rest
from demo.storefront.store import Store
from demo.storefront.webhooks import Webhooks


def _now() -> datetime:
    return datetime.now(UTC)


class Storefront:
    """A shop in this process. Its methods are safe from any thread.

    An edit takes the id of a product or variation, moves what WooCommerce moves, and raises
    EditRefusedError for what it would not take. `odd` has the id of each record odd on purpose. One
    that `is_paced` takes as long for an answer as the recorded shop.
    """

    def __init__(
        self,
        shop: Shop,
        *,
        journal: Path | None = None,
        clock: Callable[[], datetime] = _now,
        is_paced: bool = False,
    ) -> None:
        self.shop = shop
        self.faults = Faults()
        self.asked = 0  # REST requests so far
        self.store = Store(build_catalogue(shop), shop.time_zone)
        self.odd = self.store.catalogue.odd
        self._clock = clock
        self._lock = threading.RLock()
        self.hooks = Hooks(self.store, self._lock, clock)
        self._journal = Journal(journal)
        self._answer_rest = paced(self._rest_now) if is_paced else self._rest_now
        self.webhooks = Webhooks()
        self._rest = Rest(shop, self.store, Gate(shop, clock), self.webhooks)
        self._page = Page(shop, self.store, self.edit)
        for name, at, details in self._journal.entries():
            EDITS[name](self.store, at, **details)

    def edit(self, name: str, /, **details: object) -> None:
        """Apply the edit `name` of `EDITS` now, note it in the journal, and tell it by webhook."""
        with self._lock:
            at = self._clock().replace(microsecond=0)
            told = announced(self.store, name, details)
            EDITS[name](self.store, at, **details)
            self._journal.append(name, at, details)
        self.hooks.announce(told)

    def edit_price(self, product_id: int, price: str) -> None:
        self.edit("edit_price", product_id=product_id, price=price)

    def edit_sale_price(self, product_id: int, price: str) -> None:
        self.edit("edit_sale_price", product_id=product_id, price=price)

    def sell(self, product_id: int, quantity: int = 1) -> None:
        self.edit("sell", product_id=product_id, quantity=quantity)

    def set_stock(self, product_id: int, quantity: int) -> None:
        self.edit("set_stock", product_id=product_id, quantity=quantity)

    def rename(self, product_id: int, name: str) -> None:
        self.edit("rename", product_id=product_id, name=name)

    def rename_sku(self, product_id: int, sku: str) -> None:
        self.edit("rename_sku", product_id=product_id, sku=sku)

    def hide(self, product_id: int) -> None:
        self.edit("set_status", product_id=product_id, status="private")

    def show(self, product_id: int) -> None:
        self.edit("set_status", product_id=product_id, status="publish")

    def trash(self, product_id: int) -> None:
        self.edit("trash", product_id=product_id)

    def untrash(self, product_id: int) -> None:
        self.edit("untrash", product_id=product_id)

    def delete_forever(self, product_id: int) -> None:
        self.edit("delete_forever", product_id=product_id)

    def rename_category(self, category_id: int, name: str) -> None:
        self.edit("rename_category", category_id=category_id, name=name)

    def change_silently(self, product_id: int, **changes: object) -> None:
        """Set fields of a record (see `records.Product`) as direct SQL would: no date moves."""
        self.edit("change_silently", product_id=product_id, changes=changes)

    def add_simple(self, sku: str, *, name: str, price: str, stock: int | None = None) -> int:
        """Create a published simple product and return its id."""
        with self._lock:
            self.edit("add_simple", sku=sku, name=name, price=price, stock=stock)
            return max(self.store.catalogue.products)

    def id_of(self, sku: str) -> int:
        """Return the lowest id with that SKU of its own. Raises KeyError."""
        ids = [p.id for p in self.store.catalogue.products.values() if p.sku == sku]
        if not ids:
            raise KeyError(sku)
        return min(ids)

    def answer(self, request: Request) -> Response:
        """Answer a request. Raises ConnectionDroppedError when a fault says so."""
        if not request.path.startswith(PREFIX):
            return self._locked(self._page.answer, request)
        with self._lock:
            self.asked += 1
        return self.faults.meet(request, lambda: self._answer_rest(request))

    def _rest_now(self, request: Request) -> Response:
        return self._locked(self._rest.answer, request)

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Serve as a WSGI application."""
        request = request_from(environ)
        response = self.answer(request).at_home(request.base, accepts_gzip=request.accepts_gzip)
        length = {"Content-Type": response.type, "Content-Length": str(len(response.body))}
        status = f"{response.status} {HTTPStatus(response.status).phrase}"
        start_response(status, list({**length, **response.headers}.items()))
        if request.method == "HEAD":
            return [b""]
        # A connection that drops in mid-body: less than the length told.
        return [response.body[: len(response.body) // 2] if response.is_cut else response.body]

    def _locked(self, answer: Callable[[Request], Response], request: Request) -> Response:
        with self._lock:
            return answer(request)
