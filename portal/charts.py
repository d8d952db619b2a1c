"""Bars of requests over time as SVG: drawn here, so that a page needs no script to show them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_WIDTH, _HEIGHT, _GAP = 720, 120, 2


@dataclass(frozen=True)
class Bar:
    """What came in a span of time, and how much of it was refused or failed."""

    label: str
    requests: int
    errors: int


def bars(drawn: Sequence[Bar], *, title: str) -> SafeString:
    """Return a picture whose tallest bar is the busiest span; the text tells the sums."""
    most = max((bar.requests for bar in drawn), default=0) or 1
    step = _WIDTH / max(len(drawn), 1)
    shapes = format_html_join(
        "",
        '<g><title>{}: {} requests, {} errors</title><rect class="tc-bar" x="{}" y="{}" width="{}" '
        'height="{}"/><rect class="tc-bar-bad" x="{}" y="{}" width="{}" height="{}"/></g>',
        [_shape(bar, number * step, step - _GAP, most) for number, bar in enumerate(drawn)],
    )
    total = sum(bar.requests for bar in drawn)
    wrong = sum(bar.errors for bar in drawn)
    return format_html(
        '<svg class="tc-chart" viewBox="0 0 {} {}" role="img" aria-label="{}: {} requests, {} errors" '
        'preserveAspectRatio="none">{}</svg>',
        _WIDTH,
        _HEIGHT,
        title,
        f"{total:,}",
        f"{wrong:,}",
        shapes,
    )


def _shape(bar: Bar, left: float, width: float, most: int) -> tuple[object, ...]:
    tall, bad = (round(count / most * _HEIGHT, 1) for count in (bar.requests, bar.errors))
    x, wide = round(left, 1), round(width, 1)
    counts = (f"{bar.requests:,}", f"{bar.errors:,}")
    top, floor = round(_HEIGHT - tall, 1), round(_HEIGHT - bad, 1)
    return (bar.label, *counts, x, top, wide, tall, x, floor, wide, bad)


def chart(drawn: Sequence[Bar], *, title: str) -> dict[str, object]:
    """Return what `portal/chart.html` shows: the picture, its ends, and the sums in words."""
    return {
        "title": title,
        "picture": bars(drawn, title=title),
        "first": drawn[0].label if drawn else "",
        "last": drawn[-1].label if drawn else "",
        "most": max((bar.requests for bar in drawn), default=0),
        "total": sum(bar.requests for bar in drawn),
        "errors": sum(bar.errors for bar in drawn),
    }
