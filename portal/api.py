"""What machines that look after us ask: whether we live, whether we may serve, and how we fare."""

import hmac
from http import HTTPStatus

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from portal.metrics import exposition
from portal.readiness import look

_UNKEPT = {"Cache-Control": "no-store"}


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer while the process lives, whatever else is gone."""
    return JsonResponse({"status": "ok"}, headers=_UNKEPT)


@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """Answer 200 where partners can be served, 503 where not; the body says what is wrong."""
    found = look()
    faults = {each.name: each.fault for each in found if each.fault}
    is_out = any(each.fault and each.is_needed for each in found)
    status = "unready" if is_out else "degraded" if faults else "ready"
    return JsonResponse(
        {"status": status, "faults": faults},
        status=HTTPStatus.SERVICE_UNAVAILABLE if is_out else HTTPStatus.OK,
        headers=_UNKEPT,
    )


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer who has the token; a checkout without one answers whoever is on its machine."""
    if not settings.METRICS_TOKEN and not settings.LOCAL:
        raise Http404
    wanted = f"Bearer {settings.METRICS_TOKEN}".encode()
    given = request.headers.get("Authorization", "").encode()
    if settings.METRICS_TOKEN and not hmac.compare_digest(given, wanted):
        return HttpResponse(
            "Send METRICS_TOKEN as a bearer token.\n",
            status=HTTPStatus.UNAUTHORIZED,
            content_type="text/plain",
            headers={"WWW-Authenticate": 'Bearer realm="metrics"'},
        )
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST, headers=_UNKEPT)
