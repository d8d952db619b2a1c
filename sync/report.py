"""Tells a person at a prompt what a reconciliation does and did."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from sync.sweep import silent
from sync.tally import SHOWN, SweepResult

COLUMNS = (
    "seen", "unchanged", "created", "changed", "retired", "quarantined", "requests", "seconds",
    "revisions", "held",
)  # fmt: skip
LONGEST = 60  # characters of a value
NOT_KNOWN = "cause not known"


@contextmanager
def progress(console: Console, slug: str, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Show how many variants were read so far: a bar on a terminal, nothing elsewhere."""
    if not (shown and console.is_terminal):
        yield silent
        return
    columns = (
        TextColumn(slug),
        BarColumn(),
        TextColumn("{task.completed} read"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(slug, total=None)
        yield lambda seen: bar.update(task, completed=seen)


def print_results(
    console: Console, results: list[SweepResult], *, dry_run: bool, is_whole: bool
) -> None:
    """Print the counts of each source, and one line for what they come to."""
    if not results:
        if is_whole:
            console.print("There is no source yet: add one with `manage.py add_source`.")
        return
    if console.is_terminal:
        console.print(_table(results))
    else:
        for each in results:
            console.print(_line(each), markup=False, highlight=False)
    if dry_run:
        _print_differences(console, results)
    else:
        _print_corrections(console, results)
    drifted = any(r.created or r.changed or r.retired or r.revisions for r in results)
    if is_whole and not drifted:
        console.print("Nothing had drifted; no revision was taken.", highlight=False)
    elif dry_run:
        console.print("This was a dry run: nothing was written.", highlight=False)


def _table(results: list[SweepResult]) -> Table:
    """Return a column for each source: ten counts side by side are wider than a terminal."""
    table = Table("", *(escape(each.source) for each in results))
    for column in table.columns[1:]:
        column.justify = "right"
    for name in COLUMNS:
        table.add_row(name, *(_shown(getattr(each, name)) for each in results))
    return table


def _line(result: SweepResult) -> str:
    return f"{result.source}: " + ", ".join(
        f"{name} {_shown(getattr(result, name))}" for name in COLUMNS
    )


def _shown(value: float) -> str:
    return f"{value:.1f}" if isinstance(value, float) else f"{value:,}"


def _print_differences(console: Console, results: list[SweepResult]) -> None:
    for each in results:
        for one in each.differences:
            before, after = _brief(one.mirror_value), _brief(one.source_value)
            console.print(
                f"{each.source} {one.sku}: {one.facet} {one.field} {before} -> {after}",
                markup=False,
                highlight=False,
            )
        counts = Counter(each.fields)
        if more := counts.total() - len(each.differences):
            console.print(f"{each.source}: and {more:,} more", markup=False, highlight=False)
        for name, count in counts.most_common():
            console.print(f"{each.source}: {name} {count:,}", markup=False, highlight=False)


def _print_corrections(console: Console, results: list[SweepResult]) -> None:
    for each in results:
        lines = [
            f"{one.sku}: {one.facet} {one.field} {_brief(one.mirror_value)} -> "
            f"{_brief(one.source_value)} ({one.cause or NOT_KNOWN})"
            for one in each.corrections[:SHOWN]
        ]
        if more := sum(each.causes.values()) - len(lines):
            lines.append(f"and {more:,} more corrections")
        lines += [f"{cause or NOT_KNOWN}: {count:,}" for cause, count in each.causes.items()]
        for line in lines:
            console.print(f"{each.source} {line}", markup=False, highlight=False)


def _brief(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
