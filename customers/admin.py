"""Staff lists of customers, their terms and what each may see."""

from django.contrib import admin

from customers.models import Customer, CustomerTerms, Tier, VisibilityRule
from groundwork.admin import ReadOnlyAdmin


@admin.register(Tier)
class TierAdmin(ReadOnlyAdmin):
    list_display = ("name", "slug")


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    list_display = ("name", "slug", "created_at")
    search_fields = ("name", "slug")


@admin.register(CustomerTerms)
class CustomerTermsAdmin(ReadOnlyAdmin):
    list_display = (
        "customer",
        "tier",
        "status",
        "contract_starts_at",
        "contract_ends_at",
        "currency",
        "unpriced",
        "from_revision",
        "until_revision",
    )
    list_filter = ("status", "tier")
    search_fields = ("customer__name",)


@admin.register(VisibilityRule)
class VisibilityRuleAdmin(ReadOnlyAdmin):
    list_display = (
        "effect",
        "customer",
        "tier",
        "subject_kind",
        "source",
        "brand",
        "category",
        "product",
        "variant",
        "starts_at",
        "ends_at",
        "from_revision",
        "until_revision",
    )
    list_filter = ("effect", "subject_kind", "tier")
    search_fields = ("customer__name",)
