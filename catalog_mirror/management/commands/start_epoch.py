"""`manage.py start_epoch`: what an operator runs once after a backup was restored."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from catalog_mirror.epochs import LAST, NoMoreEpochs, start_epoch
from groundwork.correlation import correlated
from groundwork.management.prompt import WRONG_USAGE, operator


class Command(BaseCommand):
    help = (
        "Begin a new epoch: after a restored backup, before partners are served again. Every cursor from "
        "before is refused (410), and partners enumerate their view anew."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--above",
            type=int,
            default=0,
            metavar="EPOCH",
            help="the last epoch there was, where the backup is older than its start: the versions "
            "of changes begin with the epoch (the first four digits)",
        )

    def handle(self, *_: object, above: int, **_options: object) -> None:
        if not 0 <= above < LAST:
            raise CommandError(f"--above is from 0 to {LAST - 1}.", returncode=WRONG_USAGE)
        try:
            with correlated():
                number = start_epoch(actor=operator(), above=above)
        except NoMoreEpochs as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Epoch {number} has begun. Cursors from before are refused (410); each partner's next "
            "request without `since` enumerates its view."
        )
