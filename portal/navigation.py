"""The way through the staff site, by what people come for; each sees what they may look at."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

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
            "sync.driftcorrection",
            "sync.inboundevent",
            "sync.refuseddelivery",
            "catalog_mirror.brakerelease",
            "catalog_mirror.revision",
        ),
    ),
    ("House", ("groundwork.alarm", "groundwork.auditentry", "auth.user", "auth.group")),
)


def sections(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sections of the sidebar; a list that no section names is under the last one."""
    lists = _lists(request)
    found: list[dict[str, Any]] = [{"items": [{"title": "Home", "link": reverse("admin:index")}]}]
    for title, labels in SECTIONS:
        items = [lists.pop(label) for label in labels if label in lists]
        if title == SECTIONS[-1][0]:
            items += lists.values()
        if items:
            found.append({"title": title, "separator": True, "items": items})
    return found


def _lists(request: HttpRequest) -> dict[str, dict[str, Any]]:
    """Return every list that this person may look at, by its model's label."""
    return {
        opts.label_lower: {
            "title": str(opts.verbose_name_plural).capitalize().replace("Api", "API"),
            "link": reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist"),
        }
        for opts, page in ((model._meta, page) for model, page in admin.site._registry.items())  # noqa: SLF001 - Django's names
        if page.has_view_permission(request)
    }
