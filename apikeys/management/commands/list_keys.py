"""`manage.py list_keys`: which keys there are, and when each was last used."""

from argparse import ArgumentParser
from typing import Any

import orjson
from django.core.management.base import BaseCommand

from apikeys import keys
from apikeys.last_use import last_use
from apikeys.management.prompt import refuse_unknown
from apikeys.models import ApiKey
from groundwork.management.prompt import table

_HEAD = ("key", "customer", "label", "created_at", "expires_at", "last_used_at", "revoked_at")


class Command(BaseCommand):
    help = "List the keys that work, or with --ended all there ever were."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--customer", action="append", metavar="SLUG", help="may be repeated")
        parser.add_argument("--ended", action="store_true", help="those that ended too")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(
        self, *_: object, customer: list[str] | None, ended: bool, json: bool, **_options: object
    ) -> None:
        refuse_unknown(customer or [])
        found = ApiKey.objects.all() if ended else keys.living()
        if customer:
            found = found.filter(customer__slug__in=customer)
        found = found.select_related("customer").annotate(used_at=last_use())
        rows = [_row(key) for key in found.order_by("customer__slug", "pk")]
        if json:
            self.stdout.write(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
        else:
            lines = [[_cell(row[name]) for name in _HEAD] for row in rows]
            self.stdout.write(table(_HEAD, lines) if rows else "There are none.")


def _row(key: Any) -> dict[str, Any]:
    return {
        "key": str(key),
        "customer": key.customer.slug,
        "label": key.label,
        "scopes": key.scopes,
        "allowed_networks": key.allowed_networks,
        "requests_a_minute": key.requests_a_minute,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.used_at,
        "revoked_at": key.revoked_at,
        "revoked_reason": key.revoked_reason,
    }


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    return f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "hour") else str(value)
