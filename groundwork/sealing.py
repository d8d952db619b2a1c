"""Secrets that must be read again, kept sealed in the database under rotatable keys."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


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


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.SEALING_KEYS])
