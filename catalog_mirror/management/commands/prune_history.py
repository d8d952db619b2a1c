"""`manage.py prune_history`: deletes the past of variants that no cursor may ask for any more."""

from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from catalog_mirror import pruning


class Command(BaseCommand):
    help = (
        "Delete what variants were longer ago than HISTORY_KEPT_DAYS. The workers do it daily. Older "
        "cursors of /v1/changes are refused from then on, and prices of that time not explained."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="tell, and delete nothing")

    def handle(self, *_: object, dry_run: bool, **_options: object) -> None:
        act = pruning.foreseen if dry_run else pruning.prune_history
        try:
            pruned = act(settings.HISTORY_KEPT)
        except pruning.KeptTooShort as error:
            raise CommandError(str(error)) from error
        verb = "would be deleted" if dry_run else "were deleted"
        self.stdout.write(
            f"{pruned.states:,} past states of variants {verb}: those that ended up to revision "
            f"{pruned.floor}."
        )
