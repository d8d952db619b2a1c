"""Signatures by Standard Webhooks (standardwebhooks.com), and a plain one over the body; pure.

A secret is `whsec_` and the base64 of 32 random bytes. What is signed is `id.timestamp.body`.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

_PREFIX = "whsec_"
_LENGTH = 32  # bytes; the standard asks for 24 to 64


def new_secret() -> str:
    """Return a secret as it is shown to the partner, once."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_LENGTH)).decode()


def signed_headers(
    message_id: str, body: bytes, held: Sequence[str], *, at: int, signs_body: bool
) -> dict[str, str]:
    """Return the headers of a message; `held` are the secrets that count, the newest first.

    `at` is in seconds since 1970, of this attempt: receivers refuse what is too old.
    """
    content = b"%b.%d.%b" % (message_id.encode(), at, body)
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{_signature(each, content)}" for each in held),
    }
    if signs_body:
        # Over the body alone, keyed with the whole secret as it was shown.
        names = ("X-Signature", "X-Signature-Previous")
        for name, secret in zip(names, held, strict=False):
            headers[name] = "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()
    return headers


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
