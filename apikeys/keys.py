"""The form of a key, `tc_live_<id>_<secret><checksum>`, and the only writer of its rows.

Rotating a key withdraws the claim links to its successor as well.
"""

import re
import secrets
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Func, Q, QuerySet
from django.db.models.functions import Coalesce, Least, Now

from apikeys.models import ApiKey, ClaimLink, KeyNetwork, RequestWindow, Scope
from apikeys.networks import networks_of
from groundwork import audit
from groundwork.instants import database_now

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 12
_SECRET_LENGTH = 32  # 190 bits in base62
_CHECKSUM_LENGTH = 6  # CRC32 in base62
_KEY = (
    rf"tc_(live|test)_([0-9A-Za-z]{{{_ID_LENGTH}}})_"
    rf"([0-9A-Za-z]{{{_SECRET_LENGTH}}})([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})"
)
_FORM = re.compile(_KEY)

OVERLAP_DAYS = 30
# What a key says of itself and its holder's terms; a successor says the same.
SAYS = ("customer_id", "mode", "label", "scopes", "requests_a_minute", "allowed_networks")
# What may be changed without issuing another key.
CHANGEABLE = ("label", "scopes", "requests_a_minute", "allowed_networks", "expires_at")


@dataclass(frozen=True)
class PresentedKey:
    """A well-formed key as a caller presents it; whether it exists is not known yet."""

    mode: str
    public_id: str
    secret_sha256: bytes


class NoSuchKey(Exception):
    """No key has this public id."""


class KeyNotRotated(Exception):
    """The key has ended, or a successor of it stands; the message says which."""


def parsed(text: str) -> PresentedKey | None:
    """Return the parts of a well-formed key, None for anything else; needs no database."""
    match = _FORM.fullmatch(text)
    return _presented(match) if match else None


def found_in(text: str) -> PresentedKey | None:
    """Return the first well-formed key that stands anywhere in a text; needs no database."""
    matches = (_presented(match) for match in _FORM.finditer(text))
    return next((key for key in matches if key), None)


def _presented(match: re.Match[str]) -> PresentedKey | None:
    mode, public_id, secret, checksum = match.groups()
    if _checksum(match[0][:-_CHECKSUM_LENGTH]) != checksum:
        return None
    return PresentedKey(mode, public_id, sha256(secret.encode()).digest())


def issue(*, actor: str, **says: Any) -> tuple[ApiKey, str]:
    """Issue a key; return its row and the key itself, which is shown this once and stored nowhere.

    Raise `ValidationError` for what a key must not say.
    """
    public_id, secret = random_text(_ID_LENGTH), random_text(_SECRET_LENGTH)
    key = ApiKey(public_id=public_id, secret_sha256=sha256(secret.encode()).digest(), **says)
    refuse_wrong(key)
    with transaction.atomic():
        key.save(force_insert=True)
        RequestWindow.objects.create(key=key, instants=[])
        audit.record(actor, action="apikey.issued", subject=str(key), after=readable(key))
    key.refresh_from_db()
    body = f"tc_{key.mode}_{public_id}_{secret}"
    return key, body + _checksum(body)


def change(public_id: str, *, actor: str, **says: Any) -> ApiKey:
    """Change what a key that has not ended says; raise `ValidationError`, `NoSuchKey`."""
    if unknown := says.keys() - set(CHANGEABLE):
        raise TypeError(f"Nothing changes {', '.join(sorted(unknown))} of a key.")
    with transaction.atomic():
        key = _locked(public_id)
        if key.revoked_at:
            raise ValidationError("A revoked key stays as it is. Issue another.")
        refuse_past(key, says.get("expires_at"))
        before = readable(key)
        for name, value in says.items():
            setattr(key, name, value)
        refuse_wrong(key)
        key.save(update_fields=list(says))
        after = readable(key)
        if after != before:
            audit.record(
                actor, action="apikey.changed", subject=str(key), before=before, after=after
            )
    return key


def rotate(
    public_id: str,
    *,
    actor: str,
    overlap_days: int = OVERLAP_DAYS,
    expires_at: datetime | None = None,
    deliver: Callable[[ApiKey, str], object] = lambda _row, _key: None,
    by_link: int | None = None,
) -> tuple[ApiKey, str]:
    """Issue a successor that says the same, and let the key expire after the overlap.

    A key that was meant to last so long has a successor that lasts as long from now on, unless
    `expires_at` says otherwise. Links to a successor are withdrawn, but for the one that is claimed
    (`by_link`). `deliver` is called before the commit, so that there is no key that nobody was told of.
    Raise `KeyNotRotated` where the key has ended or was rotated already.
    """
    with transaction.atomic():
        old = _locked(public_id)
        refuse_rotated(old)
        expires_at = expires_at or carried_expiry(old)
        _end_expired_successor(old, actor=actor)
        _withdraw_links(old, actor=actor, but=by_link)
        successor, key = issue(
            actor=actor,
            predecessor=old,
            expires_at=expires_at,
            **{name: getattr(old, name) for name in SAYS},
        )
        _carry_networks(old, successor)
        _expire_after(old, overlap_days, actor=actor, successor=successor)
        deliver(successor, key)
    return successor, key


def revoke(public_id: str, *, actor: str, reason: str) -> bool:
    """End a key for good, from the next request on; return whether it had not ended before.

    Revoking twice keeps the first time and reason.
    """
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
    return bool(ended)


def hold(public_id: str) -> None:
    """Let nobody else change a key until the transaction in hand ends; raise `NoSuchKey`."""
    _locked(public_id)


def living() -> QuerySet[ApiKey]:
    """Return the keys that are neither revoked nor expired, by the database's clock."""
    unexpired = Q(expires_at=None) | Q(expires_at__gt=DatabaseClock())
    return ApiKey.objects.filter(unexpired, revoked_at=None)


class DatabaseClock(Func):
    """The clock that decides at the door; a transaction's own stands still."""

    template = "clock_timestamp()"
    output_field = ApiKey._meta.get_field("created_at")  # noqa: SLF001 - Django's name for it


def refuse_wrong(key: Any) -> None:
    """Raise `ValidationError` for what a key, or the key of a link, must not say."""
    key.allowed_networks = networks_of(key.allowed_networks)
    if unknown := set(key.scopes) - set(Scope.values):
        raise ValidationError(
            f"There is no scope {', '.join(sorted(unknown))}. Known: {', '.join(Scope.values)}."
        )
    key.full_clean()


def refuse_rotated(old: ApiKey) -> None:
    """Raise `KeyNotRotated` where a key has ended or a successor of it stands."""
    if not living().filter(pk=old.pk).exists():
        raise KeyNotRotated(f"{old} has ended. Issue another key instead.")
    if is_rotated(old):
        raise KeyNotRotated(f"{old} was rotated already. Rotate its successor.")


def refuse_past(key: ApiKey, expires_at: datetime | None) -> None:
    """Raise `ValidationError` where a key has expired, or would at once: that is a revocation."""
    at = database_now()
    if key.expires_at and key.expires_at <= at:
        raise ValidationError("A key that has expired stays as it is. Issue another.")
    if expires_at and expires_at <= at:
        raise ValidationError("A key cannot have expired in the past. Revoke it to end it now.")


def is_rotated(key: ApiKey) -> bool:
    """Return whether a successor of a key stands; one that has ended stands in nobody's way."""
    return living().filter(predecessor=key).exists()


def carried_expiry(old: ApiKey) -> datetime | None:
    """Return when a successor of a key ends, from now on; None for never."""
    lasts = _lifetime(old)
    return None if lasts is None else database_now() + lasts


def readable(key: Any) -> dict[str, Any]:
    """Return what a key says, as an audit entry has it."""
    names = (*SAYS, "expires_at" if isinstance(key, ApiKey) else "key_expires_at", "predecessor_id")
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name in names
        if (value := getattr(key, name)) not in (None, "", [])
    }


def random_text(length: int) -> str:
    """Return so many random characters of base62."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _locked(public_id: str) -> ApiKey:
    key = ApiKey.objects.select_for_update(of=("self",)).filter(public_id=public_id).first()
    if key is None:
        raise NoSuchKey(f"There is no key {public_id}.")
    return key


def _lifetime(key: ApiKey) -> timedelta | None:
    """Return how long a key was meant to last; where it was rotated its own end is the overlap's."""
    successor = ApiKey.objects.filter(predecessor=key).order_by("pk").last()
    if successor:
        return _lifetime(successor)
    return None if key.expires_at is None else key.expires_at - key.created_at


def _end_expired_successor(old: ApiKey, *, actor: str) -> None:
    """Revoke a successor that has expired: of those that were not revoked a key has one."""
    for successor in ApiKey.objects.filter(predecessor=old, revoked_at=None):
        revoke(successor.public_id, actor=actor, reason="expired; its predecessor is rotated again")


def _withdraw_links(old: ApiKey, *, actor: str, but: int | None) -> None:
    """End the open links to a successor of a key: it has one now."""
    links = ClaimLink.objects.filter(predecessor=old, claimed_at=None, withdrawn_at=None)
    for link in links.exclude(pk=but or 0).order_by("pk"):  # no row has 0
        ClaimLink.objects.filter(pk=link.pk).update(withdrawn_at=DatabaseClock())
        audit.record(actor, action="claimlink.withdrawn", subject=str(link))


def _carry_networks(old: ApiKey, successor: ApiKey) -> None:
    """Let a successor be known where its predecessor was used: it is the same caller."""
    KeyNetwork.objects.bulk_create(
        KeyNetwork(
            key_public_id=successor.public_id, network=row.network, first_seen_at=row.first_seen_at
        )
        for row in KeyNetwork.objects.filter(key_public_id=old.public_id)
    )


def _expire_after(old: ApiKey, days: int, *, actor: str, successor: ApiKey) -> None:
    """Let a key end after the overlap, or when it would have ended anyway."""
    before = old.expires_at
    ends = DatabaseClock() + timedelta(days=days)
    ApiKey.objects.filter(pk=old.pk).update(expires_at=Least(Coalesce(F("expires_at"), ends), ends))
    old.refresh_from_db()
    audit.record(
        actor,
        action="apikey.rotated",
        subject=str(old),
        before={"expires_at": before and before.isoformat()},
        after={
            "expires_at": old.expires_at and old.expires_at.isoformat(),
            "successor": str(successor),
        },
    )


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
