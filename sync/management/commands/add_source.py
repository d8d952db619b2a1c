"""`manage.py add_source`: tests the connection to a shop and keeps it as a source."""

import os
import re
from argparse import ArgumentParser
from datetime import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sync.adding import (
    SourceExists,
    SourceUnfit,
    Wanted,
    add_source,
    new_hook_secret,
    refuse_taken,
    refuse_unfit,
)
from sync.connectors import Found, Kind, WrongSettings
from sync.http import ShopError, own_turns
from sync.kinds import KINDS
from sync.listening import delivery_url
from sync.management.prompt import tell_explained
from sync.management.ways import add_way_arguments, refuse_slow, way_of
from sync.models import Connection

WRONG_USAGE = 2
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Command(BaseCommand):
    help = (
        "Test the connection to a shop, say what it is, and keep it as a source. Nothing is written "
        "to the shop. The key may come from SOURCE_KEY, SOURCE_SECRET, SOURCE_TOKEN and "
        "SOURCE_TOKEN_SECRET, so that it is in no list of processes. docs/sources/ tells for each kind "
        "what to create in the shop and what of it goes where."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="part of the contract with partners; it never changes")
        parser.add_argument("--kind", choices=Connection.Kind.values, default="woocommerce")
        add_way_arguments(parser)
        parser.add_argument("--hook-secret", help="of the shop's webhooks; made here if not given")
        parser.add_argument("--name", default="", help="the shop's own name where not given")
        parser.add_argument("--rank", type=int, help="of two shops with one SKU the lower keeps it")
        parser.add_argument("--sku-prefix", default="", help="put before every SKU of this shop")
        parser.add_argument("--requests-per-second", type=float, default=20)
        parser.add_argument(
            "--sweep-at",
            type=time.fromisoformat,
            default=time(3),
            metavar="HH:MM",
            help="when it is swept each night, in the shop's own time zone",
        )
        parser.add_argument("--test-only", action="store_true", help="test, say, keep nothing")

    def handle(self, *_: object, slug: str, test_only: bool, **options: Any) -> None:
        if not (_SLUG.fullmatch(slug) and len(slug) <= 40):  # noqa: PLR2004 - the column's width
            raise CommandError(
                "A slug is lower case letters, digits and hyphens, at most 40.",
                returncode=WRONG_USAGE,
            )
        kind = KINDS[options["kind"]]
        try:
            refuse_slow(options["requests_per_second"])
            way = way_of(kind, options)
        except WrongSettings as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        wanted = Wanted(
            slug=slug,
            kind=options["kind"],
            way=way,
            name=options["name"],
            rank=options["rank"],
            sku_prefix=options["sku_prefix"],
            per_second=options["requests_per_second"],
            sweep_at=options["sweep_at"],
        )
        given = options["hook_secret"] or os.environ.get("SOURCE_HOOK_SECRET") or ""
        try:
            self._add(wanted, kind, hook_secret=given.strip(), test_only=test_only)
        except (ShopError, SourceExists, SourceUnfit) as error:
            raise CommandError(str(error)) from error

    def _add(self, wanted: Wanted, kind: Kind, *, hook_secret: str, test_only: bool) -> None:
        if not test_only:
            refuse_taken(wanted.slug)
        turns = own_turns(per_second=wanted.per_second)
        shop = kind.look_at(wanted.way, turns=turns)
        self._tell(shop)
        refuse_unfit(wanted, shop)
        tell_explained(self.stdout, kind.explain(wanted.way, turns=turns), of="it")
        if test_only:
            self.stdout.write("The connection works. Nothing was kept (--test-only).")
            return
        made = new_hook_secret() if kind.signing == "ours" else ""
        source = add_source(wanted, shop=shop, hook_secret=hook_secret or made)
        self.stdout.write(
            f"Added source {source.slug}, rank {source.rank}. "
            f"Read it with `manage.py reconcile --source {source.slug}`."
        )
        told = kind.lines_to_paste(
            delivery_url(source.slug),
            secret="as given" if hook_secret else made,
            settings=wanted.way.settings,
        )
        check = f"Then `manage.py check_source {source.slug}` tells whether they are active."
        self.stdout.write("\n".join(["", *told, *([check] if kind.can_check else [])]))

    def _tell(self, shop: Found) -> None:
        tax = "with" if shop.prices_include_tax else "without"
        self.stdout.write(
            f"Found {shop.name or 'a shop'}: {shop.what}, prices in {shop.currency} {tax} tax, time "
            f"zone {shop.time_zone}."
        )
        for each in shop.remarks:
            self.stdout.write(each)
