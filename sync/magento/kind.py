"""Magento as a kind of shop."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any, ClassVar, Literal
from zoneinfo import available_timezones

from sync.addresses import web_address
from sync.connectors import (
    Asked,
    Clock,
    Delivery,
    Explained,
    Found,
    Hint,
    Way,
    WrongSettings,
)
from sync.http import ShopAnswersNonsense, ShopRefusedKey, Turns
from sync.magento.client import Client, NoSuchThing
from sync.magento.connector import Magento
from sync.magento.stock import StockReader
from sync.shapes import as_sent_by

_OAUTH = {"consumer_key", "consumer_secret", "token", "token_secret"}
_STORE = re.compile(r"[a-z][a-z0-9_]*")
# What a key is to read, by the resource that its integration is given.
_RESOURCES = {
    "products": "Catalog > Inventory > Products",
    "categories/list": "Catalog > Inventory > Categories",
    "inventory/source-items": "Stores > Inventory > Sources",
    "inventory/sources": "Stores > Inventory > Sources",
    "store/storeConfigs": "Stores > Settings > All Stores",
}


class MagentoKind:
    asks = (
        Asked(name="token", prompt="Access token", flag="token", is_secret=True),
        Asked(name="consumer_key", prompt="Consumer key", flag="key", is_optional=True),
        Asked(
            name="consumer_secret",
            prompt="Consumer secret",
            flag="secret",
            is_secret=True,
            is_optional=True,
        ),
        Asked(
            name="token_secret",
            prompt="Access token secret",
            flag="token_secret",
            is_secret=True,
            is_optional=True,
        ),
    )
    signing: Literal["ours", "theirs", "none"] = "none"
    can_check = False
    polls: ClassVar[Mapping[str, timedelta]] = {
        "changes": timedelta(minutes=3),
        "stock": timedelta(minutes=15),
    }

    def address(self, text: str) -> str:
        return web_address(text)

    def settings(self, said: Mapping[str, Any]) -> dict[str, Any]:
        given = set(said.get("given") or ())
        if given not in ({"token"}, _OAUTH):
            raise WrongSettings(
                "Magento wants --token alone (a bearer token), or all four of --key, --secret, --token and "
                "--token-secret (OAuth 1.0a)."
            )
        store = said.get("store") or "default"
        if not _STORE.fullmatch(store):
            raise WrongSettings("A store view's code is lower case letters, digits and _.")
        return {"store": store, "prices_include_tax": bool(said.get("prices_include_tax"))}

    def connector(self, way: Way, *, turns: Turns, clock: Clock) -> Magento:
        return Magento(_client(way, turns), clock)

    def look_at(self, way: Way, *, turns: Turns) -> Found:
        client = _client(way, turns)
        with closing(client.wire):
            _refuse_without(client)
            try:
                configs = client.read("store/storeConfigs")
                [config, *_] = [c for c in configs if c["code"] == client.store] or configs
                body = client.read(
                    "products",
                    **{"searchCriteria[pageSize]": 1, "searchCriteria[currentPage]": 1},
                    fields="items[id],total_count",
                )
                has_sources = StockReader(client).has_sources
                return _found(config, int(body["total_count"]), way, has_sources=has_sources)
            except (KeyError, TypeError, ValueError) as error:
                raise _no_magento(client) from error

    @as_sent_by("Magento")
    def explain(self, way: Way, *, turns: Turns) -> Explained:
        """Say which of what is needed the key may not read."""
        client = _client(way, turns)
        with closing(client.wire):
            return Explained(("It is read by polling.",), tuple(_lacks(client)))

    def dialect(self, settings: Mapping[str, Any]) -> "Silence":
        del settings
        return Silence()

    def lines_to_paste(self, url: str, *, secret: str, settings: Mapping[str, Any]) -> list[str]:
        del url, secret, settings
        every = {name: int(each.total_seconds() // 60) for name, each in self.polls.items()}
        told = (
            "Magento tells nothing by itself: there is nothing to paste. It is asked for what was edited "
            f"every {every['changes']} minutes, for its stock every {every['stock']}, and read whole each "
            "night."
        )
        return [told]


class Silence:
    """The dialect of shops that send nothing: whatever comes is not theirs."""

    def is_ping(self, headers: Mapping[str, str], body: bytes) -> bool:
        del headers, body
        return False

    def has_signature(self, headers: Mapping[str, str]) -> bool:
        del headers
        return False

    def is_signed(self, headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str]) -> bool:
        del headers, body, secrets
        return False

    def delivery(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        del headers
        return Delivery(topic="", delivery_id="", body=body)

    def hint(self, topic: str, body: bytes) -> Hint | None:
        del topic, body
        return None


def _client(way: Way, turns: Turns) -> Client:
    return Client(way.base_url, way.key, store=way.settings["store"], turns=turns)


def _found(config: Mapping[str, Any], count: int, way: Way, *, has_sources: bool) -> Found:
    zone = str(config.get("timezone") or "")
    counts = "stock by sources" if has_sources else "one stock"
    return Found(
        name="",
        currency=str(config["base_currency_code"]),
        time_zone=zone if zone in available_timezones() else "UTC",
        prices_include_tax=way.settings["prices_include_tax"],
        what=f"Magento 2, {count:,} products, {counts}",
        remarks=(
            "Magento does not tell whether prices include tax: it was taken from --prices-include-tax.",
        ),
    )


def _lacks(client: Client) -> Iterator[str]:
    for path, resource in _RESOURCES.items():
        try:
            if path == "store/storeConfigs":
                client.read(path)
            else:
                client.items(path, [], size=1)
        except ShopRefusedKey:
            yield f"The key may not read {path}: give its integration the resource {resource}."
        except NoSuchThing:
            if not path.startswith("inventory/"):  # its modules may be off
                yield f"There is no {path} at {client.base_url}."


def _refuse_without(client: Client) -> None:
    """Raise `ShopRefusedKey` with all that the key lacks, or that there is no Magento."""
    lacks = list(_lacks(client))
    if len(lacks) == len(_RESOURCES):
        client.read("store/storeConfigs")  # the key itself is refused, and that says so
    if lacks:
        if any(each.startswith("There is no") for each in lacks):
            raise _no_magento(client)
        raise ShopRefusedKey(" ".join(lacks))


def _no_magento(client: Client) -> ShopAnswersNonsense:
    return ShopAnswersNonsense(
        f"There is no Magento REST API at {client.base_url}. Give the shop's home address and a store "
        "view that it has."
    )
