"""What the running engines leave for the next process: where they are and how to enter."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from groundwork.engines.engine import Running

NAME = "state.json"


@dataclass(frozen=True)
class State:
    postgres: Running
    valkey: Running
    postgres_password: str = field(repr=False)
    valkey_password: str = field(repr=False)
    postgres_major: int

    @classmethod
    def read(cls, home: Path) -> Self | None:
        """Return the state kept in `home`, if there is one that can be read."""
        try:
            kept = json.loads((home / NAME).read_bytes())
            for name in ("postgres", "valkey"):
                kept[name] = Running(**kept[name])
            return cls(**kept)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None  # none, or another version's: the engines are found and restarted

    def write(self, home: Path) -> None:
        """Replace the state in one step, readable by its owner only."""
        fresh = home / f"{NAME}.new"
        descriptor = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(self), file)
        fresh.replace(home / NAME)
