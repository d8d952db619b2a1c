"""Staff lists of price rules."""

from django.contrib import admin

from groundwork.admin import ReadOnlyAdmin
from pricing.models import PriceRule


@admin.register(PriceRule)
class PriceRuleAdmin(ReadOnlyAdmin):
    list_display = (
        "kind",
        "percent",
        "amount",
        "currency",
        "customer",
        "tier",
        "subject_kind",
        "source",
        "brand",
        "category",
        "product",
        "variant",
        "priority",
        "starts_at",
        "ends_at",
        "from_revision",
        "until_revision",
    )
    list_filter = ("kind", "subject_kind", "tier")
    search_fields = ("customer__name", "name")
