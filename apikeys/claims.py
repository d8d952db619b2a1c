"""The only writer of claim links: the partner's own POST makes and shows a key, once.

(But that rotating a key withdraws those to its successor.) Who locks a key and a link locks the key first.
"""

from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from apikeys import keys
from apikeys.keys import DatabaseClock
from apikeys.models import ApiKey, ClaimLink
from groundwork import audit
from groundwork.instants import database_now

LIVES = timedelta(days=7)
PREFIX = "tc_claim_"
_TOKEN_LENGTH = 43  # 256 bits in base62


class LinkDead(Exception):
    """The link was claimed, withdrawn or has expired, or its predecessor was revoked."""


class NoSuchLink(Exception):
    """No link has this token."""


def offer(
    *, actor: str, overlap_days: int = keys.OVERLAP_DAYS, **says: Any
) -> tuple[ClaimLink, str]:
    """Make a link to a key to be; return its row and its token, which is stored nowhere."""
    token = PREFIX + keys.random_text(_TOKEN_LENGTH)
    link = ClaimLink(
        token_sha256=_digest(token),
        created_by=actor,
        expires_at=database_now() + LIVES,
        overlap_days=overlap_days,
        **says,
    )
    with transaction.atomic():
        if link.predecessor_id:
            _withdraw_expired(link.predecessor_id)
        keys.refuse_wrong(link)
        link.save(force_insert=True)
        audit.record(
            actor, action="claimlink.offered", subject=str(link), after=keys.readable(link)
        )
    return link, token


def offer_successor(
    public_id: str,
    *,
    actor: str,
    overlap_days: int = keys.OVERLAP_DAYS,
    deliver: Any = lambda _link, _token: None,
) -> tuple[ClaimLink, str]:
    """Make a link to a key's successor; the overlap starts when it is claimed.

    Raise `NoSuchKey`, and `KeyNotRotated` where a successor stands or is offered already. `deliver`
    is called before the commit.
    """
    with transaction.atomic():
        old = ApiKey.objects.select_for_update(of=("self",)).filter(public_id=public_id).first()
        if old is None:
            raise keys.NoSuchKey(f"There is no key {public_id}.")
        keys.refuse_rotated(old)
        if open_links().filter(predecessor=old).exists():
            raise keys.KeyNotRotated(f"A link to a successor of {old} is open. Withdraw it first.")
        says = {name: getattr(old, name) for name in keys.SAYS}
        link, token = offer(actor=actor, overlap_days=overlap_days, predecessor=old, **says)
        deliver(link, token)
    return link, token


def claim(token: str) -> tuple[ApiKey, str]:
    """Make the key of a link and end the link; of two at once one gets the key.

    Raise `NoSuchLink` and `LinkDead`.
    """
    with transaction.atomic():
        _lock_predecessor(token)
        # The row's lock: who comes second waits, and finds it claimed.
        link = _link(token, ClaimLink.objects.select_for_update(of=("self",)))
        refuse_dead(link)
        try:
            key = _made(link)
        except keys.KeyNotRotated as error:
            raise LinkDead("This link makes no key any more. Ask for another.") from error
        ClaimLink.objects.filter(pk=link.pk).update(claimed_at=DatabaseClock(), key=key[0])
        audit.record(
            f"claim link {link.pk}",
            action="claimlink.claimed",
            subject=str(link),
            after={"key": str(key[0])},
        )
    return key


def withdraw(pk: int, *, actor: str) -> bool:
    """End a link that was not claimed; return whether it was open."""
    with transaction.atomic():
        ended = ClaimLink.objects.filter(pk=pk, claimed_at=None, withdrawn_at=None).update(
            withdrawn_at=DatabaseClock()
        )
        if ended:
            audit.record(actor, action="claimlink.withdrawn", subject=f"claim link {pk}")
    return bool(ended)


def link_of(token: str) -> ClaimLink:
    """Return a link that lives; raise `NoSuchLink` and `LinkDead`. Changes nothing."""
    link = _link(token, ClaimLink.objects.all())
    refuse_dead(link)
    return link


def open_links() -> QuerySet[ClaimLink]:
    unclaimed = Q(claimed_at=None, withdrawn_at=None)
    return ClaimLink.objects.filter(unclaimed, expires_at__gt=DatabaseClock())


def refuse_dead(link: ClaimLink) -> None:
    """Raise `LinkDead` for a link that makes no key any more."""
    if link.claimed_at:
        raise LinkDead("This link was used already. If it was not by you, say so at once.")
    if link.withdrawn_at or (link.predecessor and link.predecessor.revoked_at):
        raise LinkDead("This link was withdrawn. Ask for another.")
    if link.expires_at <= database_now():
        raise LinkDead("This link has expired. Ask for another.")
    if link.predecessor and keys.is_rotated(link.predecessor):
        raise LinkDead("This link was withdrawn: its key has a successor. Ask for another.")


def _made(link: ClaimLink) -> tuple[ApiKey, str]:
    """Issue the key of a link; one that ended meanwhile has no successor but a key of its own."""
    actor = f"claim link {link.pk}"
    old = link.predecessor
    if old and keys.living().filter(pk=old.pk).exists():
        return keys.rotate(
            old.public_id,
            actor=actor,
            overlap_days=link.overlap_days,
            expires_at=link.key_expires_at,
            by_link=link.pk,
        )
    says = {name: getattr(link, name) for name in keys.SAYS}
    ends = link.key_expires_at or (keys.carried_expiry(old) if old else None)
    return keys.issue(actor=actor, expires_at=ends, **says)


def _lock_predecessor(token: str) -> None:
    """Let nobody rotate or offer a link's key until it is claimed."""
    links = ClaimLink.objects.filter(token_sha256=_digest(token))
    list(ApiKey.objects.select_for_update().filter(pk__in=links.values("predecessor")))


def _link(token: str, links: QuerySet[ClaimLink]) -> ClaimLink:
    found = links.select_related("customer", "predecessor").filter(token_sha256=_digest(token))
    link = found.first()
    if link is None:
        raise NoSuchLink("There is no such link. Look whether all of it was copied.")
    return link


def _withdraw_expired(predecessor_id: int) -> None:
    ClaimLink.objects.filter(
        predecessor=predecessor_id,
        claimed_at=None,
        withdrawn_at=None,
        expires_at__lte=DatabaseClock(),
    ).update(withdrawn_at=DatabaseClock())


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


def address_of(token: str) -> str:
    """Return the link itself, as it is sent to the partner."""
    return f"{settings.PUBLIC_URL}/claim/{token}"
