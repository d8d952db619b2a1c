"""`manage.py trace`: what became of a request, an event or a message, or what happened to a SKU."""

from argparse import ArgumentParser
from dataclasses import asdict

import orjson
from django.core.management.base import BaseCommand, CommandError

from groundwork.management.prompt import table
from portal.traces import Step, trace


class Command(BaseCommand):
    help = (
        "Follow one change through all rooms: a correlation or request id, a message id (msg_...), the "
        "delivery id of a shop's webhook, or a SKU."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("value", metavar="ID|SKU")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_: object, value: str, json: bool, **_options: object) -> None:
        steps = trace(value)
        if json:
            told = [asdict(step) for step in steps]
            self.stdout.write(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        elif steps:
            self.stdout.write(table(["at (UTC)", "what", "said", "cause"], map(_row, steps)))
        if not steps:
            raise CommandError(
                f"Nothing is known of {value}. Give it as it was told; a SKU is written as the shop has it."
            )


def _row(step: Step) -> tuple[str, str, str, str]:
    at = step.at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return at, step.what, step.said, step.correlation_id
