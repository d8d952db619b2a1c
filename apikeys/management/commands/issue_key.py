"""`manage.py issue_key`: issues a key, or makes the link by which the partner does."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from apikeys import claims, keys
from apikeys.management.prompt import customer_named
from apikeys.models import ApiKey, Scope
from groundwork.correlation import correlated
from groundwork.instants import database_now
from groundwork.management.prompt import WRONG_USAGE, operator


class Command(BaseCommand):
    help = "Issue a key for a customer. It is shown this once; with --claim-link the partner alone sees it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("customer", metavar="CUSTOMER", help="its slug")
        parser.add_argument("--label", default="", help="what it is for")
        parser.add_argument("--mode", choices=ApiKey.Mode.values, default="live")
        parser.add_argument(
            "--scope", action="append", choices=Scope.values, help="may be repeated"
        )
        parser.add_argument(
            "--network", action="append", metavar="CIDR", help="may be repeated; else anywhere"
        )
        parser.add_argument("--requests-a-minute", type=int, metavar="N")
        parser.add_argument("--expires-in", type=int, metavar="DAYS")
        parser.add_argument("--claim-link", action="store_true", help="print a link, not a key")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(
        self, *_: object, customer: str, claim_link: bool, json: bool, **options: Any
    ) -> None:
        says = {
            "customer_id": customer_named(customer).pk,
            "label": options["label"],
            "mode": options["mode"],
            "scopes": options["scope"] or [],
            "allowed_networks": options["network"] or [],
            "requests_a_minute": options["requests_a_minute"],
        }
        ends_at = _ends_at(options["expires_in"])
        try:
            with correlated():
                told = _offered(says, ends_at) if claim_link else _issued(says, ends_at)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages), returncode=WRONG_USAGE) from error
        self.stdout.write(orjson.dumps(told).decode() if json else _sentence(told))


def _ends_at(days: int | None) -> Any:
    if days is not None and not 1 <= days <= 3650:  # noqa: PLR2004 - ten years
        raise CommandError("--expires-in is between 1 and 3650 days.", returncode=WRONG_USAGE)
    return database_now() + timedelta(days=days) if days else None


def _issued(says: dict[str, Any], ends_at: Any) -> dict[str, Any]:
    row, key = keys.issue(actor=operator(), expires_at=ends_at, **says)
    return {"id": row.public_id, "key": key, "expires_at": row.expires_at}


def _offered(says: dict[str, Any], ends_at: Any) -> dict[str, Any]:
    link, token = claims.offer(actor=operator(), key_expires_at=ends_at, **says)
    return {"claim_link": claims.address_of(token), "link_expires_at": link.expires_at}


def _sentence(told: dict[str, Any]) -> str:
    if "key" in told:
        return f"{told['key']}\nIt is shown this once and stored nowhere: hand it over safely."
    ends = f"{told['link_expires_at']:%Y-%m-%d %H:%M} UTC"
    return f"{told['claim_link']}\nWhoever opens it and presses the button gets the key; it ends at {ends}."
