"""What staff do to many customers at once: counted, confirmed, and done to all of them or none."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminSelectWidget

from catalog_mirror.revisions import WriteTookTooLong
from customers import versions
from customers.models import SANDBOX, Customer, CustomerTerms, Tier

MOST_AT_ONCE = 200


class TierForm(forms.Form):
    tier = forms.ModelChoiceField(
        Tier.objects.order_by("name"),
        required=False,
        empty_label="No tier",
        widget=UnfoldAdminSelectWidget,
        help_text="What they see and pay follows the tier, from the moment you confirm.",
    )


class StatusForm(forms.Form):
    status = forms.ChoiceField(
        choices=CustomerTerms.Status.choices,
        widget=UnfoldAdminSelectWidget,
        help_text="Whoever is not active is answered 403 from the next request on.",
    )


class BulkTerms:
    """Two actions on a list of customers; each asks first, and tells how many it is about."""

    actions = ("change_tier", "change_status")

    @admin.action(description="Change the tier", permissions=["change_terms"])
    def change_tier(self, request: HttpRequest, chosen: QuerySet[Customer]) -> HttpResponse | None:
        return self._changed(request, chosen, TierForm, "change_tier", "Change the tier")

    @admin.action(description="Change the status", permissions=["change_terms"])
    def change_status(
        self, request: HttpRequest, chosen: QuerySet[Customer]
    ) -> HttpResponse | None:
        return self._changed(request, chosen, StatusForm, "change_status", "Change the status")

    def has_change_terms_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("customers.change_customerterms"))

    def _changed(
        self,
        request: HttpRequest,
        chosen: QuerySet[Customer],
        form_class: type[forms.Form],
        action: str,
        verb: str,
    ) -> HttpResponse | None:
        # "Select all" chooses the sandbox too, which is nobody's to change.
        real = chosen.exclude(pk=SANDBOX)
        rows = CustomerTerms.objects.filter(customer__in=real, until_revision=None)
        terms = list(rows.select_related("customer", "tier").order_by("customer__name"))
        if not terms or len(terms) > MOST_AT_ONCE:
            told = f"{len(terms)} customers with terms are chosen; choose 1 to {MOST_AT_ONCE}."
            messages.error(request, told)
            return None
        form = form_class(request.POST if "apply" in request.POST else None)
        if not form.is_valid():
            return self._asked(request, terms, form, action=action, verb=verb)
        self._write(request, terms, form.cleaned_data)
        return None

    def _write(
        self, request: HttpRequest, terms: list[CustomerTerms], says: dict[str, Any]
    ) -> None:
        uids, actor = [each.rule_uid for each in terms], request.user.get_username()
        try:
            done = versions.change_all(CustomerTerms, uids, actor=actor, **says)
        except (versions.NoOpenVersion, WriteTookTooLong, ValidationError) as error:
            told = error.messages[0] if isinstance(error, ValidationError) else str(error)
            messages.error(request, f"Nothing was changed. {told}")
        else:
            messages.success(request, f"{len(done)} changed.")

    def _asked(
        self,
        request: HttpRequest,
        terms: list[CustomerTerms],
        form: forms.Form,
        *,
        action: str,
        verb: str,
    ) -> HttpResponse:
        page: Any = self
        count = f"{len(terms)} customer{'' if len(terms) == 1 else 's'}"
        context = {
            **page.admin_site.each_context(request),
            "title": f"{verb} of {count}",
            "opts": page.opts,
            "terms": terms,
            "form": form,
            "action": action,
            "verb": verb,
        }
        return TemplateResponse(request, "portal/bulk.html", context)
