"""The pages under `/docs/`, open to anyone: the guide, the reference, the document itself."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from contract.guide import document, guide_page


@require_safe
def guide(request: HttpRequest) -> HttpResponse:
    html, chapters = guide_page()
    return render(request, "contract/guide.html", {"html": html, "chapters": chapters})


@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    return render(request, "contract/reference.html")


@require_safe
def openapi(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(document(), content_type="application/yaml")
