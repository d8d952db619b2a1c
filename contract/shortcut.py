"""Partners, shops and probes go straight to their views, past all that the staff site needs."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

_PAST = ("/v1/", "/hooks/", "/healthz", "/readyz", "/metrics")


class PartnerShortcut:
    """Skip the middleware behind this one: no session, no CSRF token, no messages.

    None of it serves a program, and an API that never reads a cookie cannot be led by one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(_PAST):
            return self.get_response(request)
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        request.resolver_match = match
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        if response.status_code != HTTPStatus.NOT_MODIFIED:  # its length would be that of a body
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response
