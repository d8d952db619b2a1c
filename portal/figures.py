"""The only writer of the home page's figures: requests of a day and of a month, routes, customers.

A month of a busy installation is a million rows of usage. Summed up once every few minutes by the
workers, they cost a look at the page one row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connection

from groundwork.instants import database_now
from portal.charts import Bar
from portal.models import Figures

HOURS, DAYS = 24, 30
MOST_LISTED = 5
_ONLY = 1
# No answer at all is an error too.
_WRONG = "coalesce(sum(u.requests) filter (where u.status >= 400 or u.status is null), 0)"

_BY_SPAN = f"""
    select s.at, coalesce(sum(u.requests), 0), {_WRONG}
    from generate_series(
        date_trunc(%(unit)s, %(now)s::timestamptz, 'UTC') - (%(many)s - 1) * ('1 ' || %(unit)s)::interval,
        %(now)s::timestamptz, ('1 ' || %(unit)s)::interval) s(at)
    left join apikeys_usagehour u on u.hour >= s.at and u.hour < s.at + ('1 ' || %(unit)s)::interval
    group by s.at order by s.at
"""  # noqa: S608 - a constant of this module
_ROUTES = f"""
    select u.route, sum(u.requests), {_WRONG}, sum(u.milliseconds) / sum(u.requests)
    from apikeys_usagehour u where u.hour > %(now)s - interval '24 hours' and u.requests > 0
    group by u.route order by 4 desc, 1 limit %(most)s
"""  # noqa: S608
_CUSTOMERS = f"""
    select c.id, c.name, sum(u.requests), {_WRONG}
    from apikeys_usagehour u join customers_customer c on c.id = u.customer_id
    where u.hour > %(now)s - interval '30 days'
    group by c.id, c.name order by 3 desc, 1 limit %(most)s
"""  # noqa: S608
_DEAD = """
    select count(*) from outbound_hooks_delivery
    where status = 'dead' and ended_at > %(now)s - interval '7 days'
"""


@dataclass(frozen=True)
class Summed:
    """The figures as a page shows them."""

    at: datetime
    hours: list[Bar]
    days: list[Bar]
    routes: list[tuple[str, int, int, float]]
    customers: list[tuple[int, str, int, int]]
    dead_deliveries: int


def sum_up() -> None:
    """Write the figures of now."""
    now = database_now()
    params = {"now": now, "most": MOST_LISTED}
    body = {
        "hours": _bars("hour", HOURS, now, "%H:%M UTC"),
        "days": _bars("day", DAYS, now, "%Y-%m-%d"),
        "routes": [
            (route, int(n), int(bad), float(ms)) for route, n, bad, ms in _rows(_ROUTES, params)
        ],
        "customers": [
            (pk, name, int(n), int(bad)) for pk, name, n, bad in _rows(_CUSTOMERS, params)
        ],
        "dead_deliveries": _rows(_DEAD, params)[0][0],
    }
    Figures.objects.update_or_create(pk=_ONLY, defaults={"at": now, "body": body})


def summed() -> Summed | None:
    """Return the figures that were written last, or None before the first."""
    row = Figures.objects.filter(pk=_ONLY).first()
    if row is None:
        return None
    body: dict[str, Any] = orjson.loads(row.body) if isinstance(row.body, str) else row.body
    return Summed(
        at=row.at,
        hours=[Bar(*each) for each in body["hours"]],
        days=[Bar(*each) for each in body["days"]],
        routes=[tuple(each) for each in body["routes"]],
        customers=[tuple(each) for each in body["customers"]],
        dead_deliveries=body["dead_deliveries"],
    )


def _bars(unit: str, many: int, now: datetime, form: str) -> list[tuple[str, int, int]]:
    rows = _rows(_BY_SPAN, {"unit": unit, "many": many, "now": now})
    return [(f"{at:{form}}", int(requests), int(errors)) for at, requests, errors in rows]


def _rows(sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def is_old(figures: Summed, *, at: datetime) -> bool:
    """Tell whether nobody summed up for so long that the workers seem to be away."""
    return at - figures.at > timedelta(minutes=15)
