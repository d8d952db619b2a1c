"""The doors of /v1."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.views import APIView

from apikeys.models import Scope
from catalog_mirror import revisions
from contract import serializers as shapes
from contract.caller import caller
from contract.catalogue import brands, categories
from contract.change_cursors import ChangeCursor, change_cursor
from contract.cursors import CursorInvalid
from contract.delta import changes_page, start_cursor
from contract.items import joined
from contract.lists import Page, PageRequest, product, product_page, stock_page
from contract.parameters import filters_of, limit_of, refuse_unknown, single
from contract.partner_view import PartnerView
from contract.pricing import (
    LARGEST_BODY,
    Asked,
    asked_by_body,
    asked_by_query,
    basket_json,
    priced_basket,
)
from contract.problems import (
    Problem,
    bad_parameter,
    method_not_allowed,
    not_found,
    problem_response,
)
from contract.snapshots import Snapshot

_LIST_PARAMETERS = ("brand", "category", "product", "sku", "source", "limit", "cursor")
_DEFAULT_LIMIT = 100
_MOST = 500
_MOST_STOCK = 1000
_REFUSED = (400, 401, 403, 429, 503)


class ProductList(PartnerView):
    """Products of your view, a page at a time."""

    route = "/v1/products"

    @shapes.described(
        "list_products", shapes.ProductPage, *_REFUSED, parameters=shapes.LIST_PARAMETERS
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        asked = _page_request(request, most=_MOST)
        with self.snapshot() as snapshot:
            return self.answer(_list_body(snapshot, product_page(snapshot, asked)))


class ProductDetail(PartnerView):
    """One product of your view."""

    route = "/v1/products/{sku}"

    @shapes.described("get_product", shapes.Item, *_REFUSED, 404)
    def get(self, request: HttpRequest, sku: str) -> HttpResponse:
        refuse_unknown(request.GET, ())
        if "\0" in sku:
            raise not_found()
        with self.snapshot() as snapshot:
            return self.answer(product(snapshot, sku))


class StockList(PartnerView):
    """Stock of your view, a page at a time."""

    route = "/v1/stock"
    scope = Scope.STOCK.value

    @shapes.described("list_stock", shapes.StockPage, *_REFUSED, parameters=shapes.LIST_PARAMETERS)
    def get(self, request: HttpRequest) -> HttpResponse:
        asked = _page_request(request, most=_MOST_STOCK)
        with self.snapshot() as snapshot:
            return self.answer(_list_body(snapshot, stock_page(snapshot, asked)))


class ChangeList(PartnerView):
    """What changed in your view since a cursor; without one, all of it."""

    route = "/v1/changes"

    @shapes.described(
        "list_changes", shapes.ChangesPage, *_REFUSED, 410, parameters=shapes.CHANGE_PARAMETERS
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        refuse_unknown(request.GET, ("since", "limit"))
        limit = limit_of(request.GET, default=_DEFAULT_LIMIT, most=_MOST)
        cursor = self._cursor(single(request.GET, "since"))
        not_before = cursor.not_before if cursor else None
        with self.snapshot(not_before) as snapshot:
            page = changes_page(snapshot, cursor or start_cursor(snapshot.epoch), limit=limit)
            name = "next_cursor" if page.has_more else "delta_cursor"
            cursor_of = {name: page.cursor}
            return self.answer(
                _envelope(snapshot, page.entries, has_more=page.has_more, **cursor_of)
            )

    def _cursor(self, since: str | None) -> ChangeCursor | None:
        if since is None:
            return None
        try:
            return change_cursor(since, customer_id=self.customer_id)
        except CursorInvalid:
            raise bad_parameter("since", "This is not a cursor of yours.") from None


class Pricing(PartnerView):
    """Prices of SKUs at their quantities, and whether an order of them would do."""

    route = "/v1/pricing"
    scope = Scope.PRICING.value
    http_method_names = ["get", "head", "post"]  # noqa: RUF012 - as Django declares it

    @shapes.described("get_pricing", shapes.Basket, *_REFUSED, parameters=shapes.PRICING_PARAMETERS)
    def get(self, request: HttpRequest) -> HttpResponse:
        refuse_unknown(request.GET, ("sku", "quantity"))
        return self._priced(asked_by_query(request.GET))

    @shapes.described("post_pricing", shapes.Basket, *_REFUSED, 413, body=shapes.Wanted)
    def post(self, request: HttpRequest) -> HttpResponse:
        refuse_unknown(request.GET, ())
        return self._priced(asked_by_body(_body(request, most=LARGEST_BODY)))

    def _priced(self, asked: Asked) -> HttpResponse:
        with self.snapshot() as snapshot:
            return self.answer(basket_json(snapshot, priced_basket(snapshot, asked)))


class BrandList(PartnerView):
    """The brands of your view."""

    route = "/v1/brands"

    @shapes.described("list_brands", shapes.BrandList, *_REFUSED)
    def get(self, request: HttpRequest) -> HttpResponse:
        refuse_unknown(request.GET, ())
        with self.snapshot() as snapshot:
            return self.answer(_whole(snapshot, {"data": brands(snapshot)}))


class CategoryList(PartnerView):
    """The categories of your view."""

    route = "/v1/categories"

    @shapes.described("list_categories", shapes.CategoryList, *_REFUSED)
    def get(self, request: HttpRequest) -> HttpResponse:
        refuse_unknown(request.GET, ())
        with self.snapshot() as snapshot:
            return self.answer(_whole(snapshot, {"data": categories(snapshot)}))


class Me(PartnerView):
    """Who you are here, under which terms."""

    route = "/v1/me"
    scope = ""

    @shapes.described("get_me", shapes.Caller, *_REFUSED)
    def get(self, request: HttpRequest) -> HttpResponse:
        refuse_unknown(request.GET, ())
        key = {
            "id": f"tc_{self.admission.mode}_{self.admission.public_id}",
            "label": self.admission.label,
            "expires_at": self.admission.expires_at,
            "scopes": self.admission.scopes,
            "requests_a_minute": self.admission.quota,
        }
        with self.snapshot() as snapshot:
            return self.answer(_whole(snapshot, {**caller(snapshot), "key": key}))


class NoSuchRoute(PartnerView):
    """Anything else under /v1: logged like every request, and not found."""

    route = "/v1/?"
    scope = ""

    @extend_schema(exclude=True)
    def get(self, _request: HttpRequest, **_: str) -> HttpResponse:
        raise Problem(404, "not_found", "There is no such resource.")


class Health(APIView):
    """Whether requests can be served; open to anyone, whatever it accepts."""

    http_method_names = ["get", "head"]  # noqa: RUF012 - as Django declares it

    def dispatch(self, request: HttpRequest, *_: Any, **_options: Any) -> HttpResponseBase:
        if (request.method or "").lower() not in self.http_method_names:
            return problem_response(method_not_allowed())
        return self.get(request)

    @shapes.described("health", shapes.Health, 503)
    def get(self, _request: HttpRequest) -> JsonResponse:
        for _ in range(2):  # a connection kept since before a restart is worth one more try
            try:
                return JsonResponse({"status": "ok", "revision": revisions.newest()})
            except DatabaseError:
                connection.close()
        return JsonResponse({"status": "unavailable"}, status=503)


def _page_request(request: HttpRequest, *, most: int) -> PageRequest:
    refuse_unknown(request.GET, _LIST_PARAMETERS)
    return PageRequest(
        filters_of(request.GET),
        limit_of(request.GET, default=_DEFAULT_LIMIT, most=most),
        single(request.GET, "cursor"),
    )


def _body(request: HttpRequest, *, most: int) -> bytes:
    """Return the body; it is not read where it says itself that it is too large."""
    declared = request.headers.get("Content-Length", "")
    if not declared.isdecimal() or int(declared) > most:
        raise Problem(413, "body_too_large", f"A body has a length, and at most {most} bytes.")
    return request.body


def _whole(snapshot: Snapshot, members: Mapping[str, Any]) -> bytes:
    return orjson.dumps(
        {**members, "revision": snapshot.revision, "as_of": snapshot.at},
        option=orjson.OPT_UTC_Z,
    )


def _list_body(snapshot: Snapshot, page: Page) -> bytes:
    has_more = page.next_cursor is not None
    return _envelope(snapshot, page.items, has_more=has_more, next_cursor=page.next_cursor)


def _envelope(
    snapshot: Snapshot, items: Sequence[bytes], *, has_more: bool, **cursor: str | None
) -> bytes:
    rest = orjson.dumps(
        {"revision": snapshot.revision, "as_of": snapshot.at, "has_more": has_more, **cursor},
        option=orjson.OPT_UTC_Z,
    )
    return b'{"data":%b,%b' % (joined(items), rest[1:])
