"""How pages show times, numbers, and the lists of every room."""

from typing import Any

from django import template
from django.contrib.admin.views.main import ChangeList
from django.db.models import DateTimeField

from groundwork.instants import shown
from portal.filters import filter_of
from portal.lists import head_of, headers_of, rows_of

register = template.Library()
register.filter("when", shown)
register.simple_tag(filter_of, name="staff_filter")


@register.filter
def instant(field: Any) -> str:
    """Return the instant of a field that is only looked at, with UTC for who points at it; else nothing."""
    found = getattr(field, "resolved_field", None)
    if not found or not isinstance(found[0], DateTimeField):
        return ""
    return shown(found[2])


@register.filter
def thousands(number: int) -> str:
    return f"{number:,}"


@register.inclusion_tag("portal/list.html")
def staff_list(listed: ChangeList, may_add: bool) -> dict[str, Any]:  # noqa: FBT001 - as templates call it
    """Show a page of a list: its headers once, a row for each result, or what to do where there is none."""
    headers = headers_of(listed)
    return {
        "cl": listed,
        "head": head_of(listed, headers),
        "rows": rows_of(listed, headers) if listed.result_list else "",
        "has_add_permission": may_add,
    }
