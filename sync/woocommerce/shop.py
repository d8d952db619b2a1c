"""What a shop tells of itself before it is connected."""

import html
from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta
from typing import Any
from zoneinfo import available_timezones

from sync.connectors import Found
from sync.http import ShopAnswersNonsense, ShopRefusedKey
from sync.woocommerce.client import Client, NoSuchThing
from sync.woocommerce.connector import ALL_VARIATIONS, CATEGORIES, PRODUCTS
from sync.woocommerce.webhooks import WEBHOOKS

_TAX = "/wc/v3/settings/tax/woocommerce_prices_include_tax"
_UNITS = "/wc/v3/settings/products"


def look_at(client: Client) -> Found:
    """Read what a source needs to know of its shop; raise `ShopError` where it cannot be read."""
    try:
        products = client.page(PRODUCTS, per_page=1, _fields="id").total
        categories = client.page(CATEGORIES, per_page=1, _fields="id").total
        currency = str(client.one("/wc/v3/data/currencies/current", _fields="code")["code"])
        index = client.one("/", _fields="name,timezone_string,gmt_offset")
    except (NoSuchThing, KeyError) as error:
        raise ShopAnswersNonsense(
            f"There is no WooCommerce REST API at {client.base_url}. Give the shop's home address, and "
            "check that its permalinks are not plain."
        ) from error
    tax = _optional(client, _TAX, "value")
    status = _optional(client, "/wc/v3/system_status", "environment")
    version = str((status.get("environment") or {}).get("version") or "unknown")
    return Found(
        name=html.unescape(str(index.get("name") or "")),
        currency=currency,
        prices_include_tax=tax.get("value") == "yes",
        time_zone=_time_zone(index),
        what=f"WooCommerce {version}, {products:,} products in {categories:,} categories",
        remarks=tuple(_remarks(client, tax=tax, status=status)),
    )


def _remarks(client: Client, *, tax: Mapping[str, Any], status: Mapping[str, Any]) -> Iterator[str]:
    if not any(_may_list(client, path) for path in ALL_VARIATIONS):
        yield "It lists variations product by product only, so a sweep takes longer."
    for what, told in (
        ("whether prices include tax (taken for no)", tax),
        ("which version it is", status),
        ("what it measures in (taken for kg and cm)", _may_list(client, _UNITS)),
        ("its webhooks (they cannot be checked)", _may_list(client, WEBHOOKS)),
    ):
        if not told:
            yield (
                f"The key may not tell {what}. Give its user the role of a shop manager, or check it in "
                "the shop."
            )


def _optional(client: Client, path: str, fields: str) -> Mapping[str, Any]:
    try:
        return client.one(path, _fields=fields)
    except (NoSuchThing, ShopRefusedKey):
        return {}


def _may_list(client: Client, path: str) -> bool:
    """Tell whether the shop has this list and the key may read it."""
    try:
        client.many(path, per_page=1, _fields="id")
    except (NoSuchThing, ShopRefusedKey):
        return False
    return True


def _time_zone(index: Mapping[str, Any]) -> str:
    """Return the zone's name, or where the shop keeps a bare offset, the zone of that offset."""
    named = str(index.get("timezone_string") or "")
    if named in available_timezones():
        return named
    offset = timedelta(hours=float(index.get("gmt_offset") or 0))
    hours = int(offset.total_seconds() // 3600)
    # The signs of these names are the other way round (POSIX).
    return f"Etc/GMT{-hours:+d}" if hours else str(UTC)
