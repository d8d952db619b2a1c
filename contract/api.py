"""The doors of /v1."""

from collections.abc import Mapping
from typing import Any

import orjson
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.views import APIView

from apikeys.models import Scope
from catalog_mirror import revisions
from contract import lists
from contract import serializers as shapes
from contract.admitting import Reader
from contract.caller import caller
from contract.catalogue import brands, categories
from contract.delta import foreseen_changes, version_of
from contract.etags import NAMES, PRODUCTS, STOCK
from contract.feeds import page_from, start_of
from contract.fields import cut, wanted_of
from contract.items import joined
from contract.lists import (
    Page,
    PageRequest,
    page_statement,
    product,
    product_page,
    product_statement,
    stock_page,
)
from contract.operations import (
    CHANGE_PARAMETERS,
    FIELDS,
    LIST_PARAMETERS,
    PRICING_PARAMETERS,
    STOCK_PARAMETERS,
    described,
)
from contract.parameters import (
    DEFAULT_LIMIT,
    MOST_ITEMS,
    MOST_STOCK,
    WHOLE_STOCK,
    filters_of,
    limit_of,
    refuse_unknown,
    single,
)
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
    method_not_allowed,
    not_found,
    problem_response,
    unavailable,
)
from contract.snapshots import Foreseen, Snapshot
from contract.tagged_view import Said, TaggedView

_LIST_PARAMETERS = ("brand", "category", "product", "sku", "source", "limit", "cursor")
# A hundred filters make one that no client takes; `next_cursor` is in the body in any case.
_LONGEST_LINK = 4_000
_REFUSED = (400, 401, 403, 405, 429, 500, 503)


class ProductList(TaggedView):
    """Products of your view, a page at a time."""

    route = "/v1/products"
    watched = PRODUCTS

    @described(
        "list_products",
        shapes.ProductPage,
        *_REFUSED,
        parameters=[*LIST_PARAMETERS, FIELDS],
        tagged=True,
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        asked = self._asked(request)
        fields = wanted_of(single(request.GET, "fields"))

        def said(snapshot: Snapshot) -> Said:
            page = product_page(snapshot, asked)
            return _said(request, snapshot, Page(cut(page.items, fields), page.next_cursor))

        return self.listed(request, said, by_content=asked.filters.by_name)

    def read_ahead(self, request: HttpRequest, reader: Reader, **_: Any) -> Foreseen:
        asked, gate = self._asked(request), reader.kept.entitlement.gate
        page = page_statement(asked, lists.PRODUCTS, reader.customer_id, gate)
        return Foreseen((page,), is_all=reader.knows_prices)

    def _asked(self, request: HttpRequest) -> PageRequest:
        return _page_request(request, most=MOST_ITEMS, besides=("fields",))


class ProductDetail(PartnerView):
    """One product of your view."""

    route = "/v1/products/{sku}"

    @described("get_product", shapes.Item, *_REFUSED, 404, parameters=[FIELDS])
    def get(self, request: HttpRequest, sku: str) -> HttpResponse:
        refuse_unknown(request.GET, ("fields",))
        fields = wanted_of(single(request.GET, "fields"))
        if "\0" in sku:
            raise not_found()
        with self.snapshot() as snapshot:
            [item] = cut([product(snapshot, sku)], fields)
            return self.answer(item)

    def foreseen(self, request: HttpRequest, reader: Reader, **named: Any) -> Foreseen:  # noqa: ARG002
        if "\0" in named["sku"]:
            return Foreseen()
        one = product_statement(named["sku"], reader.kept.entitlement.gate)
        return Foreseen((one,), is_all=reader.knows_prices)


class StockList(TaggedView):
    """Stock of your view, a page at a time or all of it."""

    route = "/v1/stock"
    watched = STOCK
    scope = Scope.STOCK.value

    @described(
        "list_stock",
        shapes.StockPage,
        *_REFUSED,
        parameters=STOCK_PARAMETERS,
        tagged=True,
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        asked = self._asked(request)
        return self.listed(
            request,
            lambda snapshot: _said(request, snapshot, stock_page(snapshot, asked)),
            by_content=asked.filters.by_name,
        )

    def read_ahead(self, request: HttpRequest, reader: Reader, **_: Any) -> Foreseen:
        asked, gate = self._asked(request), reader.kept.entitlement.gate
        page = page_statement(asked, lists.STOCK, reader.customer_id, gate)
        return Foreseen((page,), is_all=True)

    def _asked(self, request: HttpRequest) -> PageRequest:
        return _page_request(request, most=MOST_STOCK, whole=WHOLE_STOCK)


class ChangeList(PartnerView):
    """What changed in your view since a cursor; without one, all of it."""

    route = "/v1/changes"

    @described("list_changes", shapes.ChangesPage, *_REFUSED, 410, parameters=CHANGE_PARAMETERS)
    def get(self, request: HttpRequest) -> HttpResponse:
        refuse_unknown(request.GET, ("since", "limit", "facets"))
        limit = limit_of(request.GET, default=DEFAULT_LIMIT, most=MOST_ITEMS)
        start = start_of(request.GET, customer_id=self.customer_id)
        with self.snapshot(
            start.not_before, at_least=start.at_least, named=start.instant
        ) as snapshot:
            page = page_from(snapshot, start, limit=limit)
            name = "next_cursor" if page.has_more else "delta_cursor"
            members = {name: page.cursor, "version": version_of(snapshot)}
            body = _envelope(snapshot, joined(page.entries), has_more=page.has_more, **members)
            return self.answer(body, _next(request, since=page.cursor) if page.has_more else {})

    def foreseen(self, request: HttpRequest, reader: Reader, **_: Any) -> Foreseen:
        cursor = start_of(request.GET, customer_id=reader.customer_id).cursor
        return foreseen_changes(reader.kept, cursor) if cursor else Foreseen()


class Pricing(PartnerView):
    """Prices of SKUs at their quantities, and whether an order of them would do."""

    route = "/v1/pricing"
    scope = Scope.PRICING.value
    http_method_names = ["get", "head", "post"]  # noqa: RUF012 - as Django declares it

    @described("get_pricing", shapes.Basket, *_REFUSED, parameters=PRICING_PARAMETERS)
    def get(self, request: HttpRequest) -> HttpResponse:
        refuse_unknown(request.GET, ("sku", "quantity"))
        return self._priced(asked_by_query(request.GET))

    @described("post_pricing", shapes.Basket, *_REFUSED, 413, body=shapes.Wanted)
    def post(self, request: HttpRequest) -> HttpResponse:
        refuse_unknown(request.GET, ())
        return self._priced(asked_by_body(_body(request, most=LARGEST_BODY)))

    def _priced(self, asked: Asked) -> HttpResponse:
        with self.snapshot() as snapshot:
            return self.answer(basket_json(snapshot, priced_basket(snapshot, asked)))


class BrandList(TaggedView):
    """The brands of your view."""

    route = "/v1/brands"
    watched = NAMES

    @described("list_brands", shapes.BrandList, *_REFUSED, tagged=True)
    def get(self, request: HttpRequest) -> HttpResponse:
        refuse_unknown(request.GET, ())
        return self.listed(request, lambda snapshot: _named(snapshot, brands(snapshot)))


class CategoryList(TaggedView):
    """The categories of your view."""

    route = "/v1/categories"
    watched = NAMES

    @described("list_categories", shapes.CategoryList, *_REFUSED, tagged=True)
    def get(self, request: HttpRequest) -> HttpResponse:
        refuse_unknown(request.GET, ())
        return self.listed(request, lambda snapshot: _named(snapshot, categories(snapshot)))


class Me(PartnerView):
    """Who you are here, under which terms."""

    route = "/v1/me"
    scope = ""

    @described("get_me", shapes.Caller, *_REFUSED)
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

    def foreseen(self, request: HttpRequest, reader: Reader, **_: Any) -> Foreseen:  # noqa: ARG002
        return Foreseen(is_all=True)


class Health(APIView):
    """Whether requests can be served; open to anyone, whatever it accepts."""

    http_method_names = ["get", "head"]  # noqa: RUF012 - as Django declares it

    def dispatch(self, request: HttpRequest, *_: Any, **_options: Any) -> HttpResponseBase:
        if (request.method or "").lower() not in self.http_method_names:
            return problem_response(method_not_allowed())
        return self.get(request)

    @described("health", shapes.Health, 503)
    def get(self, _request: HttpRequest) -> HttpResponse:
        for _ in range(2):  # a connection kept since before a restart is worth one more try
            try:
                return JsonResponse({"status": "ok", "revision": revisions.newest()})
            except DatabaseError:
                connection.close()
        return problem_response(unavailable())


def _page_request(
    request: HttpRequest, *, most: int, whole: int | None = None, besides: tuple[str, ...] = ()
) -> PageRequest:
    refuse_unknown(request.GET, (*_LIST_PARAMETERS, *besides))
    return PageRequest(
        filters_of(request.GET),
        limit_of(request.GET, default=DEFAULT_LIMIT, most=most, whole=whole),
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


def _named(snapshot: Snapshot, names: list[Mapping[str, Any]]) -> Said:
    return Said(_whole(snapshot, {"data": names}), orjson.dumps(names), {})


def _said(request: HttpRequest, snapshot: Snapshot, page: Page) -> Said:
    has_more, data = page.next_cursor is not None, joined(page.items)
    body = _envelope(snapshot, data, has_more=has_more, next_cursor=page.next_cursor)
    link = _next(request, cursor=page.next_cursor) if page.next_cursor else {}
    return Said(body, data + (b"+" if has_more else b"."), link)


def _next(request: HttpRequest, **cursor: str) -> Mapping[str, str]:
    """Return the header that names the next page (RFC 8288), by an address below our own."""
    query = request.GET.copy()
    for name, value in cursor.items():
        query[name] = value
    link = f'<{request.path}?{query.urlencode()}>; rel="next"'
    return {"Link": link} if len(link) <= _LONGEST_LINK else {}


def _envelope(snapshot: Snapshot, data: bytes, *, has_more: bool, **members: str | None) -> bytes:
    rest = orjson.dumps(
        {"revision": snapshot.revision, "as_of": snapshot.at, "has_more": has_more, **members},
        option=orjson.OPT_UTC_Z,
    )
    return b'{"data":%b,%b' % (data, rest[1:])
