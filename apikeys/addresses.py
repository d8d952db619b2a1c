"""Where a request comes from, believing only the proxies that are ours."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """Return the caller's address: the peer's, or what the outermost of our proxies saw."""
    hops = [request.META.get("REMOTE_ADDR", "")]
    if settings.TRUSTED_PROXIES:
        forwarded = request.headers.get("X-Forwarded-For", "").split(",")
        hops = [*forwarded, *hops][-settings.TRUSTED_PROXIES - 1 :]
    try:
        # A zone ("fe80::1%eth0") names an interface of ours and is no part of an `inet`.
        return str(ip_address(hops[0].partition("%")[0].strip()))
    except ValueError:
        return None
