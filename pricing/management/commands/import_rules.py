"""`manage.py import_rules`: brings a CSV file of price or visibility rules in, all of it or nothing."""

import getpass
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path

import orjson
from django.core.management.base import BaseCommand, CommandError

from customers.imports import Imported, import_rules
from groundwork.correlation import correlated
from pricing.sheets import SHEETS

REFUSED, WRONG_USAGE = 1, 2
_TOLD = 20  # differences on a terminal


class Command(BaseCommand):
    help = "Make rules say what a CSV file says; --dry-run tells the differences first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=sorted(SHEETS))
        parser.add_argument("file", help="as `manage.py export_rules` writes it")
        parser.add_argument("--dry-run", action="store_true", help="write nothing")
        parser.add_argument(
            "--withdraw-missing",
            action="store_true",
            help="end the rules of customers and tiers in the file that it does not list",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(
        self,
        *_: object,
        kind: str,
        file: str,
        dry_run: bool,
        withdraw_missing: bool,
        json: bool,
        **_options: object,
    ) -> None:
        sheet, _cells = SHEETS[kind]
        with correlated():
            found = import_rules(
                sheet,
                _text(file),
                actor=getpass.getuser(),
                dry_run=dry_run,
                withdraw_missing=withdraw_missing,
            )
        if json:
            self.stdout.write(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2).decode())
        elif not found.faults:
            self._tell(found, dry_run=dry_run)
        if found.faults:
            raise CommandError(_refusal(found), returncode=REFUSED)

    def _tell(self, found: Imported, *, dry_run: bool) -> None:
        for each in found.differences[:_TOLD]:
            self.stdout.write(f"line {each.line}: {each.words}")
        if len(found.differences) > _TOLD:
            self.stdout.write("...")
        self.stdout.write(
            f"{found.lines} lines: {found.added} added, {found.changed} changed, "
            f"{found.unchanged} unchanged, {found.withdrawn} withdrawn."
        )
        if dry_run:
            self.stdout.write("This was a dry run: nothing was written.")


def _text(file: str) -> str:
    try:
        return Path(file).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise CommandError(
            f"{file} cannot be read: {error.strerror}.", returncode=WRONG_USAGE
        ) from error
    except UnicodeDecodeError as error:
        raise CommandError(
            f"{file} is not UTF-8 text. Save it as CSV in UTF-8.", returncode=WRONG_USAGE
        ) from error


def _refusal(found: Imported) -> str:
    lines = [
        f"line {each.line}, {each.column or 'the whole line'}: {each.reason}"
        for each in found.faults
    ]
    more = found.fault_count - len(found.faults)
    lines += [f"... and {more} more."] if more else []
    return "\n".join([*lines, f"Nothing was written: {found.fault_count} faults."])
