"""`manage.py explain_visibility`: why a customer sees a SKU, or does not, now or at a past instant."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from catalog_mirror.past import NothingThen
from customers.explained import asked_of, named_customer, print_json, print_rules
from customers.explanations import explain_visibility
from groundwork.instants import InstantRefused, instant


class Command(BaseCommand):
    help = "Say whether a customer sees a SKU, and which rules decide."

    def add_arguments(self, parser: ArgumentParser) -> None:
        asked_of(parser)

    def handle(
        self,
        *_: object,
        customer: str,
        sku: str,
        at: str | None,
        revision: int | None,
        json: bool,
        **_options: object,
    ) -> None:
        try:
            found = explain_visibility(
                named_customer(customer), sku, at=instant(at) if at else None, revision=revision
            )
        except (InstantRefused, NothingThen) as error:
            raise CommandError(str(error), returncode=2) from error
        if json:
            print_json(self, found)
            return
        verdict = "sees" if found.visible else "does not see"
        when = f"{found.at:%Y-%m-%d %H:%M:%S %Z}, revision {found.revision}"
        print_rules(
            self, f"{found.customer} {verdict} {found.sku} ({when}). {found.because}", found.rules
        )
