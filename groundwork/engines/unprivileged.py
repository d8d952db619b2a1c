"""Postgres refuses root: how to run it as nobody, wherever we are root."""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from groundwork.engines.errors import EngineUnavailable

NOBODY = 65534  # the overflow user: it owns nothing and every Linux knows it


@dataclass(frozen=True)
class Guise:
    """As whom a command runs: what to put before it, and who must own its files."""

    prefix: tuple[str, ...]
    owner: int

    def works_for(self, program: Path) -> bool:
        """Tell whether this machine lets `program` run so."""
        try:
            trial = [*self.prefix, str(program), "--version"]
            subprocess.run(trial, check=True, capture_output=True)  # noqa: S603 - our own wheel
        except (OSError, subprocess.CalledProcessError):
            return False
        return True

    def give(self, folder: Path, *, below: Path) -> None:
        """Let this user own `folder` and reach it through the folders from `below` on."""
        if self.owner == NOBODY:
            for parent in [p for p in folder.parents if p.is_relative_to(below)]:
                os.chown(parent, -1, NOBODY)
                parent.chmod(0o710)
        if folder.stat().st_uid != self.owner:
            for path in [folder, *folder.rglob("*")]:
                os.chown(path, self.owner, -1, follow_symlinks=False)


def namespace() -> Guise:
    """Ourselves, seen as nobody inside a user namespace: nothing changes its owner."""
    return Guise(("unshare", "--user", f"--map-user={NOBODY}", "--"), os.geteuid())


def nobody() -> Guise:
    """Truly nobody: its files change their owner."""
    ids = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    return Guise(("setpriv", *ids, "--"), NOBODY)


def guise_for(program: Path) -> Guise:
    """Return as whom Postgres can run here."""
    if os.geteuid() != 0 and _has_a_name(os.geteuid()):
        return Guise((), os.geteuid())
    return _first_that_works([namespace(), nobody()], program=program)


def _has_a_name(uid: int) -> bool:
    """Tell whether the user is in the passwd database, as initdb demands."""
    try:
        return bool(pwd.getpwuid(uid))
    except KeyError:
        return False


def _first_that_works(guises: Sequence[Guise], *, program: Path) -> Guise:
    for guise in guises:
        if guise.works_for(program):
            return guise
    raise EngineUnavailable(
        "Postgres does not run as root, and neither unshare nor setpriv works here: "
        "run as an ordinary user, or set DATABASE_URL and REDIS_URL."
    )
