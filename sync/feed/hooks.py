"""A feed's signed push: who sent it, and what it tells to read again; pure."""

from collections.abc import Mapping, Sequence

import orjson

from sync.connectors import Delivery, Hint, MakesNoSense
from sync.feed.rules import Unreadable, pick, text_of
from sync.signing import fits_one, hex_signature

SIGNATURE = "X-Signature-256"
_PREFIX = "sha256="


class Push:
    """`X-Signature-256: sha256=` and the hex of the HMAC-SHA256 over the raw body."""

    def __init__(self, push_id: str) -> None:
        self._push_id = push_id

    def is_ping(self, headers: Mapping[str, str], body: bytes) -> bool:
        del headers, body
        return False

    def has_signature(self, headers: Mapping[str, str]) -> bool:
        return bool(headers.get(SIGNATURE))

    def is_signed(self, headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str]) -> bool:
        expected = [_PREFIX + hex_signature(body, secret) for secret in secrets]
        return fits_one(headers.get(SIGNATURE, ""), expected)

    def delivery(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        del headers
        return Delivery(topic="push", delivery_id="", body=body)

    def hint(self, topic: str, body: bytes) -> Hint:
        """Return the product that the body names; where the map names no field for it, all of the feed."""
        del topic
        if not self._push_id:
            return Hint("all")
        try:
            named = text_of(pick(orjson.loads(body), self._push_id))
        except (orjson.JSONDecodeError, Unreadable) as error:
            raise MakesNoSense(
                "Its body is no JSON with a product's id. Ask the feed's maker."
            ) from error
        if not named:
            raise MakesNoSense(
                f"Its body has nothing at {self._push_id}. Look at the map's `push`."
            )
        return Hint("family", named)
