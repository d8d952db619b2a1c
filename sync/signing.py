"""How requests are signed for shops: pure, but for the clock and the chance that signatures want."""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit


@dataclass(frozen=True, kw_only=True)
class FourKeys:
    """What OAuth 1.0a wants to know: who asks, and for whom."""

    consumer_key: str
    consumer_secret: str
    token: str
    token_secret: str


def bearer_header(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic_header(user: str, password: str) -> dict[str, str]:
    """Return HTTP Basic (RFC 7617)."""
    pair = f"{user}:{password}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def oauth_header(url: str, keys: FourKeys, *, realm: str = "") -> dict[str, str]:
    """Return the header that signs one GET of `url` (RFC 5849, 3.5.1), by HMAC-SHA256."""
    parts = urlsplit(url)
    said = {
        "oauth_consumer_key": keys.consumer_key,
        "oauth_nonce": secrets.token_hex(16),
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_timestamp": str(int(time.time())),
        "oauth_token": keys.token,
        "oauth_version": "1.0",
    }
    asked = parse_qsl(parts.query, keep_blank_values=True)
    base = f"{parts.scheme}://{_authority(parts)}{parts.path}"
    text = "&".join(map(escaped, ("GET", base, pairs_of([*asked, *said.items()]))))
    key = f"{escaped(keys.consumer_secret)}&{escaped(keys.token_secret)}"
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    said["oauth_signature"] = base64.b64encode(digest).decode()
    named = {"realm": realm, **said} if realm else said
    return {"Authorization": "OAuth " + ", ".join(f'{k}="{escaped(v)}"' for k, v in named.items())}


def _authority(parts: SplitResult) -> str:
    """Return the host as it is signed: in lower case, without the scheme's own port (3.4.1.2)."""
    host = (parts.hostname or "").lower()
    own = {"http": 80, "https": 443}.get(parts.scheme)
    return host if parts.port in {None, own} else f"{host}:{parts.port}"


def hex_signature(body: bytes, secret: str) -> str:
    """Return the hex of the HMAC-SHA256 over a raw body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def base64_signature(body: bytes, secret: str) -> str:
    """Return the base64 of the HMAC-SHA256 over a raw body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def fits_one(given: str, expected: Sequence[str]) -> bool:
    """Compare a signature with each that would do; the time taken tells nothing of which."""
    fits = [hmac.compare_digest(each.encode(), given.encode(errors="replace")) for each in expected]
    return any(fits)


def query_of(params: Mapping[str, str | int]) -> str:
    """Return the parameters as they are signed: escaped by RFC 3986 and sorted."""
    return pairs_of([(name, str(value)) for name, value in params.items()])


def pairs_of(pairs: Sequence[tuple[str, str]]) -> str:
    escapes = sorted((escaped(name), escaped(value)) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in escapes)


def escaped(text: str) -> str:
    return quote(text, safe="~")
