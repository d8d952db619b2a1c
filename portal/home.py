"""The first page: what needs a person now, how fresh the mirror is, and what partners asked for."""

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.urls import reverse

from groundwork.instants import database_now
from groundwork.models import Alarm
from portal import figures
from portal.charts import chart
from portal.figures import Summed
from portal.tables import Cell, Table, cells, columns
from sync.models import Connection

_MOST_ALARMS = 10


@dataclass(frozen=True)
class Need:
    """Something that waits for a person: how many, of what, where it is done, and who may look."""

    name: str
    sql: str
    words: str
    right: str
    page: str
    query: str = ""


# One statement counts all of them; each is bounded by an index or small by its nature.
NEEDS = (
    Need(
        "applications",
        "select count(*) from customers_application where status = 'pending'",
        "Applications waiting for a decision",
        "customers.view_application",
        "customers_application",
        "status__exact=pending",
    ),
    Need(
        "untold",
        "select count(*) from customers_application where status in ('approved', 'rejected') "
        "and told_at is null and decided_at < clock_timestamp() - interval '10 minutes'",
        "Applicants not told what was decided: look at the mail server",
        "customers.view_application",
        "customers_application",
    ),
    Need(
        "stale",
        "select count(*) from sync_connection where stale_since is not null",
        "Stale sources: their shops cannot be read",
        "sync.view_connection",
        "sync_connection",
    ),
    Need(
        "held",
        "select count(*) from catalog_mirror_heldchange where change <> 'waiting'",
        "Changes held back by the brake",
        "catalog_mirror.view_heldchange",
        "catalog_mirror_heldchange",
    ),
    Need(
        "quarantined",
        "select count(*) from catalog_mirror_quarantinedrecord",
        "Quarantined records of shops",
        "catalog_mirror.view_quarantinedrecord",
        "catalog_mirror_quarantinedrecord",
    ),
    Need(
        "events",
        "select count(*) from sync_inboundevent where status = 'dead'",
        "Events of shops that came to nothing",
        "sync.view_inboundevent",
        "sync_inboundevent",
        "status__exact=dead",
    ),
    Need(
        "deliveries",
        "",
        "Dead letters of the last 7 days",
        "outbound_hooks.view_delivery",
        "outbound_hooks_delivery",
        "status__exact=dead",
    ),
    Need(
        "endpoints",
        "select count(*) from outbound_hooks_endpoint where not is_enabled and not is_barred",
        "Disabled endpoints of partners",
        "outbound_hooks.view_endpoint",
        "outbound_hooks_endpoint",
        "is_enabled__exact=0",
    ),
    Need(
        "keys",
        "select count(*) from apikeys_apikey k where k.revoked_at is null "
        "and k.expires_at between clock_timestamp() and clock_timestamp() + interval '14 days' "
        "and not exists (select from apikeys_apikey s where s.predecessor_id = k.id "
        "and s.revoked_at is null)",
        "Keys that end within 14 days without a successor",
        "apikeys.view_apikey",
        "apikeys_apikey",
    ),
    Need(
        "contracts",
        "select count(*) from customers_customerterms where until_revision is null "
        "and status = 'active' and contract_ends_at between clock_timestamp() "
        "and clock_timestamp() + interval '30 days'",
        "Contracts that end within 30 days",
        "customers.view_customerterms",
        "customers_customerterms",
        "until_revision__isempty=1",
    ),
)
_COUNTED = [need for need in NEEDS if need.sql]
_COUNT = "select " + ", ".join(f"({need.sql})" for need in _COUNTED)


def home(user: Any) -> dict[str, Any]:
    """Return what the page shows to this person: nothing that they may not look at."""
    summed, now = figures.summed(), database_now()
    said: dict[str, Any] = {"needs": _needs(user, summed), "figures": None}
    if user.has_perm("groundwork.view_alarm"):
        said["alarms"] = _alarms()
    if user.has_perm("sync.view_connection"):
        said["freshness"] = _freshness()
    if summed and user.has_perm("apikeys.view_usagehour"):
        said["figures"] = _figures(summed)
        said["figures_are_old"] = figures.is_old(summed, at=now)
    said["may_see_figures"] = user.has_perm("apikeys.view_usagehour")
    return said


def _needs(user: Any, summed: Summed | None) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT)
        counts = dict(zip((need.name for need in _COUNTED), cursor.fetchone(), strict=True))
    counts["deliveries"] = summed.dead_deliveries if summed else 0
    return [
        {"count": counts[need.name], "words": need.words, "url": _list(need.page, need.query)}
        for need in NEEDS
        if counts[need.name] and user.has_perm(need.right)
    ]


def _alarms() -> Table:
    rows = Alarm.objects.filter(closed_at=None).order_by("-opened_at", "-pk")[:_MOST_ALARMS]
    return Table(
        "Open alarms",
        columns("Since", "Alarm", "Of", "What to do"),
        [cells(each.opened_at, each.code, each.subject, each.message) for each in rows],
        "No alarm is open.",
    )


def _freshness() -> Table:
    rows = Connection.objects.select_related("source").order_by("source__name")
    return Table(
        "Freshness",
        columns("Source", "State", "Stale since", "Last complete sweep", "Webhooks"),
        [cells(each.source.name, *_fresh(each)) for each in rows],
        "No shop is mirrored yet. Add one: manage.py add_source NAME --url https://shop.example",
    )


def _fresh(each: Connection) -> list[Cell]:
    state = Cell("stale", tone="bad") if each.stale_since else Cell("reads", tone="good")
    problem = each.webhooks_problem
    hooks = Cell(problem, tone="warn") if problem else Cell("active", tone="good")
    return [state, Cell(each.stale_since), Cell(each.last_complete_sweep_at or "never"), hooks]


def _figures(summed: Summed) -> dict[str, Any]:
    return {
        "at": summed.at,
        "charts": [
            chart(summed.hours, title="Requests of the last 24 hours"),
            chart(summed.days, title="Requests of the last 30 days"),
        ],
        "routes": Table(
            "Slowest routes, 24 hours",
            columns(
                "Route", "Requests", "Errors", "Mean ms", numbers=("Requests", "Errors", "Mean ms")
            ),
            [cells(r, f"{n:,}", f"{bad:,}", f"{ms:.1f}") for r, n, bad, ms in summed.routes],
            "Nobody asked for anything in 24 hours.",
        ),
        "customers": Table(
            "Top customers, 30 days",
            columns("Customer", "Requests", "Errors", numbers=("Requests", "Errors")),
            [
                cells(Cell(name, url=_customer(pk)), f"{n:,}", f"{bad:,}")
                for pk, name, n, bad in summed.customers
            ],
            "No customer asked for anything in 30 days. Give one a key.",
        ),
    }


def _list(page: str, query: str) -> str:
    return reverse(f"admin:{page}_changelist") + (f"?{query}" if query else "")


def _customer(pk: int) -> str:
    return reverse("admin:customers_customer_page", args=[pk])
