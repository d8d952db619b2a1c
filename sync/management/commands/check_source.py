"""`manage.py check_source`: asks a shop whether its webhooks are there, active, and tell us."""

from argparse import ArgumentParser
from dataclasses import asdict

import orjson
from django.core.management.base import BaseCommand, CommandError

from groundwork.correlation import correlated
from groundwork.sealing import SealBroken
from sync.connections import NotConnected
from sync.http import ShopError
from sync.listening import Checked, check
from sync.management.prompt import named
from sync.woocommerce.pasting import lines_to_paste


class Command(BaseCommand):
    help = (
        "Read the webhooks of a shop back and name what they lack; nothing is written to the shop."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_: object, slug: str, json: bool, **_options: object) -> None:
        [source] = named([slug])
        try:
            with correlated():
                checked = check(source)
        except (ShopError, NotConnected, SealBroken) as error:
            raise CommandError(f"{slug}: {error}") from error
        if json:
            self.stdout.write(orjson.dumps(asdict(checked), option=orjson.OPT_INDENT_2).decode())
        else:
            self._tell(checked)
        if checked.problems:
            raise CommandError(
                f"{slug}: {len(checked.problems)} of its webhooks lack something. Mend them in the shop, "
                "then check again."
            )

    def _tell(self, checked: Checked) -> None:
        if checked.is_polled:
            self.stdout.write("Shops of this kind have no webhooks; it is read by polling.")
        elif not checked.problems:
            self.stdout.write(f"All webhooks are active and deliver to {checked.delivery_url}")
        for problem in checked.problems:
            self.stdout.write(problem)
        if checked.problems:
            self.stdout.write("\n".join(["", *lines_to_paste(checked.delivery_url)]))
