"""`manage.py rotate_keys`: issues successors of many keys and lets the old ones end after an overlap."""

import csv
import os
import re
from argparse import ArgumentParser, ArgumentTypeError
from contextlib import ExitStack
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

import orjson
from django.core.management.base import BaseCommand, CommandError

from apikeys import keys
from apikeys.claims import address_of
from apikeys.management.prompt import refuse_unknown
from apikeys.models import ApiKey, ClaimLink
from apikeys.rotation import Rotated, Which, chosen, rotate_each, why_not
from groundwork.correlation import correlated
from groundwork.instants import database_now
from groundwork.management.prompt import WRONG_USAGE, operator, table

_MOST_OVERLAP = 365  # days
_COLUMNS = ("customer", "label", "replaces", "key")
_DONE = ("rotated", "offered")


class Command(BaseCommand):
    help = (
        "Rotate keys: each gets a successor that says the same, and goes on through the overlap. The new "
        "keys go to a file, or partners make them by claim links. Running it twice rotates once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--customer", action="append", metavar="SLUG", help="may be repeated")
        parser.add_argument("--older-than", type=_age, metavar="DAYS", help="as in 330d")
        parser.add_argument("--all", action="store_true", help="every key that works")
        parser.add_argument("--again", action="store_true", help="successors of the last day too")
        parser.add_argument("--overlap-days", type=int, default=keys.OVERLAP_DAYS, metavar="N")
        parser.add_argument("--output", type=Path, metavar="FILE", help="a new file, mode 0600")
        parser.add_argument("--claim-links", action="store_true", help="links in place of keys")
        parser.add_argument("--dry-run", action="store_true", help="tell which, change nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_: object, **options: Any) -> None:
        _refuse(options)
        which = Which(tuple(options["customer"] or ()), options["older_than"])
        meant = chosen(which, at=database_now())
        told, links = (
            self._dry(meant, options) if options["dry_run"] else self._rotated(meant, options)
        )
        if options["json"]:
            self.stdout.write(_document(told, links, dry_run=options["dry_run"]))
        else:
            self._tell(told, options)

    def _dry(
        self, meant: list[ApiKey], options: dict[str, Any]
    ) -> tuple[list[Rotated], dict[str, str]]:
        outcomes = [why_not(key, again=options["again"]) or "would be rotated" for key in meant]
        return [
            Rotated(str(key), key.customer.slug, key.label, outcome, "", key.expires_at)
            for key, outcome in zip(meant, outcomes, strict=True)
        ], {}

    def _rotated(
        self, meant: list[ApiKey], options: dict[str, Any]
    ) -> tuple[list[Rotated], dict[str, str]]:
        """Rotate; return what became of each, and the links that no file holds: they were shown."""
        links: dict[str, str] = {}
        with ExitStack() as files, correlated():
            write = _writing(files, options["output"]) if options["output"] else None

            def deliver(row: ApiKey | ClaimLink, secret: str) -> None:
                given = address_of(secret) if isinstance(row, ClaimLink) else secret
                if write:
                    write(row, given)
                else:
                    self._show(str(row.predecessor), given, options)
                    links[str(row.predecessor)] = given

            told = list(
                rotate_each(
                    meant,
                    actor=operator(),
                    overlap_days=options["overlap_days"],
                    by_link=options["claim_links"],
                    deliver=deliver,
                    again=options["again"],
                )
            )
        if options["output"] and not any(each.outcome in _DONE for each in told):
            options["output"].unlink()  # there is nothing in it, and the next run may want its name
        return told, links

    def _show(self, key: str, link: str, options: dict[str, Any]) -> None:
        """Print a link as it is made: a run that breaks off has told of each that there is.

        A JSON document is written at the end, so beside it they go to standard error.
        """
        out = self.stderr if options["json"] else self.stdout
        out.write(f"{key}: {link}", lambda text: text)
        out.flush()

    def _tell(self, told: list[Rotated], options: dict[str, Any]) -> None:
        if told:
            head = ("customer", "label", "key", "outcome", "successor", "ends")
            self.stdout.write(table(head, [_line(each) for each in told]) + "\n")
        done = sum(each.outcome in _DONE for each in told)
        wanted = sum(each.outcome == "would be rotated" for each in told)
        if options["dry_run"]:
            self.stdout.write(f"{wanted} of {len(told)} keys would be rotated (a dry run).")
            return
        where = f" The new ones are in {options['output']}." if options["output"] and done else ""
        what = "offered by link" if options["claim_links"] else "rotated"
        self.stdout.write(f"{done} of {len(told)} keys were {what}.{where}")


def _refuse(options: dict[str, Any]) -> None:
    """End the command where it is not clear which keys, or where the new ones would go."""
    named = options["customer"] or options["older_than"] is not None
    if bool(named) == options["all"]:
        raise CommandError(
            "Say which keys: --customer, --older-than or both of them, or --all.",
            returncode=WRONG_USAGE,
        )
    if not 0 <= options["overlap_days"] <= _MOST_OVERLAP:
        raise CommandError("--overlap-days is between 0 and 365.", returncode=WRONG_USAGE)
    if not (options["dry_run"] or options["output"] or options["claim_links"]):
        raise CommandError(
            "Say where the new keys go: --output FILE, or --claim-links.", returncode=WRONG_USAGE
        )
    refuse_unknown(options["customer"] or [])


def _writing(files: ExitStack, path: Path) -> Any:
    """Return what writes a line to a new file of the operator's own, onto the disk."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandError(
            f"{path} is there already, and what is in it may be needed. Name another file."
        ) from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
    file: TextIO = files.enter_context(os.fdopen(descriptor, "w", newline=""))
    lines = csv.writer(file)
    lines.writerow(_COLUMNS)

    def write(row: ApiKey | ClaimLink, secret: str) -> None:
        lines.writerow((row.customer.slug, row.label, str(row.predecessor), secret))
        file.flush()
        os.fsync(file.fileno())

    return write


def _age(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})d?", text)
    if not match:
        raise ArgumentTypeError(f"{text} is no number of days such as 330d")
    return timedelta(days=int(match[1]))


def _line(each: Rotated) -> tuple[str, ...]:
    ends = f"{each.ends_at:%Y-%m-%d %H:%M}" if each.ends_at else "-"
    return each.customer, each.label or "-", each.key, each.outcome, each.successor or "-", ends


def _document(told: list[Rotated], links: dict[str, str], *, dry_run: bool) -> str:
    rows = [
        asdict(each) | ({"link": links[each.key]} if each.key in links else {}) for each in told
    ]
    done = sum(each.outcome in _DONE for each in told)
    document = {"dry_run": dry_run, "rotated": done, "keys": rows}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
