"""Staff pages of rules on which a draft is looked at before it is saved: what it would change, for whom."""

from collections.abc import Iterable
from typing import Any

import orjson
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from contract.previews import Example, Moved, Preview, preview, preview_minimum, preview_terms
from customers.admin import CustomerTermsAdmin, VisibilityRuleAdmin
from portal.partner_eyes import price_in_words
from portal.tables import Table, cells, columns
from pricing.admin import OrderMinimumAdmin, OrderRuleAdmin, PriceRuleAdmin

_ASKED = "_preview"


class Previewed:
    """A page of a rule with one more button; it writes nothing."""

    change_form_after_template = "portal/preview_button.html"

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if request.method == "POST" and _ASKED in request.POST:
            found = self._looked_at(request, object_id)
            if found:
                return self._preview_page(request, found)
        page: HttpResponse = super().changeform_view(request, object_id, *args, **kwargs)  # type: ignore[misc]
        return page

    def _looked_at(self, request: HttpRequest, object_id: str | None) -> Preview | None:
        """Return what the draft would change, or None where the form has faults to be told first."""
        page: Any = self
        standing = page.get_object(request, unquote(object_id)) if object_id else None
        allowed = (
            page.has_change_permission(request, standing)
            if object_id
            else page.has_add_permission(request)
        )
        if not allowed or (object_id and standing is None):
            raise PermissionDenied
        old = type(standing).objects.get(pk=standing.pk) if standing else None
        form = page.get_form(request, standing, change=bool(standing))(
            request.POST, request.FILES, instance=standing
        )
        if not form.is_valid():
            return None
        draft = form.instance
        draft.pk = None  # its version will be the newest
        return self.previewed(draft, old)

    def previewed(self, draft: Any, standing: Any) -> Preview:
        return preview(draft, replaces=standing)

    def told_of(self, found: Preview) -> Iterable[Table]:
        """Return what moves, in tables."""
        moved = (
            ("Appear", found.appear, "Nothing appears."),
            ("Vanish", found.vanish, "Nothing vanishes."),
            ("Cost or are sold otherwise", found.repriced, "Nothing is sold otherwise."),
        )
        for title, each, empty in moved:
            yield Table(
                f"{title}: {each.count:,}",
                columns("Customer", "SKU", "Before", "After", numbers=("Before", "After")),
                list(_rows(each)),
                empty,
            )

    def _preview_page(self, request: HttpRequest, found: Preview) -> HttpResponse:
        page: Any = self
        sent = request.POST.copy()
        for name in (_ASKED, "csrfmiddlewaretoken"):
            sent.pop(name, None)
        context = {
            **page.admin_site.each_context(request),
            "title": "What it would change",
            "opts": page.opts,
            "found": found,
            "tables": list(self.told_of(found)),
            "sent": [(name, value) for name, values in sent.lists() for value in values],
        }
        return TemplateResponse(request, "portal/preview.html", context)


def _rows(moved: Moved) -> Iterable[Any]:
    for each in moved.examples:
        yield cells(each.customer, each.sku, *_told(each))


def _told(example: Example) -> tuple[str, str]:
    """Return the price before and after; where it stays, the order terms, which moved then."""
    before, after = _sale(example.before), _sale(example.after)
    if before and after and before["price"] == after["price"]:
        return _order(before), _order(after)
    return _price(before), _price(after)


def _sale(words: str) -> dict[str, Any]:
    sale: dict[str, Any] = orjson.loads(f"{{{words}}}")
    return sale


def _price(sale: dict[str, Any]) -> str:
    return price_in_words(sale) if sale else "hidden"


def _order(sale: dict[str, Any]) -> str:
    order = sale["order"]
    most = order["maximum_quantity"] or "any"
    return f"from {order['minimum_quantity']} by {order['step']} to {most}"


class CustomerTermsPages(Previewed, CustomerTermsAdmin):  # type: ignore[misc]
    """What a contract says: of its customer's whole view."""

    def previewed(self, draft: Any, standing: Any) -> Preview:  # noqa: ARG002 - what stands is read anew
        return preview_terms(draft)

    def told_of(self, found: Preview) -> Iterable[Table]:
        yield from super().told_of(found)
        yield _orders(found)


class OrderMinimumPages(Previewed, OrderMinimumAdmin):  # type: ignore[misc]
    """Rules of what an order comes to at least; they name no goods."""

    def previewed(self, draft: Any, standing: Any) -> Preview:
        return preview_minimum(draft, replaces=standing)

    def told_of(self, found: Preview) -> Iterable[Table]:
        yield _orders(found)


def _orders(found: Preview) -> Table:
    rows = [cells(each.customer, each.before, each.after) for each in found.orders.examples]
    title = f"Orders have to come to something else: {found.orders.count:,} customers"
    return Table(title, columns("Customer", "Before", "After"), rows, "For nobody.")


class VisibilityRulePages(Previewed, VisibilityRuleAdmin):  # type: ignore[misc]
    """Rules of who sees what."""


class PriceRulePages(Previewed, PriceRuleAdmin):  # type: ignore[misc]
    """Rules of who pays what."""


class OrderRulePages(Previewed, OrderRuleAdmin):  # type: ignore[misc]
    """Rules of who buys in which quantities."""
