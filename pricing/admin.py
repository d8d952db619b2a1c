"""Staff pages of the rules of buying: prices, exemptions, quantities and order minimums."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from customers.file_pages import FilesAdmin
from customers.models import Version
from customers.version_pages import (
    BY_SUBJECT,
    WHO_AND_WHAT,
    WHO_WHAT_WHEN,
    WHOSE,
    WINDOW,
    VersionAdmin,
    VersionForm,
)
from pricing.entry import add_price_rule, change_price_rule, checked
from pricing.ladders import LadderRefused, breaks_of_text, text_of_breaks
from pricing.models import OrderMinimum, OrderRule, PriceRule
from pricing.sheets import PRICES, price_cells

_STANDS = ("until_revision", admin.EmptyFieldListFilter)


class LinesField(forms.CharField):
    """Quantity breaks as people write them: a line each, `quantity: value name`."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        return text_of_breaks(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[dict[str, Any]]:  # type: ignore[override]
        try:
            return breaks_of_text((value or "").replace("\r", ""))
        except LadderRefused as refused:
            raise ValidationError(str(refused)) from refused


class PriceRuleForm(VersionForm):
    breaks = LinesField(
        required=False,
        help_text="A line each above the first quantity: `50: 7.90 Pallet`, or with its end, "
        "`50-99: 7.90`. The name is free. Without a first price, the first line is it.",
    )

    def checked(self, says: dict[str, Any]) -> dict[str, Any]:
        return checked(says)


@admin.register(PriceRule)
class PriceRuleAdmin(FilesAdmin):
    sheet, cells = PRICES, price_cells
    form = PriceRuleForm
    says = (
        "kind",
        *WHO_AND_WHAT,
        "percent",
        "amount",
        "currency",
        "minimum_quantity",
        "breaks",
        "counted_per",
        "exempt_from",
        "priority",
        "name",
        *WINDOW,
    )
    list_display = ("gives", "name", "priority", *WHO_WHAT_WHEN)
    list_filter = ("kind", BY_SUBJECT, _STANDS)
    search_fields = (*WHOSE, "=variant__sku", "name")
    autocomplete_fields = WHO_AND_WHAT

    @admin.display(description="Price", ordering="kind")
    def gives(self, rule: PriceRule) -> str:
        return rule.in_words

    def added(self, *, actor: str, **says: Any) -> Version:
        return add_price_rule(actor=actor, **says)

    def changed(self, rule_uid: Any, *, actor: str, **says: Any) -> Version:
        return change_price_rule(rule_uid, actor=actor, **says)


@admin.register(OrderRule)
class OrderRuleAdmin(VersionAdmin):
    says = (
        "minimum_quantity",
        "step",
        "maximum_quantity",
        *WHO_AND_WHAT,
        "priority",
        *WINDOW,
    )
    list_display = ("minimum_quantity", "step", "maximum_quantity", "priority", *WHO_WHAT_WHEN)
    list_filter = (BY_SUBJECT, _STANDS)
    search_fields = (*WHOSE, "=variant__sku")
    autocomplete_fields = WHO_AND_WHAT


@admin.register(OrderMinimum)
class OrderMinimumAdmin(VersionAdmin):
    says = (
        "minimum_value",
        "currency",
        "minimum_quantity",
        "needs",
        "customer",
        "tier",
        "priority",
        *WINDOW,
    )
    list_display = (
        "minimum_value",
        "currency",
        "minimum_quantity",
        "needs",
        "priority",
        *(name for name in WHO_WHAT_WHEN if name != "what"),
    )
    list_filter = (_STANDS,)
    search_fields = WHOSE
    autocomplete_fields = ("customer", "tier")
