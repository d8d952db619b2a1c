"""The page of a claim link: a GET changes nothing, one POST makes and shows the key."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apikeys import claims

# The page is not framed, kept, found, or told to the next site.
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Frame-Options": "DENY",
}


# Whoever can make a browser post here knows the token, which is all there is to know.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def claim(request: HttpRequest, token: str) -> HttpResponse:
    try:
        if request.method == "POST":
            row, key = claims.claim(token)
            return _page(request, "claimed", row=row, key=key)
        return _page(request, "offer", link=claims.link_of(token))
    except claims.NoSuchLink as error:
        return _page(request, "dead", status=404, message=str(error))
    except claims.LinkDead as error:
        return _page(request, "dead", status=410, message=str(error))


def _page(request: HttpRequest, name: str, *, status: int = 200, **context: Any) -> HttpResponse:
    response = render(request, f"apikeys/{name}.html", context, status=status)
    for header, value in _HEADERS.items():
        response[header] = value
    return response
