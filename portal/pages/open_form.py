"""The form by which a business applies, open to everyone, and the page that thanks for it."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apikeys.addresses import source_of
from customers import applications
from customers.applications import NotTaken
from portal.applying import ApplicationForm


@require_http_methods(["GET", "HEAD", "POST"])
def apply(request: HttpRequest) -> HttpResponse:
    form = ApplicationForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _page(request, "apply", form=form, status=400 if form.errors else 200)
    try:
        if not form.is_of_a_machine:
            applications.apply(address=source_of(request), **form.facts)
    except NotTaken as error:
        form.add_error(None, str(error))
        return _page(request, "apply", form=form, status=429)
    return HttpResponseRedirect(reverse("applied"))


@require_safe
def applied(request: HttpRequest) -> HttpResponse:
    return _page(request, "applied")


def _page(request: HttpRequest, name: str, *, status: int = 200, **context: Any) -> HttpResponse:
    page = render(request, f"portal/{name}.html", context, status=status)
    page["Cache-Control"] = "no-store"  # it holds what somebody typed, and when it was opened
    return page
