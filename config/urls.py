"""Where each door hangs."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path

from apikeys.api import claim
from portal.api import healthz, metrics, readyz
from portal.pages.open_form import applied, apply
from sync.api import hook

urlpatterns = [
    path("v1/", include("outbound_hooks.urls")),
    path("v1/", include("contract.urls")),
    path("docs/", include("contract.page_urls")),
    # With or without the slash: to be sent on to the other is a success to a shop, and a loss to us.
    re_path(r"^hooks/(?P<slug>[-a-z0-9]{1,40})/?$", hook),
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    path("claim/<str:token>", claim),
    path("apply", apply, name="apply"),
    path("apply/thanks", applied, name="applied"),
    path(settings.STAFF_PATH, admin.site.urls),
]
