"""Staff lists of the mirror; only its own writer changes it."""

from typing import Any, get_args

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from catalog_mirror.models import (
    BrakeRelease,
    Brand,
    Category,
    HeldChange,
    Product,
    QuarantinedRecord,
    Revision,
    Source,
    StockLevel,
    Variant,
)
from catalog_mirror.records import StockStatus
from groundwork.admin import ReadOnlyAdmin, among


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin):
    list_display = ("name", "slug", "currency", "prices_include_tax", "time_zone", "rank")
    search_fields = ("name", "slug")


@admin.register(Brand)
class BrandAdmin(ReadOnlyAdmin):
    list_display = ("name", "slug", "source")
    list_filter = ("source",)
    search_fields = ("name", "slug")


@admin.register(Category)
class CategoryAdmin(ReadOnlyAdmin):
    list_display = ("name", "slug", "parent", "source")
    list_filter = ("source",)
    search_fields = ("name", "slug")


@admin.register(Product)
class ProductAdmin(ReadOnlyAdmin):
    list_display = ("code", "name", "source")
    list_filter = ("source",)
    search_fields = ("code", "name")


@admin.register(Variant)
class VariantAdmin(ReadOnlyAdmin):
    list_display = (
        "sku",
        "product",
        "source",
        "brand",
        "is_published",
        "list_price",
        "sale_price",
        "currency",
        "stock_on_hand",
        "stock_status",
        "touched_revision",
    )
    list_filter = ("source", "is_published", ("stock_status", among(*get_args(StockStatus))))
    search_fields = ("sku", "product__name")

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 - as Django calls it
        queryset: QuerySet[Any],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        """Find a SKU that is given whole, or else each word in a SKU or a product's name.

        A join before would take three times as long.
        """
        whole = queryset.filter(sku=search_term.strip())
        if search_term and whole.exists():
            return whole, False
        for word in search_term.split():
            called = Product.objects.filter(name__icontains=word).values("pk")
            queryset = queryset.filter(Q(sku__icontains=word) | Q(product__in=called))
        return queryset, False


@admin.register(StockLevel)
class StockLevelAdmin(ReadOnlyAdmin):
    list_display = ("variant", "location", "on_hand", "reserved", "incoming")
    search_fields = ("=variant__sku",)


@admin.register(QuarantinedRecord)
class QuarantinedRecordAdmin(ReadOnlyAdmin):
    list_display = (
        "sku",
        "external_id",
        "source",
        "reason",
        "detail",
        "first_seen_at",
        "last_seen_at",
    )
    list_filter = ("source", "reason")
    search_fields = ("sku", "=external_id")


@admin.register(HeldChange)
class HeldChangeAdmin(ReadOnlyAdmin):
    list_display = (
        "sku",
        "external_id",
        "source",
        "change",
        "read_from",
        "first_held_at",
        "last_held_at",
    )
    list_filter = ("source", "change")
    search_fields = ("sku", "=external_id")


@admin.register(BrakeRelease)
class BrakeReleaseAdmin(ReadOnlyAdmin):
    list_display = ("source", "variants", "actor", "released_at", "expires_at")
    list_filter = ("source",)


@admin.register(Revision)
class RevisionAdmin(ReadOnlyAdmin):
    list_display = ("number", "recorded_at", "origin", "touches_rules", "correlation_id")
    search_fields = ("=correlation_id",)
    ordering = ("-number",)
