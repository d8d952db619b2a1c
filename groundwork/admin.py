"""Staff lists: what exists, to be looked at."""

from copy import copy
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR
from django.core.paginator import Page, Paginator
from django.db.models import DateTimeField, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from groundwork.instants import shown
from groundwork.models import Alarm, AuditEntry
from groundwork.selects import StaffActionForm

# Beyond it a list says "many": counting a large table costs more than looking at its first page.
_MOST_COUNTED = 2_500


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages of a list that may be long; counts no further than staff would turn.

    Who asks for the first page has it read before anything is counted: where it is all, it is the count.
    """

    begins_here = False

    @cached_property
    def _first(self) -> list[Any]:
        return list(self.object_list[: self.per_page + 1])

    @cached_property
    def count(self) -> int:
        if self.begins_here and len(self._first) <= self.per_page:
            return len(self._first)
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by().values("pk")[:_MOST_COUNTED].count()

    @property
    def is_cut(self) -> bool:
        """Whether there may be more than were counted."""
        return self.count >= _MOST_COUNTED

    def page(self, number: Any) -> Any:
        if not self.begins_here or self.validate_number(number) > 1:
            return super().page(number)
        return Page(self._first[: self.per_page], 1, self)


class StaffChangeList(ChangeList):  # type: ignore[misc]
    """A list whose only page is not read again once it was counted."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.multi_page:
            self.result_list = self.paginator.page(1).object_list


def among(*values: str) -> type[admin.FieldListFilter]:
    """Return a filter by values that are known: to look them up, Django reads the whole table."""

    class Among(admin.ChoicesFieldListFilter):
        def __init__(self, field: Any, *args: Any, **kwargs: Any) -> None:
            known = copy(field)
            known.choices = [(value, value.replace("_", " ")) for value in values]
            super().__init__(known, *args, **kwargs)

    return Among


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]
    """A list and its pages, without a way to change anything."""

    list_select_related: ClassVar[bool | tuple[str, ...]] = True
    action_form = StaffActionForm
    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 20  # as many as a screen of 768 lines has room for
    # Nothing is edited here, so no widget may load a table of choices.
    ordering: ClassVar[tuple[str, ...]] = ("-pk",)
    # What a list says that has nothing in it; without one it is Django's sentence.
    empty_hint = "There is nothing here. What comes up is listed by itself."

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[ChangeList]:  # noqa: ARG002
        return StaffChangeList

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        paginator = super().get_paginator(request, *args, **kwargs)
        paginator.begins_here = PAGE_VAR not in request.GET
        return paginator

    def get_list_select_related(self, request: HttpRequest) -> Any:
        """Follow what the list shows: Django's own `True` leaves out relations that may be empty."""
        named = super().get_list_select_related(request)
        if named is not True:
            return named
        shown_of = set(self.list_display)
        return [f.name for f in self.opts.concrete_fields if f.is_relation and f.name in shown_of]

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """Show instants in the viewer's zone, with UTC for who points at one."""
        return tuple(map(self._column, super().get_list_display(request)))

    def _column(self, name: Any) -> Any:
        fields = {field.name: field for field in self.opts.concrete_fields}
        field = fields.get(name) if isinstance(name, str) else None
        if not isinstance(field, DateTimeField) or hasattr(self, field.name):
            return name
        label = field.verbose_name.capitalize()
        return admin.display(description=label, ordering=field.name)(
            lambda row, at=field.attname: shown(getattr(row, at))
        )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


def confirmation(
    page: ModelAdmin, request: HttpRequest, chosen: list[tuple[int, str]], **said: str
) -> HttpResponse:
    """Return the page that asks before it is done: `chosen` in words by key, `title`, `action`, `verb`.

    Whoever agrees posts the action again, with `apply`.
    """
    context = {**page.admin_site.each_context(request), "opts": page.opts, "chosen": chosen, **said}
    return TemplateResponse(request, "confirm.html", context)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "action", "subject", "correlation_id")
    search_fields = ("=subject", "=actor", "=correlation_id")


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    list_display = ("code", "subject", "message", "opened_at", "closed_at")
    list_filter = ("code", ("closed_at", admin.EmptyFieldListFilter))
    search_fields = ("=subject", "=correlation_id")
