"""What stands in a feed's file or answer: records of JSON, JSON Lines or CSV."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import IO, Any

import orjson

from sync.feed.maps import FieldMap
from sync.feed.rules import pick
from sync.http import ShopAnswersNonsense

_LONGEST_CELL = 4 * 2**20  # characters; Python's own limit is 131,072, and descriptions are longer


def document_of(body: bytes) -> Any:
    """Return a whole JSON document; raise `ShopAnswersNonsense` for half of one."""
    try:
        return orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise ShopAnswersNonsense(
            f"The feed is no whole JSON ({error}). Open its address and look at its end."
        ) from error


def listed(document: Any, field_map: FieldMap) -> list[Any]:
    """Return the records of a document; raise `ShopAnswersNonsense` where there is no list."""
    found = pick(document, field_map.records)
    if not isinstance(found, list):
        where = f"at {field_map.records}" if field_map.records else "at its top"
        raise ShopAnswersNonsense(
            f"The feed has no list {where}. Say in the map's `records` where its list is."
        )
    return found


def lines_of(file: IO[bytes], field_map: FieldMap) -> Iterator[Any]:
    """Yield the records of JSON Lines or CSV, one at a time; raise `ShopAnswersNonsense`."""
    if field_map.last_line_ends:
        _refuse_cut_off(file)
    return _json_lines(file) if field_map.format == "jsonl" else _rows(file, field_map)


def _refuse_cut_off(file: IO[bytes]) -> None:
    """Raise for a file without a last line end: cut off in its last cell, it reads like a whole one."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 4))
    tail = file.read().rstrip(b"\0")  # the other half of a line end in UTF-16
    file.seek(0)
    if size and not tail.endswith((b"\n", b"\r")):
        raise ShopAnswersNonsense(
            "The feed ends without a line end: it may have been cut off. Try again; if its maker always "
            "writes it so, say `last_line_ends` false in the map."
        )


def _json_lines(file: Iterable[bytes]) -> Iterator[Any]:
    for number, line in enumerate(file, 1):
        if line.strip():
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise ShopAnswersNonsense(
                    f"Line {number} of the feed is no JSON ({error}). It may have been cut off."
                ) from error


def _rows(file: IO[bytes], field_map: FieldMap) -> Iterator[dict[str, str]]:
    csv.field_size_limit(_LONGEST_CELL)
    text = io.TextIOWrapper(file, encoding=field_map.encoding, newline="")
    rows = csv.DictReader(text, delimiter=field_map.delimiter, strict=True)
    try:
        for row in rows:
            # A row that is cut off lacks cells, and one with a stray delimiter has some too many.
            if None in row or None in row.values():
                raise ShopAnswersNonsense(
                    f"Line {rows.line_num} of the feed has not as many cells as its head. It may have "
                    "been cut off."
                )
            yield row
    except (csv.Error, UnicodeDecodeError) as error:
        raise ShopAnswersNonsense(
            f"The feed is no CSV in {field_map.encoding} after line {rows.line_num} ({error})."
        ) from error
    finally:
        text.detach()
