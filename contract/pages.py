"""The pages under `/docs/`, open to anyone: the guide, the reference, the document itself."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from contract.guide import document, guide_page

# Our own files alone. Redoc writes its styles into the page and searches in a worker that it makes itself.
_OURS = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_GUIDE = f"{_OURS}; style-src 'self'"
_REFERENCE = (
    f"{_OURS}; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; worker-src blob:"
)


@require_safe
def guide(request: HttpRequest) -> HttpResponse:
    html, chapters = guide_page()
    page = render(request, "contract/guide.html", {"html": html, "chapters": chapters})
    page["Content-Security-Policy"] = _GUIDE
    return page


@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    page = render(request, "contract/reference.html")
    page["Content-Security-Policy"] = _REFERENCE
    return page


@require_safe
def openapi(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(document(), content_type="application/yaml")
