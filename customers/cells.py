"""Text in a cell of a file that a spreadsheet opens: never a formula, and the same when it comes back."""

import re

# A spreadsheet computes what begins so, a SKU from a shop among it; a leading quote makes it text.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?\Z")


def guarded(text: str) -> str:
    """Return a cell for text that may come from anywhere."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text


def unguarded(cell: str) -> str:
    """Return the text of a cell, as `guarded` was given it."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
