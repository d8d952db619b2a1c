"""`manage.py explain_price`: which rule makes a customer's price, now or at a past instant."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from catalog_mirror.past import NothingThen
from customers.explained import asked_of, named_customer, print_json, print_rules
from groundwork.instants import InstantRefused, instant
from pricing.explanations import NoSuchPrice, PriceExplanation, explain_price


class Command(BaseCommand):
    help = "Say what a customer pays for a SKU and in which quantities, and which rules decide."

    def add_arguments(self, parser: ArgumentParser) -> None:
        asked_of(parser)
        parser.add_argument("--quantity", type=int, default=1, help="pieces; 1 unless given")

    def handle(
        self,
        *_: object,
        customer: str,
        sku: str,
        quantity: int,
        at: str | None,
        revision: int | None,
        json: bool,
        **_options: object,
    ) -> None:
        if quantity < 1:
            raise CommandError("A quantity is 1 or more.", returncode=2)
        try:
            found = explain_price(
                named_customer(customer),
                sku,
                quantity=quantity,
                at=instant(at) if at else None,
                revision=revision,
            )
        except (InstantRefused, NothingThen, NoSuchPrice) as error:
            raise CommandError(str(error), returncode=2) from error
        if json:
            print_json(self, found)
            return
        print_rules(self, _heading(found), found.rules)
        print_rules(self, f"\n{found.order.because}", found.order.rules)
        print_rules(self, f"\n{found.minimum.because}", found.minimum.rules)


def _heading(found: PriceExplanation) -> str:
    price = "has no price" if found.unit is None else f"costs {found.unit} {found.currency}"
    listed = "" if found.list_price is None else f", list price {found.list_price:f}"
    when = f"{found.at:%Y-%m-%d %H:%M:%S %Z}, revision {found.revision}"
    return (
        f"{found.sku} {price} a piece for {found.customer} at {found.quantity} pieces{listed} "
        f"({when}). {found.because}"
    )
