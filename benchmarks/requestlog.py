"""How long staff wait for an answer from a request log of 20 million rows, a year of them."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apikeys import keys, partitions, usage
from apikeys.models import ApiKey
from customers.models import Customer
from groundwork.instants import database_now
from groundwork.roles import owner

ROWS = 20_000_000
KEYS = 200
DAYS = 365
TIMES = 15
_LIST = "/admin/apikeys/requestlog/"

# One in ten rows is of the first key, the others are shared; a day's are spread over the day.
_FILL = """
    insert into apikeys_requestlog
        (at, key_public_id, customer_id, method, route, status, milliseconds, bytes_sent,
         correlation_id, address)
    select %(from)s::timestamptz + n * interval '1 second' * (86400.0 * %(days)s / %(rows)s),
           (%(keys)s::text[])[case when n %% 10 = 0 then 1
                                   else 2 + (hashint8(n) & 2147483647) %% (%(many)s - 1) end],
           1, 'GET', '/v1/products', case when n %% 50 = 0 then 429 else 200 end, 3.5, 20000,
           md5(n::text), inet '203.0.113.0' + n %% 250
    from generate_series(%(first)s::bigint, %(last)s::bigint) n
"""


@dataclass(frozen=True)
class Wait:
    """Milliseconds by the clock: the page as staff get it, and its slowest query; medians and worst."""

    name: str
    page: float
    query: float
    worst: float


def measure() -> tuple[list[Wait], float]:
    """Return the waits, and the seconds that summing up one hour of usage took."""
    begins = (database_now() - timedelta(days=DAYS)).replace(hour=0, minute=0, second=0)
    made = _keys()
    _fill(made, begins)
    staff = Client(SERVER_NAME="127.0.0.1")
    staff.force_login(User.objects.create_superuser("ann"))
    day = f"{begins + timedelta(days=200):%Y-%m-%d}"
    late = f"{begins + timedelta(days=DAYS - 2):%Y-%m-%d}"
    request_id = _request_id(begins + timedelta(days=200, hours=5))
    asked = {
        "one key, one day": f"?q={made[7]}+{day}",
        "one key, one day, second page": f"?q={made[7]}+{day}&p=2",
        "the busiest key, one day": f"?q={made[0]}+{day}",
        "one key, one day of late": f"?q={made[9]}+{late}",
        "one key, refusals of one day": f"?q={made[7]}+{day}+429",
        "one key": f"?q={made[11]}",
        "the newest of all": "",
        "one day": f"?q={day}",
        "one request id, its day": f"?q={request_id}+{day}",
    }
    waits = [_wait(staff, name, _LIST + query) for name, query in asked.items()]
    waits.append(_wait(staff, "list of keys with their last use", "/admin/apikeys/apikey/"))
    began = time.perf_counter()
    usage._sum_up(begins + timedelta(days=100), settled=False)  # noqa: SLF001 - one hour alone
    return waits, time.perf_counter() - began


def _keys() -> list[str]:
    customer = Customer.objects.create(slug="benchmark", name="Benchmark")
    for _ in range(KEYS):
        keys.issue(actor="benchmark", customer=customer)
    return list(ApiKey.objects.order_by("pk").values_list("public_id", flat=True))


def _fill(made: list[str], begins: datetime) -> None:
    partitions.keep(at=begins)
    partitions.keep(at=begins + timedelta(days=DAYS // 2))
    step = ROWS // 20
    for first in range(0, ROWS, step):
        asked = {"from": begins, "days": DAYS, "rows": ROWS, "keys": made, "many": KEYS}
        with connection.cursor() as cursor:
            cursor.execute(_FILL, asked | {"first": first, "last": first + step - 1})
    with owner(connection), connection.cursor() as cursor:
        cursor.execute("vacuum analyze apikeys_requestlog")


def _request_id(at: datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "select correlation_id from apikeys_requestlog where at >= %s order by at limit 1",
            [at.astimezone(UTC)],
        )
        return str(cursor.fetchone()[0])


def _wait(staff: Client, name: str, path: str) -> Wait:
    pages, queries = [], []
    for number in range(TIMES + 1):
        with CaptureQueriesContext(connection) as asked:
            seconds = _timed(lambda: staff.get(path))
        if number:  # the first warms up
            pages.append(seconds * 1000)
            queries.append(max(float(query["time"]) for query in asked.captured_queries) * 1000)
    return Wait(name, statistics.median(pages), statistics.median(queries), max(pages))


def _timed(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    answer = act()
    if answer.status_code != 200:
        raise RuntimeError(f"A page was answered {answer.status_code}.")
    return time.perf_counter() - began
