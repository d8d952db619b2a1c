"""Shopify's webhooks: who signed a delivery, and what it tells to read again; pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from catalog_mirror.records import UNWRITABLE
from sync.connectors import Delivery, Hint, MakesNoSense
from sync.shopify.connector import ITEM
from sync.signing import base64_signature, fits_one

_SIGNATURE = "X-Shopify-Hmac-Sha256"
_KEPT = ("Topic", "Shop-Domain", "API-Version", "Webhook-Id", "Event-Id", "Triggered-At")
_LONGEST = 100  # characters of a header that are kept; the columns are as wide


class Hooks:
    """Shopify's dialect. The old secret may sign for an hour after a rotation."""

    def is_ping(self, headers: Mapping[str, str], body: bytes) -> bool:
        del headers, body
        return False

    def has_signature(self, headers: Mapping[str, str]) -> bool:
        return bool(headers.get(_SIGNATURE))

    def is_signed(self, headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str]) -> bool:
        expected = [base64_signature(body, secret) for secret in secrets]
        return fits_one(headers.get(_SIGNATURE, ""), expected)

    def delivery(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        kept = {
            f"X-Shopify-{name}": UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)[:_LONGEST]
            for name in _KEPT
            if (text := headers.get(f"X-Shopify-{name}", ""))
        }
        return Delivery(
            topic=kept.get("X-Shopify-Topic", ""),
            delivery_id=kept.get("X-Shopify-Webhook-Id", ""),
            body=body,
            headers=kept,
        )

    def hint(self, topic: str, body: bytes) -> Hint | None:
        """Return what to read again.

        Collections and locations do not name the goods in them; a removed app is found by the sweep,
        which is refused. Other topics are none of ours.
        """
        resource = topic.partition("/")[0]
        if resource in {"collections", "locations", "app"}:
            return Hint("all")
        if resource == "products":
            return Hint("family", _id(_record(body), "id"))
        if resource in {"inventory_levels", "inventory_items"}:
            name = "id" if resource == "inventory_items" else "inventory_item_id"
            return Hint("variant", ITEM + _id(_record(body), name))
        return None


def _record(body: bytes) -> dict[str, Any]:
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MakesNoSense("Its body is no JSON. Look at the format of the webhook.") from error
    if not isinstance(record, dict):
        raise MakesNoSense("Its body is no record. Look at the format of the webhook.")
    return record


def _id(record: dict[str, Any], name: str) -> str:
    """Return an id as text; `True` is an int to Python."""
    found = record.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 < found < 2**64:
        raise MakesNoSense(
            f"Its body has no {name}. Leave the webhook's include_fields empty, or name it there."
        )
    return str(found)
