"""Staff pages on which rules leave as a CSV file, and come in from one after a look at it."""

import io
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelect2Widget,
    UnfoldBooleanWidget,
)

from customers import rule_files
from customers.exports import Cells, export_rules
from customers.imports import Imported
from customers.models import Customer, RuleFile
from customers.sheets import Sheet, lines_in
from customers.version_pages import VersionAdmin

LARGEST_FILE = 20 * 2**20  # bytes; 100,000 lines with room


class UploadForm(forms.Form):
    """A file to look at; nothing is written yet."""

    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv"}),
        help_text="CSV in UTF-8, with a header. Take a file out first to see the columns.",
    )
    withdraw_missing = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanWidget,
        label="Withdraw what it does not list",
        help_text="Ends the rules of the customers and tiers in the file that it does not list.",
    )

    def clean_file(self) -> tuple[str, str]:
        """Return the file's name and its text."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > LARGEST_FILE:
            raise ValidationError(f"A file has at most {LARGEST_FILE >> 20} MiB. Split it.")
        try:
            return str(file.name), file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValidationError("This is not UTF-8 text. Save it as CSV in UTF-8.") from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "\0" in cleaned.get("file", ("", ""))[1]:
            self.add_error("file", "This is no text: it holds a NUL. Save it as CSV in UTF-8.")
        return cleaned


class ExportForm(forms.Form):
    """Whose rules to take out."""

    customer = forms.ModelChoiceField(
        Customer.objects.all(),
        required=False,
        widget=UnfoldAdminSelect2Widget,
        help_text="The rules of one customer; of all, and of tiers and everyone, if left empty.",
    )


class FilesAdmin(VersionAdmin):
    """A list of rules that also go out to a file and come in from one."""

    sheet: ClassVar[Sheet]
    cells: ClassVar[Cells]
    actions_list = ("files",)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("files/export/", wrap(self.export), name=self._name("export")),
            path("files/<int:pk>/", wrap(self.file), name=self._name("file")),
        ]
        return [*own, *super().get_urls()]

    @action(  # type: ignore[untyped-decorator]
        description="CSV files", url_path="files", permissions=["add", "change"]
    )
    def files(self, request: HttpRequest) -> HttpResponse:
        """Take a file, or offer to give one."""
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            name, text = form.cleaned_data["file"]
            kept = rule_files.keep(
                self.sheet,
                name=name,
                text=text,
                withdraw_missing=form.cleaned_data["withdraw_missing"],
                actor=request.user.get_username(),
            )
            return HttpResponseRedirect(self._url("file", kept.pk))
        said = {"form": form, "export_form": ExportForm(), "export_url": self._url("export")}
        return self._page(request, "files", "CSV files", **said)

    def export(self, request: HttpRequest) -> HttpResponse:
        self._refuse_others(request)
        form = ExportForm(request.GET)
        if not form.is_valid():
            self.message_user(request, "There is no such customer. Choose another.", messages.ERROR)
            return HttpResponseRedirect(reverse(f"admin:{self._name('files')}"))
        customer, text = form.cleaned_data["customer"], io.StringIO()
        export_rules(self.sheet, type(self).cells, text, customer=customer)
        name = f"{self.sheet.name}-{customer.slug if customer else 'all'}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(text.getvalue(), content_type="text/csv", headers=headers)

    def file(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what a kept file would change, and change it when that is posted."""
        self._refuse_others(request)
        file = get_object_or_404(RuleFile, pk=pk, kind=self.sheet.name)
        if request.method == "POST" and not file.applied_at:
            return self._applied(request, file)
        found = None if file.applied_at else rule_files.looked_at(file, self.sheet)
        return self._page(request, "file", file.name, **_told(file, found))

    def _applied(self, request: HttpRequest, file: RuleFile) -> HttpResponse:
        judged_at = request.POST.get("judged_at", "")
        found = rule_files.apply(
            file,
            self.sheet,
            actor=request.user.get_username(),
            judged_at=int(judged_at) if judged_at.isdecimal() else None,
        )
        if found.faults:
            self.message_user(
                request, f"Nothing was written. {found.faults[0].reason}", messages.ERROR
            )
            return HttpResponseRedirect(self._url("file", file.pk))
        self.message_user(
            request,
            f"{file.name}: {found.added} added, {found.changed} changed, {found.withdrawn} withdrawn.",
            messages.SUCCESS,
        )
        return HttpResponseRedirect(reverse(f"admin:{self._name('changelist')}"))

    def _refuse_others(self, request: HttpRequest) -> None:
        if not (self.has_add_permission(request) and self.has_change_permission(request)):
            raise PermissionDenied

    def _name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"

    def _url(self, page: str, *args: object) -> str:
        return reverse(f"admin:{self._name(page)}", args=args)

    def _page(self, request: HttpRequest, name: str, title: str, **said: Any) -> TemplateResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return TemplateResponse(request, f"customers/rule_{name}.html", context | said)


def _told(file: RuleFile, found: Imported | None) -> dict[str, Any]:
    """Return what the page of a file shows; lines stand beside what becomes of them."""
    said: dict[str, Any] = {"file": file, "found": found}
    if found is None:
        return said
    lines = dict(enumerate(lines_in(file.text), start=1))
    return said | {
        "faults": [(each, lines.get(each.line, "")) for each in found.faults],
        "differences": [(each, lines.get(each.line, "")) for each in found.differences],
    }
