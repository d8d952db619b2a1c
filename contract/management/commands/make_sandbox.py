"""`manage.py make_sandbox`: makes or mends what test keys read; the workers do the same every minute."""

from django.core.management.base import BaseCommand, CommandError

from catalog_mirror.revisions import WriteTookTooLong
from contract.sandbox.making import make_sandbox
from groundwork.correlation import correlated


class Command(BaseCommand):
    help = "Make or mend the sandbox, which test keys read; a second run writes nothing."

    def handle(self, *_: object, **_options: object) -> None:
        try:
            with correlated():
                written = make_sandbox()
        except WriteTookTooLong as error:
            raise CommandError(f"{error} Run it again; the workers try each minute.") from error
        self.stdout.write(
            "The sandbox is made: test keys (tc_test_...) are answered from it."
            if written
            else "The sandbox is as it should be; nothing was written."
        )
