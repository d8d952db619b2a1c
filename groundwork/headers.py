"""What every answer tells a browser not to do, by the area it belongs to."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class SecurityHeaders:
    """Set the headers that keep a page from being framed, sniffed, or made to load what is not ours."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in _ALWAYS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", _policy_of(request.path_info))
        return response


def _policy_of(path: str) -> str:
    """Return the policy of the first area that a path lies in."""
    policies: tuple[tuple[str, str], ...] = settings.CONTENT_SECURITY_POLICIES
    return next(policy for prefix, policy in policies if path.startswith(prefix))
