"""WooCommerce's webhooks: who signed a delivery, and what it tells to read again; pure."""

import base64
import hashlib
import hmac
import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from catalog_mirror.records import UNWRITABLE
from sync.connectors import Delivery, Hint, MakesNoSense

_KEPT = {
    name: f"X-WC-Webhook-{name}"
    for name in ("Source", "Topic", "Resource", "Event", "ID", "Delivery-ID")
}
_SIGNATURE = "X-WC-Webhook-Signature"
_LONGEST = 100  # characters of a header that are kept; the columns are as wide
_PING = re.compile(rb"webhook_id=\d{1,20}")
# The entities that WordPress decodes in a secret before signing (wp_specialchars_decode, ENT_QUOTES).
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#0*(?:34|38|39|60|62)|#[xX]0*(?:22|26|27));")


class Hooks:
    """WooCommerce's dialect (recorded from 9.9.5)."""

    def is_ping(self, headers: Mapping[str, str], body: bytes) -> bool:
        return not self.has_signature(headers) and _PING.fullmatch(body) is not None

    def has_signature(self, headers: Mapping[str, str]) -> bool:
        return bool(headers.get(_SIGNATURE))

    def is_signed(self, headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str]) -> bool:
        given = headers.get(_SIGNATURE, "").encode(errors="replace")
        # Each is compared, whichever fits: the time taken tells nothing.
        fits = [hmac.compare_digest(signature_of(body, secret), given) for secret in secrets]
        return any(fits)

    def delivery(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        kept = {name: _kept(headers.get(header, "")) for name, header in _KEPT.items()}
        return Delivery(
            topic=kept["Topic"],
            delivery_id=kept["Delivery-ID"],
            body=body,
            headers={_KEPT[name]: text for name, text in kept.items() if text},
        )

    def hint(self, topic: str, body: bytes) -> Hint | None:
        """Return what to read again.

        The topic is not signed, so it decides nothing but that other resources are left alone. A body of
        nothing but an id is a deletion's: the id may be a product's, a variation's, an order's, a page's.
        """
        record = _record(body)
        if topic and not topic.startswith("product."):
            return None
        identifier = record.get("id")
        if not _is_id(identifier):
            raise MakesNoSense(_missing_id(record))
        if "type" not in record:
            return Hint("either", str(identifier))
        if record["type"] != "variation":
            return Hint("family", str(identifier))
        parent_id = record.get("parent_id")
        # An orphan is no part of any product, and mirrored nowhere.
        return Hint("variant", str(identifier), str(parent_id)) if _is_id(parent_id) else None


def signature_of(body: bytes, secret: str) -> bytes:
    """Return the base64 of the HMAC-SHA256 over the raw body, as WC_Webhook::generate_signature does."""
    key = _ENTITY.sub(lambda found: html.unescape(found[0]), secret).encode()
    return base64.b64encode(hmac.new(key, body, hashlib.sha256).digest())


def _kept(text: str) -> str:
    return UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)[:_LONGEST]


def _record(body: bytes) -> dict[str, Any]:
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MakesNoSense(
            "Its body is no JSON. Look for a plugin that changes webhooks."
        ) from error
    if not isinstance(record, dict):
        raise MakesNoSense("Its body is no record. Look for a plugin that changes webhooks.")
    return record


def _is_id(value: object) -> bool:
    # An id of WordPress is a positive 64-bit number; `True` is an int to Python.
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63


def _missing_id(record: dict[str, Any]) -> str:
    if code := record.get("code"):
        return (
            f"The shop told of an error of its own ({_kept(str(code))}): what changed was deleted before "
            "it was told, or is no product. The next sweep finds what is left of it."
        )
    return "Its body names no product. Look for a plugin that changes webhooks."
