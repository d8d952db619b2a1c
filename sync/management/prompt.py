"""What the commands share: which sources are named, and when to stop."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from django.core.management.base import CommandError, OutputWrapper

from catalog_mirror.models import SANDBOX_SOURCE, Source
from groundwork.management.prompt import WRONG_USAGE
from sync.connectors import Explained


def named(slugs: list[str] | None) -> list[Source]:
    """Return the sources with these slugs, or all of them; no shop stands behind the sandbox's."""
    sources = Source.objects.exclude(pk=SANDBOX_SOURCE).order_by("rank", "pk")
    known = {source.slug: source for source in sources}
    unknown = [slug for slug in slugs or () if slug not in known]
    if unknown:
        names = ", ".join(known) or "none yet; add one with add_source"
        raise CommandError(
            f"There is no source {', '.join(unknown)}. Known: {names}.", returncode=WRONG_USAGE
        )
    return [known[slug] for slug in dict.fromkeys(slugs)] if slugs else list(known.values())


def tell_explained(out: OutputWrapper, explained: Explained, *, of: str) -> None:
    """Say how a shop is understood; end with an error where something in that is wrong."""
    for line in (*explained.lines, *explained.problems):
        out.write(line)
    if explained.problems:
        raise CommandError(
            f"What is said above is wrong with {of}: {len(explained.problems)} in all. Mend it, then try "
            "again."
        )


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Take the first Ctrl-C or SIGTERM for a wish to stop at the next chance; the second ends at once."""
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if asked:
            signal.default_int_handler(number, frame)
        asked.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
