"""What staff look for in the request log: every question has an index, or a span of days."""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q

from apikeys.addresses import pseudonym
from groundwork.correlation import OURS, made_at
from groundwork.instants import database_now

DAY = timedelta(days=1)
# As far as the clock of a host that made an id may differ from the database's.
CLOCKS_DIFFER = timedelta(minutes=1)
# How far back a word is looked for that has no index.
SPAN = timedelta(days=7)
_KEY = re.compile(r"(?:tc_(?:live|test)_)?([0-9A-Za-z]{12})")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_STATUS = re.compile(r"[1-5]\d\d")


def requests_meant(text: str) -> Q:
    """Return the filter for a search: keys, days, statuses, addresses and request ids, which add up.

    Raise `ValidationError` for a day that does not exist.
    """
    words = text.split()
    if not words:
        return Q()
    days = [_day(word) for word in words if _DAY.fullmatch(word)]
    others = [_one(word) for word in words if not _DAY.fullmatch(word)]
    meant = Q()
    for day in days:
        meant &= Q(at__gte=day, at__lt=day + DAY)
    if not days and all(_STATUS.fullmatch(word) or _address(word) for word in words):
        meant &= Q(at__gte=database_now() - SPAN)
    for other in others:
        meant &= other
    return meant


def _one(word: str) -> Q:
    if match := _KEY.fullmatch(word):
        return Q(key_public_id=match[1])
    if _STATUS.fullmatch(word):
        return Q(status=int(word))
    address = _address(word)
    if not address:
        return under([word])
    # Rows from before the setting have the address itself, and staff may copy a pseudonym.
    meant = [address, pseudonym(address)] if settings.HASH_ADDRESSES else [address]
    return Q(address__in=meant)


def under(ids: Collection[str]) -> Q:
    """Return the filter for requests under these ids: when ours were made, and the index for the others."""
    made = {each: at for each in ids if (at := made_at(each))}
    meant = Q(correlation_id__in=set(ids) - made.keys()) & ~Q(correlation_id__regex=OURS)
    for each, at in made.items():
        meant |= Q(correlation_id=each, at__range=(at - CLOCKS_DIFFER, at + CLOCKS_DIFFER))
    return meant


def _address(word: str) -> str:
    """Return an address as the log writes it, or nothing for any other word."""
    try:
        return str(ip_address(word))
    except ValueError:
        return ""


def _day(word: str) -> datetime:
    try:
        return datetime.fromisoformat(word).replace(tzinfo=UTC)
    except ValueError as error:
        raise ValidationError(f"{word} is no day. Write it as 2026-11-21.") from error
