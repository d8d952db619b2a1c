"""The only writer of customers' limits; a key's own goes before its customer's."""

from django.db import transaction

from apikeys.models import CustomerLimit
from customers.models import Customer
from groundwork import audit


def limit_customer(
    customer: Customer, *, requests_a_minute: int | None, actor: str
) -> CustomerLimit | None:
    """Let a customer's keys have so many requests in any 60 seconds; None for the default of 60.

    Raise `ValidationError` for a limit that no window holds.
    """
    with transaction.atomic():
        Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)
        before = CustomerLimit.objects.filter(customer=customer).first()
        after = None
        if requests_a_minute is None:
            CustomerLimit.objects.filter(customer=customer).delete()
        else:
            after = CustomerLimit(customer=customer, requests_a_minute=requests_a_minute)
            after.full_clean(validate_unique=False)
            after.save(force_update=bool(before), force_insert=not before)
        audit.record(
            actor,
            action="customer.limited",
            subject=customer.slug,
            before=_readable(before),
            after=_readable(after),
        )
    return after


def _readable(limit: CustomerLimit | None) -> dict[str, int | None]:
    return {"requests_a_minute": limit.requests_a_minute if limit else None}
