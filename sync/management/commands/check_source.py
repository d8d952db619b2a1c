"""`manage.py check_source`: asks a shop whether its webhooks are there, active, and tell us."""

from argparse import ArgumentParser
from dataclasses import asdict

import orjson
from django.core.management.base import BaseCommand, CommandError

from catalog_mirror.models import Source
from groundwork.correlation import correlated
from groundwork.sealing import SealBroken
from sync.connections import NotConnected
from sync.http import ShopError
from sync.listening import Checked, check, explain, lines_to_paste
from sync.management.prompt import named, tell_explained


class Command(BaseCommand):
    help = (
        "Read the webhooks of a shop back and name what they lack, and show how the shop is understood; "
        "nothing is written to the shop."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_: object, slug: str, json: bool, **_options: object) -> None:
        [source] = named([slug])
        try:
            with correlated():
                checked = check(source)
                explained = explain(source)
        except (ShopError, NotConnected, SealBroken) as error:
            raise CommandError(f"{slug}: {error}") from error
        if json:
            told = asdict(checked) | (asdict(explained) if explained.lines else {})
            told["problems"] = [*checked.problems, *explained.problems]
            self.stdout.write(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        else:
            self._tell(source, checked)
            tell_explained(self.stdout, explained, of=slug)
        if json and explained.problems:
            raise CommandError(f"{slug}: {len(explained.problems)} things are wrong with its map.")
        if checked.problems:
            raise CommandError(
                f"{slug}: {len(checked.problems)} of its webhooks lack something. Mend them in the shop, "
                "then check again."
            )

    def _tell(self, source: Source, checked: Checked) -> None:
        if checked.is_polled:
            self.stdout.write("\n".join(lines_to_paste(source, checked.delivery_url)))
        elif not checked.problems:
            self.stdout.write(f"All webhooks are active and deliver to {checked.delivery_url}")
        for problem in checked.problems:
            self.stdout.write(problem)
        if checked.problems:
            self.stdout.write("\n".join(["", *lines_to_paste(source, checked.delivery_url)]))
