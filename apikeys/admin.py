"""Staff lists of keys and of every request."""

from django.contrib import admin

from apikeys.models import ApiKey, RefusedStrangers, RequestLog
from groundwork.admin import ReadOnlyAdmin


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "customer", "label", "created_at", "expires_at", "revoked_at")
    search_fields = ("=public_id", "customer__name", "label")
    exclude = ("secret_sha256",)


@admin.register(RequestLog)
class RequestLogAdmin(ReadOnlyAdmin):
    list_display = (
        "at",
        "key_public_id",
        "method",
        "route",
        "status",
        "milliseconds",
        "bytes_sent",
        "address",
        "correlation_id",
    )
    search_fields = ("=key_public_id", "=correlation_id")
    list_display_links = None  # a row says all there is


@admin.register(RefusedStrangers)
class RefusedStrangersAdmin(ReadOnlyAdmin):
    list_display = ("address", "hour", "refusals")
