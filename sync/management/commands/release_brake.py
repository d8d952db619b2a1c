"""`manage.py release_brake`: lets pass what the brake holds back of a source."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from catalog_mirror.brake import NothingToRelease
from groundwork.correlation import correlated
from groundwork.management.prompt import WRONG_USAGE, operator
from sync.management.prompt import named
from sync.releasing import release_brake


class Command(BaseCommand):
    help = (
        "Let the changes that the brake holds back pass, for 24 hours; the next reading applies them, "
        "and one is made due now. Look at the held changes first: the staff site lists them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--most", type=int, help="no more than so many variants")

    def handle(self, *_: object, slug: str, most: int | None, **_options: object) -> None:
        [source] = named([slug])
        if most is not None and most < 1:
            raise CommandError("--most is above 0.", returncode=WRONG_USAGE)
        try:
            with correlated():
                count = release_brake(source, actor=operator(), most=most)
        except NothingToRelease as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{count:,} more may leave {slug} within 24 hours. The workers read the shop now; without "
            f"them, run `manage.py reconcile --source {slug}`."
        )
