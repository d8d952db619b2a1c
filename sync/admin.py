"""Staff lists of the connections, their sweeps and what these corrected; and the brake's release."""

from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from catalog_mirror.brake import NothingToRelease
from groundwork.admin import ReadOnlyAdmin
from sync.models import Connection, DriftCorrection, SweepRun
from sync.releasing import release_brake


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    list_display = (
        "source",
        "kind",
        "base_url",
        "stale_since",
        "last_complete_sweep_at",
        "sweep_at",
        "webhooks_problem",
    )
    exclude = ("credentials",)
    actions: ClassVar[list[str]] = ["let_held_changes_pass"]

    @admin.action(description="Let pass what the brake holds back", permissions=["release"])
    def let_held_changes_pass(self, request: HttpRequest, chosen: QuerySet[Connection]) -> None:
        for row in chosen.select_related("source").order_by("pk"):
            try:
                count = release_brake(row.source, actor=request.user.get_username())
            except NothingToRelease as error:
                self.message_user(request, str(error), messages.WARNING)
            else:
                told = f"{count:,} more may leave {row.source.slug} within 24 hours."
                self.message_user(request, told, messages.SUCCESS)

    def has_release_permission(self, request: HttpRequest) -> bool:
        """Ask for the right to make releases, though this list itself is read-only."""
        return bool(request.user.has_perm("catalog_mirror.add_brakerelease"))


@admin.register(SweepRun)
class SweepRunAdmin(ReadOnlyAdmin):
    list_display = (
        "source",
        "status",
        "slot",
        "due_at",
        "started_at",
        "finished_at",
        "seen",
        "created",
        "changed",
        "retired",
        "quarantined",
        "held",
        "error",
    )
    list_filter = ("source", "status")
    search_fields = ("=correlation_id",)


@admin.register(DriftCorrection)
class DriftCorrectionAdmin(ReadOnlyAdmin):
    list_display = (
        "sku",
        "source",
        "facet",
        "field",
        "mirror_value",
        "source_value",
        "cause",
        "corrected_at",
        "run",
    )
    list_filter = ("source", "cause", "facet")
    search_fields = ("=sku", "=external_id", "=run__correlation_id")
