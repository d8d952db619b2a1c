"""The only writer of applications: they wait, are decided once, and the applicant is told.

Approving makes the customer, its terms and its first rules under one revision: all of it, or nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from catalog_mirror import revisions
from catalog_mirror.revisions import TakenRevision
from customers import versions
from customers.models import (
    Application,
    Customer,
    CustomerTerms,
    Tier,
    VisibilityRule,
    VisibilityTemplate,
)
from groundwork import audit
from groundwork.instants import database_now

Status = Application.Status

# What a form open to everyone lets in: from one address, and from all together.
WINDOW = timedelta(hours=1)
MOST_OF_ADDRESS, MOST_OF_ALL = 5, 100
# After which a decision that was to be told and was not is told again: its process was ended, or the
# mail server refused it. Longer than a mail may take.
RETRIED_AFTER = timedelta(minutes=10)
_FACTS = (
    "business_name",
    "business_type",
    "tax_id",
    "contact_name",
    "contact_email",
    "monthly_volume",
    "notes",
)
_OURS = {field.name for field in Application._meta.fields} - set(_FACTS)  # noqa: SLF001 - Django's name
# Of two forms at once the second counts the first.
_LOCK = "select pg_advisory_xact_lock(hashtext('customers_application'))"


class NotTaken(Exception):
    """The application is not kept; the message says why, and what to do."""


class DecidedAlready(Exception):
    """Somebody decided the application meanwhile; nothing was written."""


@dataclass(frozen=True)
class Admission:
    """What staff give an applicant whom they approve."""

    slug: str
    name: str
    contact_email: str
    tier: Tier | None
    currency: str
    credit_limit: Decimal | None
    payment_terms: str
    template: VisibilityTemplate | None


def apply(*, address: str | None, **facts: Any) -> bool:
    """Keep an application; return whether it is new. Raise `NotTaken`.

    Who waits already waits once: the first form counts.
    """
    application = Application(address=address, **{name: facts[name] for name in _FACTS})
    application.clean_fields(exclude=_OURS)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK)
        _refuse_too_many(address)
        _refuse_blocked(application)
        mine = Application.objects.filter(contact_email__iexact=application.contact_email)
        if mine.filter(status=Status.PENDING).exists():
            return False
        application.save(force_insert=True)
    return True


def approve(pk: int, admission: Admission, *, actor: str) -> Customer:
    """Make a customer of an applicant; raise `DecidedAlready` and `ValidationError`."""
    with revisions.writing(f"approval by {actor}", touches_rules=True) as revision:
        application = _waiting(pk)
        customer = _customer(admission, actor=actor)
        _terms_and_rules(revision, customer, admission, actor=actor)
        _decide(application, Status.APPROVED, actor=actor, customer=customer)
    return customer


def reject(pk: int, *, actor: str, note: str) -> None:
    """Turn an applicant down, who is told the note; raise `DecidedAlready`."""
    with transaction.atomic():
        _decide(_waiting(pk), Status.REJECTED, actor=actor, note=note)


def block(pk: int, *, actor: str, note: str) -> None:
    """Turn an applicant down for good, without a word; raise `DecidedAlready`."""
    with transaction.atomic():
        _decide(_waiting(pk), Status.BLOCKED, actor=actor, note=note)


def claim_telling(pk: int, *, at: datetime) -> bool:
    """Return whether a decision is ours to tell: nobody did, and nobody is at it."""
    free = Q(told_claimed_at=None) | Q(told_claimed_at__lt=at - RETRIED_AFTER)
    return bool(untold().filter(free, pk=pk).update(told_claimed_at=at))


def note_told(pk: int, *, at: datetime) -> None:
    Application.objects.filter(pk=pk).update(told_at=at)


def note_first_call(pk: int, *, at: datetime) -> None:
    Application.objects.filter(pk=pk, first_call_at=None).update(first_call_at=at)


def untold() -> Any:
    """Return the decisions of which the applicant is to hear and was not told."""
    return Application.objects.filter(status__in=(Status.APPROVED, Status.REJECTED), told_at=None)


def _refuse_too_many(address: str | None) -> None:
    lately = Application.objects.filter(applied_at__gt=database_now() - WINDOW)
    of_address = lately.filter(address=address).count()
    if of_address >= MOST_OF_ADDRESS or lately.count() >= MOST_OF_ALL:
        raise NotTaken("Too many applications came in. Send yours again in an hour.")


def _refuse_blocked(application: Application) -> None:
    same = Q(contact_email__iexact=application.contact_email) | Q(tax_id=application.tax_id)
    if Application.objects.filter(same, status=Status.BLOCKED).exists():
        raise NotTaken("We cannot take this application. Write to us if you think that is wrong.")


def _waiting(pk: int) -> Application:
    waiting = Application.objects.select_for_update(of=("self",))
    application = waiting.filter(pk=pk, status=Status.PENDING).first()
    if application is None:
        raise DecidedAlready("Somebody decided this application already. Look at what they did.")
    return application


def _decide(application: Application, status: str, *, actor: str, **says: Any) -> None:
    application.status, application.decided_by = status, actor
    application.decided_at = database_now()
    application.decision_note = says.get("note", "")
    application.customer = says.get("customer")
    application.validate_constraints()
    application.save()
    customer = application.customer.slug if application.customer else None
    audit.record(
        actor,
        action=f"application.{status}",
        subject=str(application)[:200],
        before={"status": Status.PENDING.value},
        after={"id": application.pk, "customer": customer, "note": application.decision_note},
    )


def _customer(admission: Admission, *, actor: str) -> Customer:
    says = {
        "slug": admission.slug,
        "name": admission.name,
        "contact_email": admission.contact_email,
        "credit_limit": admission.credit_limit,
        "payment_terms": admission.payment_terms,
    }
    customer = Customer(**says)
    customer.full_clean()
    customer.save(force_insert=True)
    said = {name: str(value) for name, value in says.items()}
    audit.record(actor, action="customer.added", subject=customer.slug, after=said)
    return customer


def _terms_and_rules(
    revision: TakenRevision, customer: Customer, admission: Admission, *, actor: str
) -> None:
    terms = {"tier": admission.tier, "currency": admission.currency}
    versions.add_in(revision, CustomerTerms, actor=actor, customer=customer, **terms)
    lines = admission.template.lines.order_by("pk") if admission.template else ()
    for line in lines:
        what = {name: getattr(line, f"{name}_id") for name in ("source", "brand", "category")}
        says = {f"{name}_id": named for name, named in what.items()}
        versions.add_in(
            revision, VisibilityRule, actor=actor, customer=customer, effect=line.effect, **says
        )
