"""Shopify as a kind of shop."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, ClassVar, Literal

from sync.addresses import web_address
from sync.connectors import Asked, Clock, Explained, Found, Way, WrongSettings
from sync.http import ShopAnswersNonsense, ShopRefusedKey, Turns
from sync.shapes import as_sent_by
from sync.shopify import documents
from sync.shopify.client import Client, Json
from sync.shopify.connector import Shopify
from sync.shopify.hooks import Hooks
from sync.shopify.webhooks import subscribing

SCOPES = ("read_products", "read_inventory", "read_locations")


class ShopifyKind:
    asks = (Asked(name="token", prompt="Access token", flag="token", is_secret=True),)
    signing: Literal["ours", "theirs", "none"] = "theirs"
    can_check = True
    polls: ClassVar[Mapping[str, Any]] = {}

    def address(self, text: str) -> str:
        return web_address(text)

    def settings(self, said: Mapping[str, Any]) -> dict[str, Any]:
        version = said.get("api_version") or documents.VERSIONS[-1]
        if version not in documents.VERSIONS:
            known = ", ".join(documents.VERSIONS)
            raise WrongSettings(f"Shopify's versions that are read are {known}, not {version}.")
        return {"version": version}

    def connector(self, way: Way, *, turns: Turns, clock: Clock) -> Shopify:
        return Shopify(_client(way, turns), clock)

    @as_sent_by("Shopify")
    def look_at(self, way: Way, *, turns: Turns) -> Found:
        """Read what the shop is; raise `ShopRefusedKey` for a token without the scopes it wants."""
        client = _client(way, turns)
        with closing(client.wire):
            told = client.ask(documents.SHOP)
        try:
            shop, count, scopes = told["shop"], told["productsCount"]["count"], _scopes(told)
            _refuse_without(scopes)
            return Found(
                name=shop["name"],
                currency=shop["currencyCode"],
                time_zone=shop["ianaTimezone"],
                prices_include_tax=shop["taxesIncluded"],
                what=f"Shopify {client.answered_version or way.settings['version']}, {count:,} products",
                remarks=tuple(_remarks(scopes)),
            )
        except (KeyError, TypeError) as error:
            raise ShopAnswersNonsense(
                "The shop does not tell what it is. Check its address."
            ) from error

    @as_sent_by("Shopify")
    def explain(self, way: Way, *, turns: Turns) -> Explained:
        """Say with which version the shop answers, and what its token lacks."""
        client = _client(way, turns)
        with closing(client.wire):
            told = client.ask(documents.SHOP)
        asked, answered = client.version, client.answered_version
        problems = [
            f"The token lacks the scope {each}." for each in SCOPES if each not in _scopes(told)
        ]
        if answered not in {"", asked}:
            problems.append(
                f"The shop was asked for version {asked} and answers with {answered}: Shopify has ended "
                "the one that was asked for. Update Tradecounter."
            )
        return Explained((f"It answers with version {answered or asked}.",), tuple(problems))

    def dialect(self, settings: Mapping[str, Any]) -> Hooks:
        del settings
        return Hooks()

    def lines_to_paste(self, url: str, *, secret: str, settings: Mapping[str, Any]) -> list[str]:
        del settings
        return list(_to_paste(url, secret))


def _client(way: Way, turns: Turns) -> Client:
    return Client(way.base_url, way.key["token"], version=way.settings["version"], turns=turns)


def _scopes(told: Json) -> list[str]:
    return [each["handle"] for each in told["currentAppInstallation"]["accessScopes"]]


def _refuse_without(scopes: list[str]) -> None:
    lacks = [each for each in SCOPES if each not in scopes]
    if lacks:
        raise ShopRefusedKey(
            f"The token lacks the scopes {', '.join(lacks)}. Give them to the app and install it anew."
        )


def _remarks(scopes: list[str]) -> Iterator[str]:
    writes = [each for each in scopes if each.startswith("write_")]
    if writes:
        yield (
            f"The token may also write ({', '.join(writes)}). Nothing is ever written; take these scopes "
            "from the app."
        )


def _to_paste(url: str, secret: str) -> Iterator[str]:
    yield "For changes within seconds send this with the app's own token (in a GraphQL client, once):"
    yield subscribing(url)
    if not secret:
        yield "Shopify signs with the app's client secret: give it to `manage.py set_hook_secret`."
