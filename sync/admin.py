"""Staff lists of the connections, their sweeps and what these corrected, and of what shops told.

Nothing is edited: the brake may be released, events may be replayed and discarded.
"""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from catalog_mirror.brake import NothingToRelease
from groundwork import audit
from groundwork.admin import ReadOnlyAdmin
from sync import events, tasks
from sync.events import Which
from sync.models import Connection, DriftCorrection, InboundEvent, Poll, RefusedDelivery, SweepRun
from sync.releasing import release_brake

_LONGEST = 20_000  # characters of a body that are shown


@admin.register(InboundEvent)
class InboundEventAdmin(ReadOnlyAdmin):
    list_display = (
        "received_at",
        "source",
        "topic",
        "status",
        "attempts",
        "next_attempt_at",
        "error",
        "correlation_id",
    )
    list_filter = ("status", "source", "topic")
    search_fields = ("=correlation_id", "=merged_into", "=delivery_id")
    exclude = ("body",)
    readonly_fields = ("body_as_text",)
    actions = ("replay", "discard")

    @admin.display(description="Body")
    def body_as_text(self, event: InboundEvent) -> str:
        return bytes(event.body)[:_LONGEST].decode(errors="replace")

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("sync.replay_inboundevent")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave the bodies where they are until one is looked at."""
        rows: QuerySet[Any] = super().get_queryset(request).defer("body")
        return rows

    @admin.action(description="Replay: follow again what they tell", permissions=["replay"])
    def replay(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        source_ids: list[int] = []
        for status in (InboundEvent.Status.DEAD, InboundEvent.Status.DONE):
            source_ids += events.replay(_which(chosen, status))
        _record(request, "replay_events", chosen, count=len(source_ids))
        for source_id in set(source_ids):
            tasks.wake(source_id)
        messages.success(request, f"{len(source_ids)} events are followed again.")

    @admin.action(description="Discard: take dead ones for settled", permissions=["replay"])
    def discard(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        count = len(events.discard(_which(chosen, InboundEvent.Status.DEAD)))
        _record(request, "discard_events", chosen, count=count)
        messages.success(request, f"{count} dead events were discarded.")


def _which(chosen: QuerySet[Any], status: str) -> Which:
    return Which(status=status, ids=tuple(chosen.values_list("pk", flat=True)))


def _record(request: HttpRequest, action: str, chosen: QuerySet[Any], *, count: int) -> None:
    ids = sorted(chosen.values_list("pk", flat=True))
    audit.record(
        request.user.get_username(),
        action=action,
        subject="inbound events",
        after={"ids": ids, "count": count},
    )


@admin.register(RefusedDelivery)
class RefusedDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("hour", "source", "reason", "count")
    list_filter = ("reason", "source")


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


@admin.register(Poll)
class PollAdmin(ReadOnlyAdmin):
    list_display = ("source", "what", "every", "due_at", "position")
    list_filter = ("what", "source")


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
