"""The staff site may be open to some networks only; to all others it is not there."""

from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound

from apikeys.addresses import client_address


class StaffDoor:
    """Answer 404 under the staff site's path to whoever is outside `STAFF_NETWORKS`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_staff_site = request.path_info.startswith(f"/{settings.STAFF_PATH}")
        if settings.STAFF_NETWORKS and is_staff_site and not _is_inside(request):
            return HttpResponseNotFound("Not found.\n", content_type="text/plain")
        return self.get_response(request)


def _is_inside(request: HttpRequest) -> bool:
    address = client_address(request)
    if address is None:
        return False
    return any(ip_address(address) in network for network in settings.STAFF_NETWORKS)
