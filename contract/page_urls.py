"""The routes of /docs/."""

from django.urls import path

from contract.pages import guide, openapi, reference

urlpatterns = [
    path("", guide),
    path("reference", reference),
    path("openapi_v1.yaml", openapi),
]
