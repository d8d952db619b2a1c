"""How pages show times and numbers."""

from django import template

from groundwork.instants import shown

register = template.Library()
register.filter("when", shown)


@register.filter
def thousands(number: int) -> str:
    return f"{number:,}"
