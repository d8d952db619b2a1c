"""The choices beside a staff list, written here: the theme asks a template for each filter."""

from typing import Any

from django.contrib.admin import BooleanFieldListFilter
from django.contrib.admin.views.main import ChangeList
from django.utils.safestring import SafeString

from portal.escaping import escaped

_HERE = ' aria-current="true"'
_CHOSEN = "font-semibold text-primary-600 dark:text-primary-500"
_OTHER = "hover:text-base-700 dark:hover:text-base-200"
_LINK = "hover:text-primary-600 dark:hover:text-primary-500"
# Yes, no and all stand side by side; what may be many stands in a column.
_WIDE = (
    "border border-base-200 flex min-w-20 rounded-default shadow-xs w-full dark:border-base-700",
    "basis-1/3 border-r border-base-200 grow truncate last:border-r-0 dark:border-base-700",
    f"block py-2 text-center {_LINK}",
)
_LONG = (
    "border border-base-200 flex flex-col rounded-default shadow-xs dark:border-base-700",
    "border-b border-base-200 last:border-b-0 dark:border-base-700",
    f"block px-3 py-2 {_LINK}",
)


def filter_of(listed: ChangeList, spec: Any) -> SafeString:
    """Return a filter's title and its choices, each a link to the list that it leaves."""
    whole, each, link = _WIDE if isinstance(spec, BooleanFieldListFilter) else _LONG
    choices = "".join(_choice(choice, each, link) for choice in spec.choices(listed))
    return SafeString(
        '<div><h3 class="font-semibold mb-2 text-font-important-light dark:text-font-important-dark">'
        f'By {escaped(spec.title)}</h3><ul class="{whole}">{choices}</ul></div>'
    )


def _choice(choice: dict[str, Any], each: str, link: str) -> str:
    is_here, text = choice["selected"], escaped(choice["display"])
    return (
        f'<li class="{each} {_CHOSEN if is_here else _OTHER}"><a href="{escaped(choice["query_string"])}"'
        f'{_HERE if is_here else ""} title="{text}" class="{link}">{text}</a></li>'
    )
