"""What is the sandbox's among terms and rules: the code makes it, and everybody else is refused."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q

from catalog_mirror.models import SANDBOX_SOURCE
from customers.models import SANDBOX

# What names either, among the rules of a kind.
RESERVED = Q(customer=SANDBOX) | Q(source=SANDBOX_SOURCE)


class Reserved(ValidationError):
    """What was to be written belongs to the sandbox, which the code alone makes."""

    def __init__(self) -> None:
        super().__init__(
            "The sandbox is made by `manage.py make_sandbox`, and nobody edits it. Choose another "
            "customer or source."
        )


def is_reserved(version: Any) -> bool:
    """Tell whether terms or a rule name the sandbox's customer or source."""
    return version.customer_id == SANDBOX or getattr(version, "source_id", None) == SANDBOX_SOURCE


def refuse_reserved(version: Any) -> None:
    """Raise `Reserved` for terms and rules that name the sandbox's customer or source."""
    if is_reserved(version):
        raise Reserved


def refuse_goods(rule: Any) -> None:
    """Raise `ValidationError` for a rule on goods of the sandbox, which none but its own customer sees."""
    kind, _ = getattr(rule, "subject", ("all", 0))
    if kind in ("all", "source"):
        return
    if getattr(rule, kind).source_id == SANDBOX_SOURCE:
        raise ValidationError(
            {kind: "This belongs to the sandbox, where the rules are made by code. Choose another."}
        )
