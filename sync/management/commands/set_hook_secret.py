"""`manage.py set_hook_secret`: changes the secret that a shop signs its webhooks with."""

import os
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from catalog_mirror.models import Source
from sync.adding import new_hook_secret
from sync.connections import NotConnected, set_hook_secret

WRONG_USAGE = 2


class Command(BaseCommand):
    help = (
        "Take a new secret for a source's webhooks, made here unless SOURCE_HOOK_SECRET or --secret says "
        "one. The one before it holds too, until the next change, so that the shop can follow in peace."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--secret", help="what stands in the shop's webhooks")
        parser.add_argument("--only", action="store_true", help="the one before it ends at once")

    def handle(
        self, *_: object, slug: str, secret: str | None, only: bool, **_options: object
    ) -> None:
        source = Source.objects.filter(slug=slug).first()
        if source is None:
            raise CommandError(f"There is no source {slug}.", returncode=WRONG_USAGE)
        given = (secret or os.environ.get("SOURCE_HOOK_SECRET") or "").strip()
        chosen = given or new_hook_secret()
        try:
            set_hook_secret(source, chosen, only=only)
        except NotConnected as error:
            raise CommandError(str(error)) from error
        if not given:
            self.stdout.write(f"Put this secret into each webhook of the shop: {chosen}")
        ends = "has ended" if only else "holds until the next change"
        self.stdout.write(f"{slug}: the secret is set; the one before it {ends}.")
