"""How long staff wait for each page, beside the one on which they sign in, with much to look at."""

import statistics
import time
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from http.client import HTTPConnection

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apikeys import partitions, usage
from apikeys.models import ApiKey, RequestLog, UsageMark
from benchmarks import world
from benchmarks.requests_cpu import _serving
from catalog_mirror.models import Product, Variant
from customers.models import Customer
from groundwork import engines
from groundwork.roles import owner
from portal import figures

ROWS = 5_000_000
DAYS = 30
TIMES = 25
_HOST, _SIGN_IN = "127.0.0.1", "/admin/login/"
_MAY_ALL = {"is_staff": True, "is_superuser": True}

# Spread over the days, the keys, four routes and three answers.
_FILL = """
    insert into apikeys_requestlog
        (at, key_public_id, customer_id, method, route, status, milliseconds, bytes_sent,
         correlation_id, address)
    select at, (%(keys)s::text[])[k], (%(customers)s::bigint[])[k], 'GET',
           (array['/v1/changes', '/v1/products', '/v1/stock', '/v1/products/{sku}'])[1 + n %% 4],
           case when n %% 50 = 0 then 429 when n %% 333 = 0 then 500 else 200 end, 3.5, 20000,
           't' || lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 11, '0')
               || '-' || left(md5(n::text), 20),
           inet '203.0.113.0' + n %% 250
    from (select n, 1 + ((hashint8(n)::bigint & 2147483647) %% %(many)s)::int as k,
                 %(from)s::timestamptz + n * interval '1 second' * (86400.0 * %(days)s / %(rows)s) as at
          from generate_series(%(first)s::bigint, %(last)s::bigint) n) s
"""


@dataclass(frozen=True)
class Page:
    """Milliseconds by the clock until staff have the page, median and worst, and how often it asks.

    `beside` is the median of the sign-in page, which was asked for by turns with it: a machine that others
    use is not as fast at one moment as at another.
    """

    name: str
    median: float
    worst: float
    queries: int
    beside: float

    @property
    def ratio(self) -> float:
        return self.median / self.beside


def measure() -> tuple[list[Page], float]:
    """Return the pages, and the seconds that summing up the figures took."""
    world.build()
    _requests()
    while usage.sum_up() > 2 or UsageMark.objects.get().hour < world.now() - timedelta(hours=3):
        pass
    began = time.perf_counter()
    figures.sum_up()
    summing = time.perf_counter() - began
    with owner(connection), connection.cursor() as cursor:
        cursor.execute("vacuum analyze apikeys_usagehour")
        cursor.execute("vacuum analyze catalog_mirror_variant")
    return looked_at(), summing


def looked_at() -> list[Page]:
    """Return how long staff wait for each page of what is there, from a server of its own."""
    staff = Client(SERVER_NAME=_HOST)
    staff.force_login(User.objects.get_or_create(username="ann", defaults=_MAY_ALL)[0])
    signed_in = {"Cookie": staff.cookies.output(attrs=[], header="", sep=";").strip()}
    with _serving("config.wsgi:application", {"REDIS_URL": engines.ensure().redis_url}) as web:
        ann, stranger = (_Visitor(web.port, headers) for headers in (signed_in, {}))
        return [
            _page(ann, stranger, name, path, queries=_queries(staff, path))
            for name, path in _paths().items()
        ]


class _Visitor:
    """A browser that keeps its connection."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._connection, self._headers = HTTPConnection(_HOST, port), headers

    def waited(self, path: str) -> float:
        """Ask for a page; return the milliseconds until all of it was there."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        answer.read()
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"{path} was answered {answer.status}.")
        return (time.perf_counter() - began) * 1000


def _paths() -> dict[str, str]:
    customer, other = Customer.objects.order_by("pk")[7:9]
    sku = Variant.objects.filter(is_published=True).order_by("pk")[5_000].sku
    product = Product.objects.order_by("pk")[500]
    asked = RequestLog.objects.order_by("-at").values_list("correlation_id", flat=True)[100]
    of_customer = f"/admin/customers/customer/{customer.pk}"
    lists = ("customers/customer", "customers/application", "pricing/pricerule", "apikeys/apikey")
    more = (
        "apikeys/requestlog",
        "apikeys/usagehour",
        "catalog_mirror/product",
        "catalog_mirror/variant",
    )
    return {
        "home": "/admin/",
        "customer": f"{of_customer}/page/",
        "customer, keys and usage": f"{of_customer}/access/",
        "customer, history": f"{of_customer}/history/",
        "view as, a page of 25": f"{of_customer}/view/",
        "view as, searched": f"{of_customer}/view/?q={sku}",
        "why, one SKU": f"{of_customer}/why/?sku={sku}&quantity=24",
        "compare, a page of 25": f"{of_customer}/compare/?other={other.pk}",
        "product": f"/admin/catalog_mirror/product/{product.pk}/change/",
        "timeline of a SKU": f"/admin/catalog_mirror/variant/timeline/?of={sku}",
        "timeline of a request": f"/admin/catalog_mirror/variant/timeline/?of={asked}",
        "timeline of an id that a partner chose": "/admin/catalog_mirror/variant/timeline/?of=theirs-1",
        **{f"list of {each}": f"/admin/{each}/" for each in (*lists, *more)},
        "list of catalog_mirror/variant, searched": f"/admin/catalog_mirror/variant/?q={sku}",
    }


def _requests() -> None:
    begins = world.now() - timedelta(days=DAYS)
    partitions.keep(at=begins)
    rows = list(ApiKey.objects.order_by("pk").values_list("public_id", "customer_id"))
    ids, customers = [row[0] for row in rows], [row[1] for row in rows]
    step = ROWS // 10
    for first in range(0, ROWS, step):
        asked = {"from": begins, "days": DAYS, "rows": ROWS, "keys": ids, "customers": customers}
        more = {"many": len(ids), "first": first, "last": first + step - 1}
        with connection.cursor() as cursor:
            cursor.execute(_FILL, asked | more)
    with owner(connection), connection.cursor() as cursor:
        cursor.execute("vacuum analyze apikeys_requestlog")


def _page(staff: _Visitor, stranger: _Visitor, name: str, path: str, *, queries: int) -> Page:
    waits, beside = [], []
    for number in range(TIMES + 1):
        waited, other = staff.waited(path), stranger.waited(_SIGN_IN)
        if number:  # the first warms up
            waits.append(waited)
            beside.append(other)
    return Page(name, statistics.median(waits), max(waits), queries, statistics.median(beside))


def _queries(staff: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        staff.get(path)
    return len(asked)
