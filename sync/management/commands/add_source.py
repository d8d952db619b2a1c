"""`manage.py add_source`: tests the connection to a shop and keeps it as a source."""

import os
import re
import sys
from argparse import ArgumentParser, BooleanOptionalAction
from collections.abc import Mapping
from datetime import time
from getpass import getpass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sync.adding import SourceExists, Wanted, add_source, new_hook_secret, refuse_taken
from sync.connectors import Asked, Found, Kind, Way, WrongSettings
from sync.http import ShopError, own_turns
from sync.kinds import KINDS
from sync.listening import delivery_url
from sync.management.prompt import tell_explained
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
        parser.add_argument(
            "--url", help="the shop's home address; of a feed its own, or file:NAME"
        )
        parser.add_argument("--key", help="consumer key, or a feed's user")
        parser.add_argument("--secret", help="consumer secret, or a feed's password")
        parser.add_argument("--token", help="access token of Shopify, Magento or a feed")
        parser.add_argument("--token-secret", help="access token secret (OAuth 1.0a)")
        parser.add_argument("--hook-secret", help="of the shop's webhooks; made here if not given")
        parser.add_argument("--map", type=Path, metavar="FILE", help="how a feed is read")
        parser.add_argument("--api-version", help="of Shopify; the newest that is supported else")
        parser.add_argument("--store", help="Magento's store view; default else")
        parser.add_argument(
            "--prices-include-tax",
            action=BooleanOptionalAction,
            help="where the shop does not tell it (Magento)",
        )
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
            way = _way(kind, options)
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
        except (ShopError, SourceExists) as error:
            raise CommandError(str(error)) from error

    def _add(self, wanted: Wanted, kind: Kind, *, hook_secret: str, test_only: bool) -> None:
        if not test_only:
            refuse_taken(wanted.slug)
        turns = own_turns(per_second=wanted.per_second)
        shop = kind.look_at(wanted.way, turns=turns)
        self._tell(shop)
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


def _way(kind: Kind, options: dict[str, Any]) -> Way:
    """Return the way to a shop by what was said, asking at a terminal for what was not."""
    base_url = kind.address(options["url"] or _ask("Address of the shop", "--url"))
    if options["requests_per_second"] <= 0:
        raise WrongSettings("--requests-per-second is above 0.")
    key = {asked.name: part for asked in kind.asks if (part := _part(asked, options))}
    said = {**options, "given": set(key), "map": _text_of(options["map"])}
    return Way(base_url=base_url, key=key, settings=kind.settings(said))


def _text_of(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSettings(f"The map {path} cannot be read ({error}).") from error


def _part(asked: Asked, options: Mapping[str, Any]) -> str:
    """Return one part of the key, from its flag, the environment or the terminal."""
    env = f"SOURCE_{asked.flag.upper()}"
    given = str(options[asked.flag] or os.environ.get(env) or "").strip()
    if given or asked.is_optional:
        return given
    flags = f"--{asked.flag.replace('_', '-')} or {env}"
    return _ask_secret(asked.prompt, flags) if asked.is_secret else _ask(asked.prompt, flags)


def _ask(what: str, flags: str) -> str:
    answer = input(f"{what}: ").strip() if sys.stdin.isatty() else ""
    if not answer:
        raise CommandError(f"{what} is missing: give {flags}.", returncode=WRONG_USAGE)
    return answer


def _ask_secret(what: str, flags: str) -> str:
    answer = getpass(f"{what} (not shown): ").strip() if sys.stdin.isatty() else ""
    if not answer:
        raise CommandError(f"{what} is missing: give {flags}.", returncode=WRONG_USAGE)
    return answer
