"""Keeps edits as JSON lines, so that a shop comes back from a restart as it was left."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

Entry = tuple[str, datetime, dict[str, Any]]


class Journal:
    """Appends to one file; without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)

    def entries(self) -> Iterator[Entry]:
        """Yield the edits in order; a last line that a crash left unfinished is cut off."""
        if self._path is None or not self._path.exists():
            return
        whole = self._path.read_bytes()
        kept = whole[: whole.rfind(b"\n") + 1]
        if kept != whole:
            self._path.write_bytes(kept)
        for line in kept.splitlines():
            entry = json.loads(line)
            yield entry["edit"], datetime.fromisoformat(entry["at"]), entry["with"]

    def append(self, edit: str, at: datetime, details: dict[str, Any]) -> None:
        if self._path is None:
            return
        line = json.dumps({"edit": edit, "at": at.isoformat(), "with": details})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
