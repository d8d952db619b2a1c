"""Partners, shops and probes go straight to their views, past all that the staff site needs."""

from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from typing import Any, cast

from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections, connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, URLResolver, get_resolver

_PAST = ("/v1/", "/hooks/", "/healthz", "/readyz", "/metrics")


# Longer than the path of any SKU that is not odd. Strangers choose paths too, so the cache is small.
_LONGEST_KEPT = 200


@lru_cache(maxsize=1_000)
def _resolved(resolver: URLResolver, path: str) -> ResolverMatch:
    """Resolve a path; that goes through every route, and partners ask for the same again and again."""
    return resolver.resolve(path)


def _match(path: str) -> ResolverMatch:
    resolver = get_resolver()
    return _resolved(resolver, path) if len(path) <= _LONGEST_KEPT else resolver.resolve(path)


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
            match = _match(request.path_info)
        except Resolver404:
            return self.get_response(request)
        request.resolver_match = match
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        if response.status_code != HTTPStatus.NOT_MODIFIED:  # its length would be that of a body
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response


class Application(WSGIHandler):
    """Django's, without what its signals do around a partner's request: a tenth of its CPU.

    They close connections that are old or broken. Ours do not grow old, and a broken one is closed here.
    """

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if not environ["PATH_INFO"].startswith("/v1/"):
            return super().__call__(environ, start_response)
        if connection.errors_occurred:
            close_old_connections()
        response = cast("HttpResponse", self.get_response(self.request_class(environ)))
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return [response.content]
