"""The form of a key: `tc_live_<id>_<secret><checksum>`, so that scanners find leaks offline."""

import re
import secrets
import zlib
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from apikeys.models import ApiKey
from groundwork import audit

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 12
_SECRET_LENGTH = 32  # 190 bits in base62
_CHECKSUM_LENGTH = 6  # CRC32 in base62
_FORM = re.compile(
    rf"tc_(live|test)_([0-9A-Za-z]{{{_ID_LENGTH}}})_"
    rf"([0-9A-Za-z]{{{_SECRET_LENGTH}}})([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})"
)


@dataclass(frozen=True)
class PresentedKey:
    """A well-formed key as a caller presents it; whether it exists is not known yet."""

    mode: str
    public_id: str
    secret_sha256: bytes


def parsed(text: str) -> PresentedKey | None:
    """Return the parts of a well-formed key, None for anything else; needs no database."""
    match = _FORM.fullmatch(text)
    if not match:
        return None
    mode, public_id, secret, checksum = match.groups()
    if _checksum(text[:-_CHECKSUM_LENGTH]) != checksum:
        return None
    return PresentedKey(mode, public_id, sha256(secret.encode()).digest())


def issue(*, actor: str, **fields: Any) -> tuple[ApiKey, str]:
    """Issue a key; return its row and the key itself, which is shown this once and stored nowhere."""
    public_id, secret = _random(_ID_LENGTH), _random(_SECRET_LENGTH)
    key = ApiKey(public_id=public_id, secret_sha256=sha256(secret.encode()).digest(), **fields)
    key.full_clean()
    with transaction.atomic():
        key.save(force_insert=True)
        audit.record(actor, action="apikey.issued", subject=str(key), after={"label": key.label})
    body = f"tc_{key.mode}_{public_id}_{secret}"
    return key, body + _checksum(body)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


class NoSuchKey(Exception):
    """No key has this public id."""


def revoke(public_id: str, *, actor: str, reason: str) -> None:
    """End a key for good, from the next request on; revoking twice keeps the first time."""
    if not ApiKey.objects.filter(public_id=public_id).exists():
        raise NoSuchKey(f"There is no key {public_id}.")
    with transaction.atomic():
        ended = ApiKey.objects.filter(public_id=public_id, revoked_at=None).update(
            revoked_at=Now(), revoked_reason=reason
        )
        if ended:
            audit.record(
                actor, action="apikey.revoked", subject=public_id, after={"reason": reason}
            )
