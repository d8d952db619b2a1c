"""What the commands of all rooms share: who is at the prompt, and plain tables."""

import getpass
from collections.abc import Iterable, Sequence

WRONG_USAGE = 2


def operator() -> str:
    """Return who is at the prompt, for the audit."""
    try:
        return f"{getpass.getuser()} at the prompt"
    except (KeyError, OSError):  # a user without a name, as in a container
        return "someone at the prompt"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows under their heads, each column as wide as it must be."""
    lines = [head, *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
