"""The REST routes of a shop, with WooCommerce's statuses, headers and errors."""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

from demo.catalogue.records import Product
from demo.shops import Shop
from demo.storefront import about, fields
from demo.storefront.auth import Gate
from demo.storefront.bodies import encoded
from demo.storefront.http import Request, Response, RestError, json_response
from demo.storefront.listing import found, page_of
from demo.storefront.params import checked, query_string
from demo.storefront.shown import HOME
from demo.storefront.store import Store

Values = dict[str, Any]
Handler = Callable[["Rest", Request, tuple[int, ...]], Response]
PREFIX: Final = "/wp-json"
INDEX_LINK: Final = f'<{HOME}{PREFIX}/>; rel="https://api.w.org/"'
HEADERS: Final = {
    "Link": INDEX_LINK,
    "Expires": "Wed, 11 Jan 1984 05:00:00 GMT",
    "Cache-Control": "no-cache, must-revalidate, max-age=0, no-store, private",
}
NO_ROUTE: Final = ("rest_no_route", "No route was found matching the URL and request method.")


class Rest:
    """Answers the REST requests of one shop."""

    def __init__(self, shop: Shop, store: Store, gate: Gate) -> None:
        self.shop = shop
        self.store = store
        self._gate = gate

    def answer(self, request: Request) -> Response:
        try:
            response = self._routed(request)
        except RestError as error:
            status = error.status
            response = json_response(error.body, status)
            if request.path == f"{PREFIX}/wc/v3/products" and status != 401:  # noqa: PLR2004
                response.headers["Allow"] = "GET, POST"
        response.headers = {**HEADERS, **response.headers}
        return response

    def _routed(self, request: Request) -> Response:
        admitted = self._gate.admits(request)
        path = unquote(request.path).removeprefix(PREFIX).rstrip("/")
        if not path:
            return json_response(about.index(self.shop, self.store.zone), Allow="GET")
        for pattern, handler, allow, refused in ROUTES:
            if match := re.fullmatch(pattern, path):
                ids = tuple(int(part) for part in match.groups())
                self._permit(admitted, ids, refused, request)
                response = handler(self, request, ids)
                response.headers.setdefault("Allow", allow)
                return response
        raise RestError(404, *NO_ROUTE)

    def _permit(self, admitted: bool, ids: tuple[int, ...], refused: str, request: Request) -> None:  # noqa: FBT001
        """Refuse who has no key; a wrong parameter and a missing product are named first."""
        if admitted:
            return
        checked(request.params)
        if ids and ids[-1] not in self.store.catalogue.products and refused == VIEW:
            return
        raise RestError(401, "woocommerce_rest_cannot_view", refused)

    def products(self, request: Request, _ids: tuple[int, ...]) -> Response:
        values = checked(request.params)
        records = list(self.store.catalogue.products.values())
        if not values.keys() & {"sku", "search_sku"}:  # only these two find variations
            records = [p for p in records if not p.is_variation]
        return self._page(request, values, records, self.store.product_body)

    def variations(self, request: Request, ids: tuple[int, ...]) -> Response:
        """List a product's variations; a simple or missing product has none (recorded)."""
        parent = self.store.catalogue.products.get(ids[0])
        records = list(self.store.catalogue.variations_of(parent)) if parent else []
        return self._page(request, checked(request.params), records, self.store.variation_body)

    def all_variations(self, request: Request, _ids: tuple[int, ...]) -> Response:
        if not self.shop.lists_all_variations:
            raise RestError(404, *NO_ROUTE)
        records = [p for p in self.store.catalogue.products.values() if p.is_variation]
        return self._page(request, checked(request.params), records, self.store.variation_body)

    def product(self, request: Request, ids: tuple[int, ...]) -> Response:
        """Answer a product or a variation, in the trash too (recorded)."""
        product = self.store.catalogue.products.get(ids[0])
        if product is None:
            raise RestError(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
        return _single(request, self.store.product_body(product))

    def variation(self, request: Request, ids: tuple[int, ...]) -> Response:
        variation = self.store.catalogue.products.get(ids[1])
        if variation is None or not variation.is_variation or variation.parent_id != ids[0]:
            raise RestError(404, "woocommerce_rest_product_variation_invalid_id", "Invalid ID.")
        return _single(request, self.store.variation_body(variation))

    def categories(self, request: Request, _ids: tuple[int, ...]) -> Response:
        return self._terms(request, "categories")

    def brands(self, request: Request, _ids: tuple[int, ...]) -> Response:
        return self._terms(request, "brands")

    def _terms(self, request: Request, kind: str) -> Response:
        values = checked({k: v for k, v in request.params.items() if k not in {"order", "orderby"}})
        terms = getattr(self.store.catalogue, kind).values()
        ordered = sorted(terms, key=lambda t: (t.name.casefold(), t.id))
        counts = self.store.term_counts()
        size, page = values.get("per_page", 10), values.get("page", 1)
        shown = ordered[(page - 1) * size : page * size]
        bodies = [self.store.bodies.term(t, kind, count=counts[t.id]) for t in shown]
        body = encoded(fields.of_list(bodies, values.get("_fields", "")))
        return Response(body, headers=self._paging(request, values, total=len(ordered)))

    def _page(
        self,
        request: Request,
        values: Values,
        records: list[Product],
        body_of: Callable[[Product], bytes],
    ) -> Response:
        kept = found(self.store, records, values)
        bodies = [body_of(record) for record in page_of(kept, values)]
        body = fields.cut_list(bodies, values.get("_fields", ""))
        return Response(body, headers=self._paging(request, values, total=len(kept)))

    def _paging(self, request: Request, values: Values, *, total: int) -> dict[str, str]:
        page, pages = values.get("page", 1), -(-total // values.get("per_page", 10))
        here = f"{HOME}{request.path}"
        links = []
        if page > 1:
            links.append(f'<{here}?{query_string(values, page=min(page - 1, pages))}>; rel="prev"')
        if page < pages:
            links.append(f'<{here}?{query_string(values, page=page + 1)}>; rel="next"')
        counts = {"X-WP-Total": str(total), "X-WP-TotalPages": str(pages)}
        return {**counts, "Link": ", ".join(links)} if links else counts

    def fixed(self, request: Request, _ids: tuple[int, ...]) -> Response:
        """Answer one of the small routes that tell of the shop itself."""
        path = request.path.removeprefix(f"{PREFIX}/wc/v3").rstrip("/")
        return _single(request, encoded(about.ABOUT[path](self.shop, self.store)))


def _single(request: Request, body: bytes) -> Response:
    wanted = request.params.get("_fields", "")
    return Response(fields.cut_one(body, wanted if isinstance(wanted, str) else ",".join(wanted)))


LIST, VIEW = "Sorry, you cannot list resources.", "Sorry, you cannot view this resource."
ONE = "GET, POST, PUT, PATCH, DELETE"
ROUTES: Final[tuple[tuple[str, Handler, str, str], ...]] = (
    (r"/wc/v3/products", Rest.products, "GET, POST", LIST),
    (r"/wc/v3/products/categories", Rest.categories, "GET, POST", LIST),
    (r"/wc/v3/products/brands", Rest.brands, "GET, POST", LIST),
    (r"/wc/v3/products/(\d+)", Rest.product, ONE, VIEW),
    (r"/wc/v3/products/(\d+)/variations", Rest.variations, "GET, POST", LIST),
    (r"/wc/v3/products/(\d+)/variations/(\d+)", Rest.variation, ONE, VIEW),
    (r"/wc-analytics/variations", Rest.all_variations, "GET, POST", LIST),
    *((rf"/wc/v3{re.escape(path)}", Rest.fixed, "GET", LIST) for path in about.ABOUT),
)
