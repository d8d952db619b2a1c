"""Staff pages of visibility templates."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from customers.models import VisibilityTemplate, VisibilityTemplateLine
from groundwork import audit


class _Lines(TabularInline):  # type: ignore[misc]
    model = VisibilityTemplateLine
    fields = ("effect", "source", "brand", "category")
    autocomplete_fields = ("source", "brand", "category")
    extra = 1

    def formfield_for_dbfield(self, *args: Any, **kwargs: Any) -> Any:
        """Name each field by itself: in a table none has a label."""
        field = super().formfield_for_dbfield(*args, **kwargs)
        if field is not None:
            inner = getattr(field.widget, "widget", field.widget)
            inner.attrs["aria-label"] = field.label
        return field


class VisibilityTemplateAdmin(ModelAdmin):  # type: ignore[misc]
    """What it says is copied when it is used: a change reaches nobody whom it was used for."""

    list_display = ("name", "says")
    search_fields = ("name",)
    ordering = ("name",)
    actions = None
    inlines: ClassVar[Any] = (_Lines,)
    empty_hint = "A template says what a new customer is let see. Add one, or let its tier say it."

    @admin.display(description="Lines")
    def says(self, template: VisibilityTemplate) -> str:
        return ", ".join(sorted(str(line) for line in template.lines.all()))

    def get_queryset(self, request: HttpRequest) -> Any:
        related = ("lines__source", "lines__brand", "lines__category")
        return super().get_queryset(request).prefetch_related(*related)

    def save_related(self, request: Any, form: Any, formsets: Any, change: Any) -> None:
        before = _said(form.instance) if change else None
        super().save_related(request, form, formsets, change)
        after = {"name": form.instance.name, "lines": _said(form.instance)}
        _note(request, "changed" if change else "added", form.instance, before, after)

    def delete_model(self, request: HttpRequest, obj: VisibilityTemplate) -> None:
        _note(request, "deleted", obj, _said(obj), None)
        super().delete_model(request, obj)


def _said(template: VisibilityTemplate) -> list[str]:
    """Return its lines as they stand in the database, whatever the page had read before."""
    lines = VisibilityTemplateLine.objects.filter(template=template)
    return sorted(str(line) for line in lines.select_related("source", "brand", "category"))


def _note(
    request: HttpRequest,
    what: str,
    template: VisibilityTemplate,
    before: list[str] | None,
    after: dict[str, Any] | None,
) -> None:
    audit.record(
        request.user.get_username(),
        action=f"visibilitytemplate.{what}",
        subject=template.name,
        before=None if before is None else {"lines": before},
        after=after,
    )
