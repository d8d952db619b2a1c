"""The staff site itself: who may come in, its first page, and the page of the second factor."""

from http import HTTPStatus
from typing import Any

import django_otp
from django.conf import settings
from django.core.paginator import InvalidPage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.sites import UnfoldAdminSite

from groundwork import audit
from portal import second_factor
from portal.home import home
from portal.navigation import sections
from portal.signing_in import CodeForm, SignInForm


def _is_staff(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_staff)


class PortalSite(UnfoldAdminSite):  # type: ignore[misc]
    index_title = "Home"
    index_template = "portal/home.html"
    login_template = "portal/login.html"
    login_form = SignInForm

    def has_permission(self, request: HttpRequest) -> bool:
        return _is_staff(request) and second_factor.is_let_in(request.user)

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        said = {"home": home(request.user), **(extra_context or {})}
        page: TemplateResponse = super().index(request, said)
        return page

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        return sections(request)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Put the list of all lists off until somebody looks at it: the sidebar has its own."""
        listed = super().get_app_list
        if app_label:
            return listed(request, app_label)
        return SimpleLazyObject(lambda: listed(request))

    def search(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say that there is no such page of results, where the theme fails."""
        try:
            found: HttpResponse = super().search(request, extra_context)
        except InvalidPage as error:
            raise Http404("There is no such page of results.") from error
        return found

    def extra_urls(self) -> list[URLPattern]:
        return [path("second-factor/", self.second_factor, name="second_factor")]

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send on to set one up whoever needs a second factor and has none."""
        if request.method == "GET" and self._lacks_one(request):
            return HttpResponseRedirect(reverse("admin:second_factor"))
        page: HttpResponse = super().login(request, extra_context)
        return page

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Note a password that its owner changed; what the form refuses answers no redirect."""
        page: HttpResponse = super().password_change(request, extra_context)
        if page.status_code == HTTPStatus.FOUND:
            name = request.user.get_username()
            audit.record(name, action="user.password_changed", subject=name)
        return page

    def _lacks_one(self, request: HttpRequest) -> bool:
        if not _is_staff(request) or self.has_permission(request):
            return False
        return not second_factor.has_one(request.user)

    @method_decorator(never_cache)
    @method_decorator(sensitive_post_parameters())
    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Show what to scan, take its first code, and show the spare codes once."""
        has_one = _is_staff(request) and second_factor.has_one(request.user)
        if not _is_staff(request) or (has_one and not self.has_permission(request)):
            return HttpResponseRedirect(reverse("admin:login"))
        if has_one:
            return self._second_factor_page(request, has_one=True)
        form = CodeForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            made = second_factor.set_up(request.user, form.cleaned_data["code"])
            if made:
                django_otp.login(request, made[0])
                return self._second_factor_page(request, codes=made[1])
            form.add_error("code", "That is not the code of this moment. Wait for the next one.")
        offer = second_factor.offered(request.user)
        return self._second_factor_page(request, form=form, offer=offer)

    def _second_factor_page(self, request: HttpRequest, **said: Any) -> HttpResponse:
        context = {**self.each_context(request), "title": "Second factor", **said}
        context["is_enforced"] = settings.STAFF_TWO_FACTOR
        return TemplateResponse(request, "portal/second_factor.html", context)
