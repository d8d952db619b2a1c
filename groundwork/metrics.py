"""How long requests take, counted in each web process and told to Prometheus."""

import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from django.http import HttpRequest, HttpResponse

# Several web processes share what they count through files in this folder; the library looks for it
# when it is imported.
_SHARED = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
if _SHARED:
    Path(_SHARED).mkdir(parents=True, exist_ok=True)

from prometheus_client import CollectorRegistry, Histogram, generate_latest  # noqa: E402
from prometheus_client.multiprocess import MultiProcessCollector  # noqa: E402

_registry = CollectorRegistry()
REQUEST_SECONDS = Histogram(
    "tradecounter_request_seconds",
    "Seconds from the first line of a request to the last of its answer, by route and status.",
    ("route", "status"),
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=_registry,
)


class MetricsMiddleware:
    """Time every request; what no route takes is one route, however many addresses strangers try."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        route = match.route if match else "none"
        REQUEST_SECONDS.labels(route, str(response.status_code)).observe(perf_counter() - started)
        return response


def counted() -> bytes:
    """Return what all web processes of this host counted, in Prometheus' text format."""
    if not _SHARED:
        return generate_latest(_registry)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
