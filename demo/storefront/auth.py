"""Who may read: Basic over https, OAuth 1.0a over plain http, as WooCommerce decides it."""

import base64
import hashlib
import hmac
import re
from binascii import Error as NotBase64
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote, unquote

from demo.shops import Shop
from demo.storefront.http import Request, RestError

WINDOW = 15 * 60  # seconds a timestamp may be off, and a nonce is remembered
FIELDS = ("consumer_key", "timestamp", "nonce", "signature", "signature_method")
DIGESTS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}


def refusal(message: str) -> RestError:
    return RestError(401, "woocommerce_rest_authentication_error", message)


def signature_of(
    *, method: str, url: str, pairs: list[tuple[str, str]], secret: str, digest: str
) -> str:
    """Sign a request as OAuth 1.0a does (RFC 5849, 3.4), without a token."""
    encoded = sorted((_escape(name), _escape(value)) for name, value in pairs)
    joined = "&".join(f"{name}={value}" for name, value in encoded)
    base = "&".join(_escape(part) for part in (method.upper(), url, joined))
    signed = hmac.new(f"{secret}&".encode(), base.encode(), DIGESTS[digest])
    return base64.b64encode(signed.digest()).decode()


class Gate:
    """Checks the keys of one shop and remembers the nonces it has seen."""

    def __init__(self, shop: Shop, clock: Callable[[], datetime]) -> None:
        self._shop = shop
        self._clock = clock
        self._nonces: dict[str, float] = {}

    def admits(self, request: Request) -> bool:
        """Return whether the request is signed by the shop's key.

        Raises RestError 401 for a wrong secret or signature, and for a write: the key only reads.
        """
        admitted = (request.is_https and self._basic(request)) or self._oauth(request)
        if admitted and request.method not in {"GET", "HEAD"}:
            raise refusal("The API key provided does not have write permissions.")
        return admitted

    def _basic(self, request: Request) -> bool:
        query = dict(request.pairs)
        key, secret = query.get("consumer_key", ""), query.get("consumer_secret", "")
        if not (key and secret):
            key, secret = _basic_pair(request.authorization)
        if not hmac.compare_digest(key.encode(), self._shop.consumer_key.encode()):
            return False
        if not hmac.compare_digest(secret.encode(), self._shop.consumer_secret.encode()):
            raise refusal("Consumer secret is invalid.")
        return True

    def _oauth(self, request: Request) -> bool:
        pairs = [*request.pairs, *_oauth_pairs(request.authorization)]
        given = {name: value for name, value in pairs if name.startswith("oauth_")}
        if not given:
            return False
        missing = [f"oauth_{field}" for field in FIELDS if f"oauth_{field}" not in given]
        if missing:
            code = "woocommerce_rest_authentication_missing_parameter"
            plural = "s" if len(missing) > 1 else ""
            raise RestError(401, code, f"Missing OAuth parameter{plural} {', '.join(missing)}")
        if given["oauth_consumer_key"] != self._shop.consumer_key:
            raise refusal("Consumer key is invalid.")
        self._check_signature(request, pairs, given)
        self._check_nonce(given["oauth_timestamp"], given["oauth_nonce"])
        return True

    def _check_signature(
        self, request: Request, pairs: list[tuple[str, str]], given: dict[str, str]
    ) -> None:
        if given["oauth_signature_method"] not in DIGESTS:
            raise refusal("Invalid signature - signature method is invalid.")
        expected = signature_of(
            method=request.method,
            url=request.base + quote(request.path),
            pairs=[pair for pair in pairs if pair[0] != "oauth_signature"],
            secret=self._shop.consumer_secret,
            digest=given["oauth_signature_method"],
        )
        if not hmac.compare_digest(expected.encode(), given["oauth_signature"].encode()):
            raise refusal("Invalid signature - provided signature does not match.")

    def _check_nonce(self, timestamp: str, nonce: str) -> None:
        now = self._clock().timestamp()
        if not timestamp.isdigit() or abs(now - int(timestamp)) > WINDOW:
            raise refusal("Invalid timestamp.")
        self._nonces = {n: at for n, at in self._nonces.items() if now - at <= WINDOW}
        if nonce in self._nonces:
            raise refusal("Invalid nonce - nonce has already been used.")
        self._nonces[nonce] = now


def _escape(text: str) -> str:
    return quote(text, safe="~")


def _basic_pair(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        key, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (NotBase64, UnicodeDecodeError):
        return "", ""
    return key, secret


def _oauth_pairs(authorization: str) -> list[tuple[str, str]]:
    if not authorization.lower().startswith("oauth "):
        return []
    found = re.findall(r'(oauth_\w+)="([^"]*)"', authorization)
    return [(name, unquote(value)) for name, value in found]
