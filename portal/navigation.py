"""The way through the staff site, by what people come for; each sees what they may look at."""

from functools import cache
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

# Each list by its model's label; what nobody comes for by itself is under what it belongs to.
SECTIONS = (
    (
        "Partners",
        (
            "customers.application",
            "customers.customer",
            "customers.customerterms",
            "customers.tier",
            "customers.visibilityrule",
            "customers.visibilitytemplate",
        ),
    ),
    ("Prices", ("pricing.pricerule", "pricing.orderrule", "pricing.orderminimum")),
    ("Keys", ("apikeys.apikey", "apikeys.claimlink", "apikeys.customerlimit")),
    (
        "Requests",
        (
            "apikeys.requestlog",
            "apikeys.usagehour",
            "apikeys.refusedstrangers",
            "apikeys.suspicion",
            "apikeys.keynetwork",
            "apikeys.expirynotice",
        ),
    ),
    (
        "Webhooks to partners",
        ("outbound_hooks.endpoint", "outbound_hooks.delivery", "outbound_hooks.attempt"),
    ),
    (
        "Mirror",
        (
            "catalog_mirror.product",
            "catalog_mirror.variant",
            "catalog_mirror.brand",
            "catalog_mirror.category",
            "catalog_mirror.stocklevel",
            "catalog_mirror.quarantinedrecord",
            "catalog_mirror.heldchange",
        ),
    ),
    (
        "Sources",
        (
            "catalog_mirror.source",
            "sync.connection",
            "sync.sweeprun",
            "sync.poll",
            "sync.driftcorrection",
            "sync.inboundevent",
            "sync.refuseddelivery",
            "catalog_mirror.brakerelease",
            "catalog_mirror.revision",
        ),
    ),
    ("House", ("groundwork.alarm", "groundwork.auditentry", "auth.user", "auth.group")),
)


_LINK = (
    '<li><a href="{}" class="flex h-[38px] items-center -mx-3 px-3 rounded-default hover:text-primary-600 '
    'dark:hover:text-primary-500{}"{}>{}</a></li>'
)
_HERE = (
    " bg-base-100 font-semibold text-primary-600 dark:bg-white/[.06] dark:text-primary-500 active"
)


def sections(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sections of the sidebar; a list that no section names is under the last one."""
    lists = {label: link for label, link in _lists() if _may_look(request, label)}
    home = reverse("admin:index")
    found: list[dict[str, Any]] = [{"links": _link(home, "Home", is_here=request.path == home)}]
    for title, labels in SECTIONS:
        links = [lists.pop(label) for label in labels if label in lists]
        if title == SECTIONS[-1][0]:
            links += lists.values()
        if links:
            rows = [_link(*link, is_here=request.path.startswith(link[0])) for link in links]
            found.append({"title": title, "links": SafeString("".join(rows))})
    return found


@cache
def _link(url: str, title: str, *, is_here: bool) -> SafeString:
    looks = (_HERE, SafeString(' aria-current="page"')) if is_here else ("", "")
    return format_html(_LINK, url, *looks, title)


@cache
def _lists() -> list[tuple[str, tuple[str, str]]]:
    """Return every list of the site: its model's label, its address, and what it is called."""
    return [
        (
            opts.label_lower,
            (reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist"), _name(opts)),
        )
        for opts in (model._meta for model in admin.site._registry)  # noqa: SLF001 - Django's names
    ]


def _name(opts: Any) -> str:
    return str(opts.verbose_name_plural).capitalize().replace("Api", "API")


def _may_look(request: HttpRequest, label: str) -> bool:
    return bool(_pages()[label].has_view_permission(request))


@cache
def _pages() -> dict[str, Any]:
    return {model._meta.label_lower: page for model, page in admin.site._registry.items()}  # noqa: SLF001 - Django's names
