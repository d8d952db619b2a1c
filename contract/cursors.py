"""Cursors: opaque, encrypted under their own rotatable key, bound to the customer."""

from functools import cache, lru_cache
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

# A cursor longer than this was not made here.
_LONGEST = 2000


class CursorInvalid(Exception):
    """Not a cursor of ours, of this customer, or of this list."""


def sealed(customer_id: int, kind: str, content: list[Any]) -> str:
    """Return a cursor that only this customer can use, and only where `kind` is expected."""
    return _keys().encrypt(orjson.dumps([customer_id, kind, *content])).decode().rstrip("=")


def opened(cursor: str, *, customer_id: int, kind: str) -> list[Any]:
    """Return what a cursor holds; raise `CursorInvalid` for any that is not this customer's."""
    if len(cursor) > _LONGEST or not cursor.isascii():
        raise CursorInvalid
    try:
        owner, made_for, *content = orjson.loads(_decrypted(cursor))
    except (InvalidToken, ValueError) as error:
        raise CursorInvalid from error
    if owner != customer_id or made_for != kind:
        raise CursorInvalid
    return list(content)


@lru_cache(maxsize=1_000)
def _decrypted(cursor: str) -> bytes:
    """Return what is inside; a poll comes with the same cursor until something changes."""
    return _keys().decrypt(cursor + "=" * (-len(cursor) % 4))


@cache
def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.CURSOR_KEYS])
