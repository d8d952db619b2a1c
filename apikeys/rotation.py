"""Rotates many keys: each in a transaction of its own, so that an interrupted run is run again."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError

from apikeys import claims, keys
from apikeys.keys import KeyNotRotated
from apikeys.models import ApiKey, ClaimLink

# A successor so young was given out by the run that is repeated, whatever became of its predecessor:
# without an overlap that has ended at once.
NEW = timedelta(days=1)


@dataclass(frozen=True)
class Which:
    """Which living keys; what is empty narrows nothing."""

    customers: Collection[str] = ()
    older_than: timedelta | None = None


@dataclass(frozen=True)
class Rotated:
    """What became of a key: "rotated", "offered" as a link, or why it was left as it is."""

    key: str
    customer: str
    label: str
    outcome: str
    successor: str = ""
    ends_at: datetime | None = None


# What takes a new key or the token of a link, with the row it belongs to.
Deliver = Callable[[ApiKey | ClaimLink, str], object]


def chosen(which: Which, *, at: datetime) -> list[ApiKey]:
    """Return the living keys that are meant, those of a customer together."""
    found = keys.living().select_related("customer", "predecessor")
    if which.customers:
        found = found.filter(customer__slug__in=which.customers)
    if which.older_than is not None:
        found = found.filter(created_at__lt=at - which.older_than)
    return list(found.order_by("customer__slug", "pk"))


def rotate_each(
    chosen_keys: Collection[ApiKey],
    *,
    actor: str,
    overlap_days: int,
    by_link: bool,
    deliver: Deliver,
    again: bool = False,
) -> Iterator[Rotated]:
    """Rotate what was not rotated already, one by one, and tell of each; `again` takes new ones too."""
    for key in chosen_keys:
        reason = why_not(key, again=again)
        if reason:
            yield _told(key, reason)
            continue
        try:
            if by_link:
                yield _offered(key, actor, overlap_days, deliver)
            else:
                yield _rotated(key, actor, overlap_days, deliver)
        except KeyNotRotated as error:  # somebody did so a moment ago
            yield _told(key, str(error))
        except ValidationError as error:  # it says what no key may say any more: the others go on
            yield _told(key, f"failed: {' '.join(error.messages)}")


def why_not(key: ApiKey, *, again: bool = False) -> str:
    """Return why a key is left as it is, so that running twice rotates once."""
    if keys.is_rotated(key):
        return "rotated already"
    if key.predecessor_id and not again:
        if keys.living().filter(pk=key.predecessor_id).exists():
            return "new: its predecessor still works"
        if keys.living().filter(pk=key.pk, created_at__gt=keys.DatabaseClock() - NEW).exists():
            return "rotated already: it is younger than a day"
    if claims.open_links().filter(predecessor=key).exists():
        return "a link is open"
    return ""


def _rotated(key: ApiKey, actor: str, overlap_days: int, deliver: Deliver) -> Rotated:
    successor, _ = keys.rotate(
        key.public_id, actor=actor, overlap_days=overlap_days, deliver=deliver
    )
    key.refresh_from_db(fields=["expires_at"])
    return _told(key, "rotated", successor=str(successor))


def _offered(key: ApiKey, actor: str, overlap_days: int, deliver: Deliver) -> Rotated:
    link, _ = claims.offer_successor(
        key.public_id, actor=actor, overlap_days=overlap_days, deliver=deliver
    )
    return _told(key, "offered", successor=str(link))


def _told(key: ApiKey, outcome: str, *, successor: str = "") -> Rotated:
    return Rotated(str(key), key.customer.slug, key.label, outcome, successor, key.expires_at)
