"""The customer that the code makes: test keys read as it, rules of everyone do not reach it."""

from typing import Any

from django.core.exceptions import ValidationError

from catalog_mirror.models import SANDBOX_SOURCE

# No sequence gives it out. Row policies, functions and queries compare with it, and look nothing up.
SANDBOX = -1


class Reserved(ValidationError):
    """What was to be written belongs to the sandbox, which the code alone makes."""

    def __init__(self) -> None:
        super().__init__(
            "The sandbox is made by `manage.py make_sandbox`, and nobody edits it. Choose another "
            "customer or source."
        )


def refuse_reserved(version: Any) -> None:
    """Raise `Reserved` for terms and rules that name the sandbox's customer or source."""
    if version.customer_id == SANDBOX or getattr(version, "source_id", None) == SANDBOX_SOURCE:
        raise Reserved
