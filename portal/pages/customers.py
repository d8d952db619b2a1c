"""Staff pages of one customer: all that is known of it, its view, why it is so, and another's beside it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, re_path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from customers.admin import CustomerAdmin
from customers.models import SANDBOX, Application, Customer
from portal import answers, customer_facts
from portal.charts import chart
from portal.pages.bulk import BulkTerms
from portal.partner_eyes import seen_by, skus_after, skus_called
from portal.questions import CompareForm, SearchForm, WhyForm
from portal.spans import time_to_first_call
from portal.tables import Table
from portal.usage import usage_of

# Whoever looks through a customer's eyes sees its prices.
_SEES_PRICES = "pricing.view_pricerule"
# Each page of a customer: what it is called, and the rights of which one lets somebody look at it.
_TABS: dict[str, tuple[str, tuple[str, ...]]] = {
    "page": ("Overview", ("customers.view_customer",)),
    "access": ("Keys and usage", ("apikeys.view_apikey", "outbound_hooks.view_endpoint")),
    "history": ("History", ("groundwork.view_auditentry",)),
    "view": ("View as", (_SEES_PRICES,)),
    "why": ("Why", (_SEES_PRICES,)),
    "compare": ("Compare", (_SEES_PRICES,)),
}


class CustomerPages(BulkTerms, CustomerAdmin):
    list_display = (  # type: ignore[assignment]
        "known",
        "slug",
        "contact_email",
        "payment_terms",
        "credit_limit",
        "created_at",
    )
    list_display_links = ("slug",)
    empty_hint = "No customer yet. Approve an application, or add one."

    @admin.display(description="Customer", ordering="name")
    def known(self, customer: Customer) -> SafeString:
        page = reverse("admin:customers_customer_page", args=[customer.pk])
        return format_html('<a class="tc tc-link" href="{}">{}</a>', page, customer.name)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            re_path(
                rf"^(?P<pk>-?\d{{1,18}})/{name}/$",
                wrap(getattr(self, name)),
                name=f"customers_customer_{name}",
            )
            for name in _TABS
        ]
        return [*own, *super().get_urls()]

    def page(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Show who a customer is, its terms, and what rules of its own say."""
        customer = self._customer(request, pk, "page")
        return self._shown(request, customer, "page", **_agreed(request, customer))

    def access(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Show a customer's keys, what it asked for with them, and where it hears of changes."""
        customer = self._customer(request, pk, "access")
        return self._shown(request, customer, "access", **_access(request, customer))

    def history(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Show who changed what of a customer."""
        customer = self._customer(request, pk, "history")
        tables = [customer_facts.history(customer)]
        return self._shown(request, customer, "history", tables=tables)

    def view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Show what the customer is shown."""
        customer = self._customer(request, pk, "view")
        form = SearchForm(request.GET)
        text = form.cleaned_data["q"].strip() if form.is_valid() else ""
        cursor = request.GET.get("cursor") or None
        seen = seen_by(customer, skus=skus_called(text) if text else None, cursor=cursor)
        table = answers.view(seen, _why_of(customer))
        onward = f"?{urlencode({'cursor': seen.next_cursor})}" if seen.next_cursor else ""
        return self._shown(request, customer, "view", form=form, table=table, onward=onward)

    def why(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Tell why a SKU is seen or hidden, and at this price, now or then."""
        customer = self._customer(request, pk, "why")
        asked = request.GET.dict() | {"quantity": request.GET.get("quantity", "1")}
        form = WhyForm(asked if "sku" in request.GET else None)
        said = {}
        if form.is_valid():
            says = form.cleaned_data
            said = answers.why(
                customer, says["sku"].strip(), quantity=says["quantity"], at=says["at"]
            )
        return self._shown(request, customer, "why", form=form, **said)

    def compare(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Show what two customers see, side by side."""
        customer = self._customer(request, pk, "compare")
        form = CompareForm(request.GET if "other" in request.GET else None, but=customer)
        said: dict[str, Any] = {}
        if form.is_valid():
            other, text = form.cleaned_data["other"], form.cleaned_data["q"].strip()
            after = request.GET.get("after", "")
            begin = int(after) if after.isdecimal() and len(after) < 18 else 0  # noqa: PLR2004 - a bigint
            skus, following = (skus_called(text), None) if text else skus_after(begin)
            mine, theirs = (seen_by(each, skus=skus) for each in (customer, other))
            said["table"] = answers.compared(skus, mine, theirs, (customer.name, other.name))
            if following:
                said["onward"] = "?" + urlencode({"other": other.pk, "after": following})
        return self._shown(request, customer, "compare", form=form, **said)

    def _customer(self, request: HttpRequest, pk: str, page: str) -> Customer:
        if not self.has_view_permission(request) or not _may_look(request, page):
            raise PermissionDenied
        return get_object_or_404(Customer, pk=pk)

    def _shown(
        self, request: HttpRequest, customer: Customer, page: str, **said: Any
    ) -> HttpResponse:
        tabs = [
            {
                "name": words,
                "url": reverse(f"admin:customers_customer_{name}", args=[customer.pk]),
                "is_here": name == page,
            }
            for name, (words, _) in _TABS.items()
            if _may_look(request, name)
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": customer.name,
            "opts": self.opts,
            "customer": customer,
            "tabs": tabs,
            "is_sandbox": customer.pk == SANDBOX,
            "may_change": self.has_change_permission(request, customer),
            **said,
        }
        return TemplateResponse(request, f"portal/customer_{page}.html", context)


def _why_of(customer: Customer) -> Callable[[str], str]:
    page = reverse("admin:customers_customer_why", args=[customer.pk])
    return lambda sku: f"{page}?{urlencode({'sku': sku, 'quantity': 1})}"


def _may_look(request: HttpRequest, page: str) -> bool:
    return any(request.user.has_perm(right) for right in _TABS[page][1])


def _agreed(request: HttpRequest, customer: Customer) -> dict[str, Any]:
    """Return what was agreed with a customer, as far as this person may look."""
    may = request.user.has_perm
    tables: list[Table] = []
    said: dict[str, Any] = {"tables": tables, "first_call_after": _onboarded(customer)}
    if may("customers.view_customerterms"):
        said |= {"terms": customer_facts.terms_of(customer), "may_see_terms": True}
    rules = customer_facts.rules_of(customer, with_prices=may(_SEES_PRICES))
    if may("customers.view_visibilityrule"):
        tables.append(customer_facts.visibility(customer, rules))
    if may(_SEES_PRICES):
        tables.append(customer_facts.prices(customer, rules))
        tables.append(customer_facts.order_rules(customer, rules))
    return said


def _access(request: HttpRequest, customer: Customer) -> dict[str, Any]:
    """Return how a customer reaches us and we it, as far as this person may look."""
    tables: list[Table] = []
    said: dict[str, Any] = {"tables": tables}
    if request.user.has_perm("apikeys.view_apikey"):
        known = customer_facts.keys_of(customer)
        usage = usage_of([key.public_id for key in known], now=timezone.now())
        tables.append(customer_facts.keys(known, usage.by_key, customer))
        tables.append(customer_facts.links_of(customer))
        said["usage"] = chart(usage.days, title="Requests of the last 30 days")
    if request.user.has_perm("outbound_hooks.view_endpoint"):
        tables.append(customer_facts.webhooks(customer))
    return said


def _onboarded(customer: Customer) -> str:
    """Return how long it took to its first call, where it came by an application."""
    found = Application.objects.filter(customer=customer).first()
    return time_to_first_call(found) if found else ""
