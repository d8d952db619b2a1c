"""Secrets that must be read again, kept sealed in the database under rotatable keys."""

from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet


class SealBroken(Exception):
    """No key in SEALING_KEYS opens this secret."""


def seal(plain: str) -> bytes:
    """Return `plain` encrypted under the newest key of SEALING_KEYS (Fernet)."""
    return _keys().encrypt(plain.encode())


def unseal(sealed: bytes | memoryview) -> str:
    """Return what was sealed; raise `SealBroken` where no key fits."""
    try:
        return _keys().decrypt(bytes(sealed)).decode()
    except InvalidToken as error:
        raise SealBroken(
            "No key in SEALING_KEYS opens this secret; add the key it was sealed under."
        ) from error


def resealed(sealed: bytes | memoryview) -> bytes:
    """Return a secret under the newest key; raise `SealBroken` where no key fits."""
    return seal(unseal(sealed))


def reseal_rows(rows: QuerySet[Any], *, fields: Sequence[str]) -> int:
    """Put the sealed fields of all rows under the newest key, each row in a transaction; return how many.

    For the module that writes the table. `SealBroken` ends it at the row that no key opens.
    """
    for pk in list(rows.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            row = rows.select_for_update().filter(pk=pk).first()
            if row is None:  # it was removed meanwhile
                continue
            kept = {name: getattr(row, name) for name in fields}
            fresh = {name: resealed(value) for name, value in kept.items() if value is not None}
            rows.filter(pk=pk).update(**fresh)
    return rows.count()


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.SEALING_KEYS])
