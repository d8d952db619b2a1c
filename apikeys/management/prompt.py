"""What the commands share: whom they name."""

from collections.abc import Collection

from django.core.management.base import CommandError

from customers.models import Customer
from groundwork.management.prompt import WRONG_USAGE


def customer_named(slug: str) -> Customer:
    """Return the customer with this slug; end the command where there is none."""
    refuse_unknown([slug])
    return Customer.objects.get(slug=slug)


def refuse_unknown(slugs: Collection[str]) -> None:
    known = set(Customer.objects.filter(slug__in=slugs).values_list("slug", flat=True))
    if unknown := sorted(set(slugs) - known):
        raise CommandError(
            f"There is no customer {', '.join(unknown)}. The staff site lists them with their slugs.",
            returncode=WRONG_USAGE,
        )
