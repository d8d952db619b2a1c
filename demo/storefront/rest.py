"""The REST routes of a shop, with WooCommerce's statuses, headers and errors."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote

from demo.catalogue.records import Product
from demo.shops import Shop
from demo.storefront import about, fields, webhooks
from demo.storefront.auth import Gate
from demo.storefront.bodies import encoded
from demo.storefront.http import Request, Response, RestError, json_response
from demo.storefront.listing import found, page_of
from demo.storefront.params import checked, query_string
from demo.storefront.shown import HOME
from demo.storefront.store import Store
from demo.storefront.webhooks import Webhooks

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

    def __init__(self, shop: Shop, store: Store, gate: Gate, webhooks: Webhooks) -> None:
        self.shop = shop
        self.store = store
        self._gate = gate
        self._webhooks = webhooks

    def answer(self, request: Request) -> Response:
        path = unquote(request.path).removeprefix(PREFIX).rstrip("/")
        route = self._route(path)
        try:
            response = self._routed(request, path, route)
        except RestError as error:
            response = json_response(error.body, error.status)
            if route and error.code in ALLOW_TOLD:
                response.headers["Allow"] = route.allow
        response.headers = {**HEADERS, **response.headers}
        return response

    def _route(self, path: str) -> "Route | None":
        route = next((r for r in map(_matcher(path), ROUTES) if r), None)
        if (
            route
            and route.handler is Rest.all_variations
            and path != about.all_variations(self.shop)
        ):
            return None
        return route

    def _routed(self, request: Request, path: str, route: "Route | None") -> Response:
        admitted = self._gate.admits(request)
        if not path:
            return json_response(about.index(self.shop, self.store.zone), Allow="GET")
        if route is None:
            raise RestError(404, *NO_ROUTE)
        if not admitted:
            self._refuse(request, route)
        response = route.handler(self, request, route.ids)
        response.headers.setdefault("Allow", route.allow)
        return response

    def _refuse(self, request: Request, route: "Route") -> None:
        """Refuse who has no key; a wrong parameter and a missing product are named first."""
        checked(request.params)
        missing = route.ids and route.ids[-1] not in self.store.catalogue.products
        if not (missing and route.refused == VIEW):
            raise RestError(401, "woocommerce_rest_cannot_view", route.refused)

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

    def webhooks(self, request: Request, _ids: tuple[int, ...]) -> Response:
        """List the webhooks by id, whatever their status; the secrets are told to nobody."""
        values = checked(request.params)
        size, page = values.get("per_page", 10), values.get("page", 1)
        registered = list(self._webhooks.registered)
        shown = registered[(page - 1) * size : page * size]
        bodies = [webhooks.body(each, self.store.zone) for each in shown]
        kept = encoded(fields.of_list(bodies, values.get("_fields", "")))
        return Response(kept, headers=self._paging(request, values, total=len(registered)))

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
# Of the errors, these tell what the route allows (recorded).
ALLOW_TOLD: Final = {"rest_invalid_param", "woocommerce_rest_product_invalid_id"}
MANY, ONE, FIXED = "GET, POST", "GET, POST, PUT, PATCH, DELETE", "GET"


@dataclass(frozen=True)
class Route:
    """A route, and the ids it found in the address."""

    pattern: str
    handler: Handler
    allow: str
    refused: str
    ids: tuple[int, ...] = ()


def _matcher(path: str) -> Callable[[Route], Route | None]:
    def match(route: Route) -> Route | None:
        found = re.fullmatch(route.pattern, path)
        return replace(route, ids=tuple(map(int, found.groups()))) if found else None

    return match


ROUTES: Final = (
    Route(r"/wc/v3/products", Rest.products, MANY, LIST),
    Route(r"/wc/v3/products/categories", Rest.categories, MANY, LIST),
    Route(r"/wc/v3/products/brands", Rest.brands, MANY, LIST),
    Route(r"/wc/v3/products/(\d{1,18})", Rest.product, ONE, VIEW),
    Route(r"/wc/v3/products/(\d{1,18})/variations", Rest.variations, MANY, LIST),
    Route(r"/wc/v3/products/(\d{1,18})/variations/(\d{1,18})", Rest.variation, ONE, VIEW),
    Route(r"/wc-analytics/variations", Rest.all_variations, MANY, LIST),
    Route(r"/wc/v3/variations", Rest.all_variations, MANY, LIST),
    Route(r"/wc/v3/webhooks", Rest.webhooks, MANY, LIST),
    *(Route(rf"/wc/v3{re.escape(path)}", Rest.fixed, FIXED, LIST) for path in about.ABOUT),
)
