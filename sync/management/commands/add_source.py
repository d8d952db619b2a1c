"""`manage.py add_source`: tests the connection to a shop and keeps it as a source."""

import os
import re
import sys
from argparse import ArgumentParser
from contextlib import closing
from datetime import time
from getpass import getpass
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from sync.adding import SourceExists, Wanted, add_source, new_hook_secret, refuse_taken
from sync.http import ShopError, own_turns
from sync.listening import delivery_url
from sync.models import Connection
from sync.woocommerce.client import Client, Key
from sync.woocommerce.pasting import lines_to_paste
from sync.woocommerce.shop import Shop, look_at

WRONG_USAGE = 2
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Command(BaseCommand):
    help = (
        "Test the connection to a shop, say what it is, and keep it as a source. Nothing is written "
        "to the shop. The key may come from SOURCE_KEY and SOURCE_SECRET, so that it is in no list of "
        "processes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="part of the contract with partners; it never changes")
        parser.add_argument("--kind", choices=Connection.Kind.values, default="woocommerce")
        parser.add_argument("--url", help="the shop's home address")
        parser.add_argument("--key", help="consumer key (ck_…) that may read")
        parser.add_argument("--secret", help="consumer secret (cs_…)")
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
        wanted = Wanted(
            slug=slug,
            kind=options["kind"],
            base_url=_address(options["url"] or _ask("Address of the shop", "--url")),
            name=options["name"],
            rank=options["rank"],
            sku_prefix=options["sku_prefix"],
            per_second=options["requests_per_second"],
            sweep_at=options["sweep_at"],
        )
        if wanted.per_second <= 0:
            raise CommandError("--requests-per-second is above 0.", returncode=WRONG_USAGE)
        key = _key(options["key"], options["secret"])
        given = options["hook_secret"] or os.environ.get("SOURCE_HOOK_SECRET") or ""
        try:
            self._add(wanted, key, hook_secret=given.strip(), test_only=test_only)
        except (ShopError, SourceExists) as error:
            raise CommandError(str(error)) from error

    def _add(self, wanted: Wanted, key: Key, *, hook_secret: str, test_only: bool) -> None:
        if not test_only:
            refuse_taken(wanted.slug)
        client = Client(wanted.base_url, key, turns=own_turns(per_second=wanted.per_second))
        with closing(client.wire):
            shop = look_at(client)
        self._tell(shop)
        if test_only:
            self.stdout.write("The connection works. Nothing was kept (--test-only).")
            return
        secret = hook_secret or new_hook_secret()
        source = add_source(wanted, key=key, shop=shop, hook_secret=secret)
        self.stdout.write(
            f"Added source {source.slug}, rank {source.rank}. "
            f"Read it with `manage.py reconcile --source {source.slug}`."
        )
        told = lines_to_paste(
            delivery_url(source.slug), secret="as given" if hook_secret else secret
        )
        check = f"Then `manage.py check_source {source.slug}` tells whether they are active."
        self.stdout.write("\n".join(["", *told, check]))

    def _tell(self, shop: Shop) -> None:
        tax = "with" if shop.prices_include_tax else "without"
        self.stdout.write(
            f"Found {shop.name or 'a shop'}: WooCommerce {shop.version}, {shop.products:,} products in "
            f"{shop.categories:,} categories, prices in {shop.currency} {tax} tax, time zone "
            f"{shop.time_zone}."
        )
        if not shop.lists_all_variations:
            self.stdout.write(
                "It lists variations product by product only, so a sweep takes longer."
            )
        for each in shop.unknown:
            self.stdout.write(
                f"The key may not tell {each}. Give its user the role of a shop manager, or check "
                "it in the shop."
            )

    def _tell_webhooks(self, slug: str, secret: str) -> None:
        """Say what goes into the shop's own form: nothing is written there from here."""
        self.stdout.write(
            "For changes within seconds add four webhooks in the shop (WooCommerce > Settings > Advanced "
            "> Webhooks): Product created, updated, deleted, restored; each active, with\n"
            f"  Delivery URL: https://(our address)/hooks/{slug}/\n"
            f"  Secret: {secret}\n"
            "  API version: WP REST API Integration v3"
        )


def _key(key: str | None, secret: str | None) -> Key:
    key = key or os.environ.get("SOURCE_KEY") or _ask("Consumer key", "--key or SOURCE_KEY")
    secret = secret or os.environ.get("SOURCE_SECRET") or _ask_secret()
    return Key(consumer_key=key.strip(), consumer_secret=secret.strip())


def _ask(what: str, flag: str) -> str:
    answer = input(f"{what}: ").strip() if sys.stdin.isatty() else ""
    if not answer:
        raise CommandError(f"{what} is missing: give {flag}.", returncode=WRONG_USAGE)
    return answer


def _ask_secret() -> str:
    answer = getpass("Consumer secret (not shown): ").strip() if sys.stdin.isatty() else ""
    if not answer:
        raise CommandError(
            "Consumer secret is missing: give --secret or SOURCE_SECRET.", returncode=WRONG_USAGE
        )
    return answer


def _address(url: str) -> str:
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
        raise CommandError(
            "An address is like https://shop.example, without a query or a key in it.",
            returncode=WRONG_USAGE,
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
