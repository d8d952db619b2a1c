"""`manage.py revoke_key`: ends a key at once and for good."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from apikeys import keys
from groundwork.correlation import correlated
from groundwork.management.prompt import WRONG_USAGE, operator


class Command(BaseCommand):
    help = (
        "End a key from its next request on. This is final; the database refuses to bring it back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", metavar="KEY", help="its id, or tc_live_<id>; never all of it")
        parser.add_argument("--reason", required=True, help="why; it stands in the audit")

    def handle(self, *_: object, key: str, reason: str, **_options: object) -> None:
        if keys.parsed(key):
            raise CommandError(
                "Name the key by its id alone: a whole key ends in the shell's history.",
                returncode=WRONG_USAGE,
            )
        if not reason.strip() or len(reason) > 200:  # noqa: PLR2004 - the column's length
            raise CommandError("A reason has 1 to 200 characters.", returncode=WRONG_USAGE)
        public_id = key.rpartition("_")[2]
        try:
            with correlated():
                ended = keys.revoke(public_id, actor=operator(), reason=reason)
        except keys.NoSuchKey as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        told = "is revoked" if ended else "was revoked before; its first reason stays"
        self.stdout.write(f"{public_id} {told}.")
