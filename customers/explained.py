"""What explaining commands share: how they are asked, and how they answer in lines or JSON."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import IO, Any, cast

import orjson
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from customers.explanations import Considered
from customers.models import Customer

COLUMNS = ("rule", "says", "who", "what", "starts_at", "ends_at", "outcome")


def asked_of(parser: ArgumentParser) -> None:
    """Declare what every explanation is asked with."""
    parser.add_argument("--customer", required=True, metavar="SLUG")
    parser.add_argument("--sku", required=True)
    parser.add_argument("--at", help="an instant with its offset; now where none is given")
    parser.add_argument(
        "--revision", type=int, help="the X-Revision of an answer, to explain that very answer"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def named_customer(slug: str) -> Customer:
    """Return a customer by its slug; raise `CommandError` that names those close to it."""
    found = Customer.objects.filter(slug=slug).first()
    if found is None:
        known = Customer.objects.filter(slug__icontains=slug[:3]).order_by("slug")[:5]
        names = ", ".join(customer.slug for customer in known)
        hint = f" Did you mean {names}?" if names else ""
        raise CommandError(f"There is no customer {slug}.{hint}", returncode=2)
    return found


def print_json(command: BaseCommand, explanation: Any) -> None:
    command.stdout.write(
        orjson.dumps(asdict(explanation), default=str, option=orjson.OPT_INDENT_2).decode()
    )


def print_rules(command: BaseCommand, heading: str, rules: list[Considered]) -> None:
    """Print a heading, and a table of the rules that were considered."""
    command.stdout.write(heading)
    if not rules:
        command.stdout.write("  No rule covers it.")
        return
    table = Table(*COLUMNS, box=None, pad_edge=False)
    for rule in rules:
        row = asdict(rule)
        style = "bold" if rule.decides else None
        table.add_row(*(_cell(row[name]) for name in COLUMNS), style=style)
    console = Console(file=cast("IO[str]", command.stdout), width=160)
    command.stdout.ending = ""  # rich ends its lines itself
    console.print(table)


def _cell(value: object) -> str:
    return "" if value is None else escape(str(value))
