"""Staff pages of endpoints, of what was sent to them, and of every attempt."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from contract.snapshots import ContractInactive
from groundwork.admin import ReadOnlyAdmin
from outbound_hooks import endpoints
from outbound_hooks.addresses import AddressRefused
from outbound_hooks.models import Attempt, Delivery, Endpoint
from outbound_hooks.pings import pinged
from outbound_hooks.replays import chosen, replay


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin):
    list_display = (
        "public_id",
        "customer",
        "url",
        "facets",
        "is_enabled",
        "failures",
        "failing_since",
        "disabled_reason",
    )
    list_filter = ("is_enabled", ("failing_since", admin.EmptyFieldListFilter))
    search_fields = ("=public_id", "customer__name", "customer__slug", "url")
    exclude = ("secret", "previous_secret", "cursor")
    actions = ("ping", "enable", "disable", "replay_dead")

    @admin.action(description="Ping: send a test message", permissions=["operate"])
    def ping(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        for endpoint in queryset:
            _, answer = pinged(endpoint)
            said = f"{answer.error or answer.status} {answer.text[:100]}".strip()
            level = messages.SUCCESS if answer.is_success else messages.ERROR
            self.message_user(request, f"{endpoint}: {said}", level)

    @admin.action(description="Enable: send again from where it stood", permissions=["operate"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        for endpoint in queryset:
            try:
                endpoints.enable(endpoint, actor=request.user.get_username())
                self.message_user(request, f"{endpoint} is enabled.", messages.SUCCESS)
            except AddressRefused as refused:
                self.message_user(request, f"{endpoint}: {refused}", messages.ERROR)

    @admin.action(description="Disable: send nothing more", permissions=["operate"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        actor = request.user.get_username()
        for endpoint in queryset:
            endpoints.disable(
                endpoint, actor=actor, reason="Your supplier disabled it.", is_barred=True
            )
            self.message_user(request, f"{endpoint} is disabled.", messages.SUCCESS)

    @admin.action(
        description="Replay dead letters: tell them as they are now", permissions=["operate"]
    )
    def replay_dead(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        for endpoint in queryset:
            _replayed(self, request, endpoint, chosen(endpoint))

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("outbound_hooks.change_endpoint"))


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = (
        "message_id",
        "endpoint",
        "kind",
        "status",
        "attempts",
        "created_at",
        "ended_at",
        "next_attempt_at",
        "reason",
    )
    list_select_related = ("endpoint",)
    list_filter = ("status", "kind")
    search_fields = ("=message_id", "=endpoint__public_id", "=correlation_id")
    actions = ("replay",)

    @admin.action(description="Replay: tell it as it is now", permissions=["operate"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        ended = queryset.exclude(status="pending").exclude(kind="ping")
        for endpoint in Endpoint.objects.filter(delivery__in=ended).distinct():
            _replayed(self, request, endpoint, ended.filter(endpoint=endpoint).order_by("pk"))

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("outbound_hooks.change_delivery"))


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = (
        "delivery",
        "number",
        "started_at",
        "status",
        "error",
        "milliseconds",
        "address",
    )
    list_select_related = ("delivery",)
    search_fields = ("=delivery__message_id",)


def _replayed(page: Any, request: HttpRequest, of: Endpoint, told: QuerySet[Delivery]) -> None:
    actor = request.user.get_username()
    try:
        count = told.count()
        put = replay(of, told, actor=actor) if count else 0
    except ContractInactive:
        page.message_user(request, f"{of}: its customer has no contract now.", messages.ERROR)
        return
    page.message_user(request, f"{of}: {count} told once more, in {put} messages.")
