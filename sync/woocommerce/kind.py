"""WooCommerce as a kind of shop."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any, ClassVar, Literal

from sync.addresses import web_address
from sync.connectors import Asked, Clock, Explained, Found, Way
from sync.http import Turns
from sync.woocommerce.client import Client, Key
from sync.woocommerce.connector import WooCommerce
from sync.woocommerce.hooks import Hooks
from sync.woocommerce.pasting import lines_to_paste
from sync.woocommerce.shop import look_at


class WooCommerceKind:
    asks = (
        Asked(name="consumer_key", prompt="Consumer key", flag="key"),
        Asked(name="consumer_secret", prompt="Consumer secret", flag="secret", is_secret=True),
    )
    signing: Literal["ours", "theirs", "none"] = "ours"
    can_check = True
    polls: ClassVar[Mapping[str, Any]] = {}

    def address(self, text: str) -> str:
        return web_address(text)

    def settings(self, said: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - it wants none
        return {}

    def connector(self, way: Way, *, turns: Turns, clock: Clock) -> WooCommerce:
        return WooCommerce(Client(way.base_url, Key(**way.key), turns=turns), clock)

    def look_at(self, way: Way, *, turns: Turns) -> Found:
        client = Client(way.base_url, Key(**way.key), turns=turns)
        with closing(client.wire):
            return look_at(client)

    def explain(self, way: Way, *, turns: Turns) -> Explained:  # noqa: ARG002 - all is known of it
        return Explained()

    def dialect(self, settings: Mapping[str, Any]) -> Hooks:  # noqa: ARG002
        return Hooks()

    def lines_to_paste(
        self,
        url: str,
        *,
        secret: str,
        settings: Mapping[str, Any],  # noqa: ARG002
    ) -> list[str]:
        return lines_to_paste(url, secret)
