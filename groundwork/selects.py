"""Choices of staff forms, written here: the theme asks a template, and one more, for each of them."""

from typing import Any

from django.forms.utils import flatatt
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminSelectWidget

_CHOSEN = " selected"
# As the theme shows that a field may be opened.
_FRAMED = (
    '<div class="grow relative max-w-2xl">{}<span aria-hidden="true" class="material-symbols-outlined '
    "absolute group-[.primary]:text-white pointer-events-none mr-[12px] right-0 text-base-400 top-1/2 "
    'dark:text-base-500 -translate-y-1/2">expand_more</span></div>'
)


class _Written:
    """A choice among flat options; an empty value is the one that says to choose."""

    attrs: dict[str, Any]
    choices: Any

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:  # noqa: ARG002 - as Django calls it
        widget: Any = self
        told = widget.build_attrs(self.attrs, {**(attrs or {}), "name": name})
        chosen = "" if value is None else str(value)
        options = "".join(
            f'<option value="{escape(key)}"{_CHOSEN if str(key) == chosen else ""}>{escape(words)}</option>'
            for key, words in self.choices
        )
        return format_html("<select{}>{}</select>", flatatt(told), SafeString(options))


class LongSelect(_Written, UnfoldAdminSelect2Widget):  # type: ignore[misc]
    """A choice among many, in which one may search."""


class PlainSelect(_Written, UnfoldAdminSelectWidget):  # type: ignore[misc]
    """A choice among few."""

    def render(self, *args: Any, **kwargs: Any) -> SafeString:
        return format_html(_FRAMED, super().render(*args, **kwargs))


class StaffActionForm(ActionForm):  # type: ignore[misc]
    """What is to be done with the rows that were chosen."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["action"]
        written = PlainSelect()
        written.attrs, written.choices = field.widget.attrs, field.choices
        field.widget = written
