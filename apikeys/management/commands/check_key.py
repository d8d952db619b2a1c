"""`manage.py check_key`: tells whether a string is a well-formed key, without asking anyone."""

import getpass
import sys
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from apikeys.keys import parsed


class Command(BaseCommand):
    help = (
        "Tell offline whether a string has the form and the checksum of a key. Whether the key exists is "
        "not told. It is read from standard input, as what stands in a command ends in the shell's history."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", nargs="?", help="better given on standard input")

    def handle(self, *_: object, key: str | None, **_options: object) -> None:
        text = key if key is not None else _asked()
        found = parsed(text.strip())
        if not found:
            raise CommandError("No well-formed key: its form or its checksum is wrong.")
        self.stdout.write(f"Well formed: a {found.mode} key with the id {found.public_id}.")


def _asked() -> str:
    return getpass.getpass("Key: ") if sys.stdin.isatty() else sys.stdin.readline()
