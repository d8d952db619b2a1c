"""`manage.py export_rules`: writes the rules that stand as a CSV file that `import_rules` reads back."""

from argparse import ArgumentParser
from contextlib import nullcontext
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from customers.explained import named_customer
from customers.exports import export_rules
from pricing.sheets import SHEETS


class Command(BaseCommand):
    help = "Write the standing price or visibility rules as CSV."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=sorted(SHEETS))
        parser.add_argument("--customer", metavar="SLUG", help="of one customer")
        parser.add_argument("--output", help="a new file; the terminal where none is given")

    def handle(
        self,
        *_: object,
        kind: str,
        customer: str | None,
        output: str | None,
        **_options: object,
    ) -> None:
        sheet, cells = SHEETS[kind]
        of = named_customer(customer) if customer else None
        try:
            target = (
                Path(output).open("x", encoding="utf-8")  # noqa: SIM115 - closed below
                if output
                else nullcontext(self.stdout)
            )
        except OSError as error:
            raise CommandError(
                f"{output} cannot be written: {error.strerror}. Name a new file.", returncode=2
            ) from error
        with target as file:
            count = export_rules(sheet, cells, file, customer=of)  # type: ignore[arg-type]
        if output:
            self.stdout.write(f"{count} rules written to {output}.")
