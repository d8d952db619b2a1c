"""Staff pages of applications: the queue, and one page on which each is decided."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect

from catalog_mirror.revisions import WriteTookTooLong
from customers import applications
from customers.applications import DecidedAlready
from customers.models import Application
from groundwork.admin import ReadOnlyAdmin
from groundwork.instants import database_now
from portal import telling
from portal.application_forms import ApprovalForm, BlockForm, NoteForm
from portal.spans import time_to_first_call

_FACTS = (
    "business_name",
    "business_type",
    "tax_id",
    "contact_name",
    "contact_email",
    "monthly_volume",
    "notes",
)


class ApplicationAdmin(ReadOnlyAdmin):
    list_display = (
        "business_name",
        "business_type",
        "monthly_volume",
        "status",
        "applied_at",
        "decided_by",
        "first_call_after",
    )
    list_filter = ("status", "business_type")
    search_fields = ("business_name", "contact_email", "tax_id")
    empty_hint = "Nobody applied yet. Give businesses the address of the form: /apply"
    decisions: ClassVar[dict[str, str]] = {
        "approve": "is approved.",
        "reject": "is rejected.",
        "block": "is blocked.",
    }

    @admin.display(description="First call after")
    def first_call_after(self, application: Application) -> str:
        return time_to_first_call(application) or "-"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return bool(request.user.has_perm("customers.change_application"))

    @method_decorator(csrf_protect)
    def change_view(self, request: HttpRequest, object_id: str, *_: Any, **__: Any) -> HttpResponse:
        """Show an application, and decide it where that is posted."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        application = self.get_object(request, unquote(object_id))
        if application is None:
            raise Http404
        posted = request.POST.get("decision", "") if request.method == "POST" else ""
        decide = _Decision(application, request, posted)
        if not posted:
            return self._page(request, application, decide)
        if not self.has_change_permission(request):
            raise PermissionDenied
        return self._decided(request, application, decide)

    def _decided(
        self, request: HttpRequest, application: Application, decide: "_Decision"
    ) -> HttpResponse:
        if decide.posted == "tell":
            decide.tell()
            return HttpResponseRedirect(request.path)
        if decide.posted not in self.decisions:
            return HttpResponseRedirect(request.path)
        if not decide.is_valid():
            return self._page(request, application, decide)
        try:
            getattr(decide, decide.posted)()
        except (DecidedAlready, WriteTookTooLong, ValidationError) as error:
            told = error.messages[0] if isinstance(error, ValidationError) else str(error)
            self.message_user(request, f"Nothing was saved. {told}", messages.ERROR)
        else:
            done = f"{application} {self.decisions[decide.posted]}"
            self.message_user(request, done, messages.SUCCESS)
            decide.tell()
        return HttpResponseRedirect(request.path)

    def _page(
        self, request: HttpRequest, application: Application, decide: "_Decision"
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": application.business_name,
            "opts": self.opts,
            "application": application,
            "facts": [(_label(name), _shown(application, name)) for name in _FACTS],
            "may_decide": self.has_change_permission(request),
            "forms": decide.forms,
            "first_call_after": time_to_first_call(application),
        }
        return TemplateResponse(request, "portal/application.html", context)


class _Decision:
    """What a person decides of an application, and the forms on which it is said."""

    def __init__(self, application: Application, request: HttpRequest, posted: str) -> None:
        self._pk, self._request, self.posted = application.pk, request, posted
        self._actor = request.user.get_username()
        approval = ApprovalForm(self._data("approve"), application=application, prefix="approve")
        self.forms: dict[str, forms.BaseForm] = {
            "approve": approval,
            "reject": NoteForm(self._data("reject"), prefix="reject"),
            "block": BlockForm(self._data("block"), prefix="block"),
        }

    def is_valid(self) -> bool:
        return self.forms[self.posted].is_valid()

    def approve(self) -> None:
        form: Any = self.forms["approve"]
        applications.approve(self._pk, form.admission(), actor=self._actor)

    def reject(self) -> None:
        self._with_note(applications.reject)

    def block(self) -> None:
        self._with_note(applications.block)

    def tell(self) -> None:
        """Write to the applicant; where that fails the workers try again, and the page says so."""
        if not applications.untold().filter(pk=self._pk).exists():
            return
        if not telling.tell(self._pk, at=database_now()):
            told = "The applicant was not told yet: the mail did not leave. It is tried again by itself."
            messages.warning(self._request, told)

    def _with_note(self, decide: Callable[..., None]) -> None:
        form: Any = self.forms[self.posted]
        decide(self._pk, actor=self._actor, note=form.cleaned_data["note"])

    def _data(self, decision: str) -> Any:
        return self._request.POST if self.posted == decision else None


def _label(name: str) -> str:
    return str(Application._meta.get_field(name).verbose_name).capitalize()  # type: ignore[union-attr]  # noqa: SLF001 - Django's name for it


def _shown(application: Application, name: str) -> str:
    chosen = getattr(application, f"get_{name}_display", None)
    value = chosen() if chosen else getattr(application, name)
    return f"{value:,}" if isinstance(value, int) else value or "-"
