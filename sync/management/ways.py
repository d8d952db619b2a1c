"""The way to a shop as a person says it: flags, the environment, or answers at a terminal."""

import os
import sys
from argparse import ArgumentParser, BooleanOptionalAction
from collections.abc import Mapping
from getpass import getpass
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import CommandError

from groundwork.management.prompt import WRONG_USAGE
from sync.connectors import Asked, Kind, Way, WrongSettings


def add_way_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--url", help="the shop's home address; of a feed its own, or file:NAME")
    parser.add_argument("--key", help="consumer key, or a feed's user")
    parser.add_argument("--secret", help="consumer secret, or a feed's password")
    parser.add_argument("--token", help="access token of Shopify, Magento or a feed")
    parser.add_argument("--token-secret", help="access token secret (OAuth 1.0a)")
    parser.add_argument("--map", type=Path, metavar="FILE", help="how a feed is read")
    parser.add_argument("--api-version", help="of Shopify; the newest that is supported else")
    parser.add_argument("--store", help="Magento's store view; default else")
    parser.add_argument(
        "--prices-include-tax",
        action=BooleanOptionalAction,
        help="where the shop does not tell it (Magento)",
    )


def refuse_slow(per_second: float) -> None:
    if per_second <= 0:
        raise WrongSettings("--requests-per-second is above 0.")


def changed_way(kind: Kind, options: dict[str, Any], *, before: Way) -> Way:
    """Return a way in which what was said is put in place of what was; raise `WrongSettings`."""
    base_url = kind.address(options["url"]) if options["url"] else before.base_url
    key = dict(before.key) | {
        asked.name: part for asked in kind.asks if (part := _given(asked, options))
    }
    kept = before.settings
    include_tax = options["prices_include_tax"]
    said = {
        "given": set(key),
        "map": _text_of(options["map"]) or orjson.dumps(kept.get("map")).decode(),
        "api_version": options["api_version"] or kept.get("version"),
        "store": options["store"] or kept.get("store"),
        "prices_include_tax": kept.get("prices_include_tax")
        if include_tax is None
        else include_tax,
    }
    return Way(base_url=base_url, key=key, settings=kind.settings(said))


def way_of(kind: Kind, options: dict[str, Any]) -> Way:
    """Return the way to a shop by what was said, asking at a terminal for what was not."""
    base_url = kind.address(options["url"] or _ask("Address of the shop", "--url"))
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
    given = _given(asked, options)
    if given or asked.is_optional:
        return given
    flags = f"--{asked.flag.replace('_', '-')} or SOURCE_{asked.flag.upper()}"
    return _ask_secret(asked.prompt, flags) if asked.is_secret else _ask(asked.prompt, flags)


def _given(asked: Asked, options: Mapping[str, Any]) -> str:
    in_environment = os.environ.get(f"SOURCE_{asked.flag.upper()}")
    return str(options[asked.flag] or in_environment or "").strip()


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
