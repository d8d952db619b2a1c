"""The rows of a staff list, written here: the theme makes all headers anew for each and cells by template.

The marks are the theme's own, so that its looks, its script and its keyboard work as elsewhere.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import label_for_field, quote
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.exceptions import FieldDoesNotExist
from django.db.models import BooleanField, DateField, Field, ForeignKey, Model, TimeField
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import iri_to_uri
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.admin import checkbox
from unfold.templatetags.unfold_list import (
    CHECKBOX_CLASSES,
    LINK_CLASSES,
    ROW_CLASSES,
    result_headers,
)
from unfold.utils import display_for_field, display_for_value
from unfold.widgets import UnfoldBooleanWidget

from portal.escaping import escaped

_CHECKBOX, _VALUE = "action_checkbox", "value-of-a-row"
_UNBROKEN = (DateField, TimeField, ForeignKey)
_ROW = (
    '<tbody class="block relative lg:table-row-group {}" x-data="{{rowOpen: false}}"><tr class="data-row '
    "block border border-base-200 mb-3 relative rounded-default lg:table-row lg:border-none lg:mb-0 "
    'lg:rounded-none dark:border-base-800">'
)
_ROWS = (_ROW.format(""), _ROW.format("bg-base-50 dark:bg-white/[.02]"))
_HEADING = (
    '<th class="align-middle font-semibold py-2 text-left text-font-important-light '
    'dark:text-font-important-dark whitespace-nowrap {} {}" scope="col"><div class="flex items-center">'
    '<div class="text">{}</div></div></th>'
)
_LINKED = " ".join(LINK_CLASSES)
_NARROW, _WIDE = "lg:px-3 lg:w-10", "hidden px-3 lg:table-cell"
_ALL = (
    '<label class="flex flex-row items-center gap-2">{}'
    '<span class="block font-normal lg:hidden">Select all rows</span></label>'
)

Header = dict[str, Any]
_Writer = Callable[[Any], Any]


@dataclass(frozen=True)
class _Column:
    """What stands before and after the text of a cell in every row, and what writes the text of one."""

    begins: str
    write: _Writer
    ends: str
    is_link: bool = False


def headers_of(listed: ChangeList) -> list[Header]:
    """Return what stands over the columns: the theme's, where the list is sorted by one of them.

    The theme works out three addresses for each, and asks a template for the box.
    """
    if listed.get_ordering_field_columns():
        return list(result_headers(listed))
    return [_header(listed, place, name) for place, name in enumerate(listed.list_display)]


def _header(listed: ChangeList, place: int, name: Any) -> Header:
    if name == _CHECKBOX:
        return {"text": _toggle(), "class_attrib": "action-checkbox-column", "sortable": False}
    text, asked = label_for_field(
        name, listed.model, model_admin=listed.model_admin, return_attr=True
    )
    is_sortable = asked is None or bool(getattr(asked, "admin_order_field", None))
    if not is_sortable or name not in (listed.sortable_by or (name,)):
        return {"text": text, "class_attrib": f"column-{_spelled(name, place)}", "sortable": False}
    return {
        "text": text,
        "class_attrib": f"sortable column-{_spelled(name, place)}",
        "sortable": True,
        "url_primary": listed.get_query_string({ORDER_VAR: str(place)}),
    }


@cache
def _toggle() -> SafeString:
    """Return the theme's box that chooses all rows."""
    label = {"aria-label": "Select all objects on this page for an action"}
    box = UnfoldBooleanWidget({"id": "action-toggle", "class": "action-toggle", **label})
    rendered: SafeString = box.render("action-toggle", value=False)
    return rendered


def head_of(listed: ChangeList, headers: Sequence[Header]) -> SafeString:
    """Return the headers; a list that was sorted by somebody has the theme's, with all ways to sort it."""
    if any(each.get("sorted") for each in headers):
        said = {"cl": listed, "result_headers": headers, "num_sorted_fields": _sorted_by(headers)}
        return render_to_string("unfold/helpers/change_list_headers.html", said)
    cells = "".join(_heading(each) for each in headers)
    return format_html("<thead><tr>{}</tr></thead>", SafeString(cells))


def _sorted_by(headers: Sequence[Header]) -> int:
    return sum(bool(each.get("sorted")) for each in headers)


def _heading(header: Header) -> str:
    """Return what stands over a column: the box that chooses all, a way to sort, or its name alone."""
    text = header["text"]
    if "action-toggle" in text:
        return format_html(_HEADING, header["class_attrib"], _NARROW, format_html(_ALL, text))
    if header["sortable"]:
        said = format_html('<a href="{}">{}</a>', header["url_primary"], capfirst(text))
    else:
        said = format_html("<span>{}</span>", capfirst(text))
    return format_html(_HEADING, header["class_attrib"], _WIDE, said)


def rows_of(listed: ChangeList, headers: Sequence[Header]) -> SafeString:
    """Return the rows, each in a body of its own; `headers` are those of the list, in its order."""
    columns, link = list(_columns(listed, headers)), _link_of(listed)
    return SafeString(
        "".join(
            f"{_ROWS[number % 2]}{_cells(row, columns, link)}</tr></tbody>"
            for number, row in enumerate(listed.result_list)
        )
    )


def _cells(row: Model, columns: Sequence[_Column], link: Callable[[Model], str]) -> str:
    return "".join(
        f"{each.begins}{link(row) if each.is_link else ''}{escaped(each.write(row))}{each.ends}"
        for each in columns
    )


def _columns(listed: ChangeList, headers: Sequence[Header]) -> Iterator[_Column]:
    leads = True
    for place, (name, header) in enumerate(zip(listed.list_display, headers, strict=True)):
        if name == _CHECKBOX:
            yield _Column(_opening("td", CHECKBOX_CLASSES, "Select record"), _box, "</td>")
            continue
        is_link = _is_link(listed, name, is_first=leads)
        tag = "th" if is_link and leads else "td"
        leads = leads and not is_link
        writer, more = _writer(listed, name)
        classes = [f"field-{_spelled(name, place)}", *ROW_CLASSES, *more]
        ends = f"{'</a>' if is_link else ''}</{tag}>"
        yield _Column(_opening(tag, classes, header["text"]), writer, ends, is_link)


def _opening(tag: str, classes: Sequence[str], label: object) -> str:
    return format_html('<{} class="{}" data-label="{}">', SafeString(tag), " ".join(classes), label)


def _spelled(name: Any, place: int) -> str:
    if not callable(name):
        return str(name)
    return f"lambda{place}" if name.__name__ == "<lambda>" else str(name.__name__)


def _is_link(listed: ChangeList, name: Any, *, is_first: bool) -> bool:
    """Tell whether a column leads to the page of its row: those that are named, or else the first."""
    named = listed.list_display_links
    if named is None:
        return False
    return is_first if not named else name in named


def _link_of(listed: ChangeList) -> Callable[[Model], str]:
    """Return what opens a link to the page of a row, with the filters to come back to."""
    kept: Any = {"preserved_filters": listed.preserved_filters, "opts": listed.opts}
    told = str(listed.to_field or listed.lookup_opts.pk.attname)
    # All addresses differ by the key of their row alone; to make each anew takes a third of a list's time.
    page = f"admin:{listed.opts.app_label}_{listed.opts.model_name}_change"
    before, _, after = add_preserved_filters(kept, reverse(page, args=[_VALUE])).partition(_VALUE)
    begins, ends = escaped(before), escaped(after)

    def link(row: Model) -> str:
        pk = escaped(iri_to_uri(quote(str(row.serializable_value(listed.pk_attname)))))
        value = escaped(row.serializable_value(told))
        opener = f' data-popup-opener="{value}"' if listed.is_popup else ""
        return f'<a href="{begins}{pk}{ends}" class="{_LINKED}"{opener}>'

    return link


@cache
def _checkbox() -> tuple[str, str]:
    """Return what stands before and after the value of the box by which a row is chosen."""
    before, _, after = checkbox.render(ACTION_CHECKBOX_NAME, _VALUE).partition(_VALUE)
    return before, after


def _box(row: Model) -> SafeString:
    before, after = _checkbox()
    return SafeString(f"{before}{escaped(row.pk)}{after}")


def _writer(listed: ChangeList, name: Any) -> tuple[_Writer, Sequence[str]]:
    """Return what writes the cells of a column, and the classes that they have beside those of all."""
    empty = listed.model_admin.get_empty_value_display()
    try:
        field = listed.lookup_opts.get_field(name) if isinstance(name, str) else None
    except FieldDoesNotExist:
        field = None
    if not isinstance(field, Field):
        return _of_method(listed, name, empty), ()
    classes = ("nowrap",) if isinstance(field, _UNBROKEN) else ()
    return _of_field(field, empty), classes


def _of_field(field: Any, empty: str) -> _Writer:
    if isinstance(field, ForeignKey):
        return lambda row: empty if (value := getattr(row, field.name)) is None else value
    if isinstance(field, BooleanField):
        return lambda row: _icon(getattr(row, field.attname))
    return lambda row: display_for_field(getattr(row, field.attname), field, empty)


def _of_method(listed: ChangeList, name: Any, empty: str) -> _Writer:
    """Write what the page or the row answers to a name, as the theme would."""
    asked = name if callable(name) else getattr(listed.model_admin, name, None)
    empty = getattr(asked, "empty_value_display", empty)
    write = _icon if getattr(asked, "boolean", False) else partial(_said, empty=empty)
    if name == "__str__" or asked is None:
        return lambda row: write(_asked_of(row, name))
    return lambda row: write(asked(row))


def _asked_of(row: Model, name: str) -> object:
    answer = getattr(row, name)
    return answer() if callable(answer) else answer


def _said(value: object, *, empty: str) -> str:
    return value if isinstance(value, SafeString) else str(display_for_value(value, empty))


@cache
def _icon(value: bool | None) -> SafeString:  # noqa: FBT001 - the value of a cell
    """Return the theme's mark of yes, no and unknown."""
    return render_to_string("unfold/helpers/boolean.html", {"value": value})
