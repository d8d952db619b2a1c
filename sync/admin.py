"""Staff lists of what shops told; the events may be replayed and discarded, nothing is edited."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from groundwork import audit
from groundwork.admin import ReadOnlyAdmin
from sync import events, tasks
from sync.events import Which
from sync.models import InboundEvent, RefusedDelivery

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
