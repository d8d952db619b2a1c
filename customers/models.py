"""Partners, their terms, and the rules of what each may see; rules and terms are versions."""

import uuid

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce, Lower, Now
from django.db.models.lookups import LessThanOrEqual

from catalog_mirror.models import (
    SANDBOX_SOURCE,
    Brand,
    Category,
    Product,
    Source,
    Variant,
    money,
)


class Tier(models.Model):
    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class PaymentTerms(models.TextChoices):
    PREPAID = "prepaid", "Prepaid"
    NET_14 = "net_14", "Net 14 days"
    NET_30 = "net_30", "Net 30 days"
    NET_60 = "net_60", "Net 60 days"


# The sandbox's customer, made by code: test keys read as it, and rules of everyone do not reach it. No
# sequence gives its id out; row policies, functions and queries compare with it, and look nothing up.
SANDBOX = -1


class Customer(models.Model):
    """Credit and payment are for staff and the order desk to know: no view is a function of them."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=200)
    contact_email = models.EmailField(
        blank=True, default="", db_default="", help_text="Told before a key of theirs ends."
    )
    credit_limit = money(
        null=True, blank=True, help_text="In the currency of its terms. Empty: none was agreed."
    )
    payment_terms = models.CharField(
        max_length=10,
        choices=PaymentTerms.choices,
        default=PaymentTerms.PREPAID,
        db_default=PaymentTerms.PREPAID.value,
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="credit_limit_not_negative",
                condition=Q(credit_limit__gte=0) | Q(credit_limit=None),
                violation_error_message="A credit limit is zero or more.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Version(models.Model):
    """A rule as it stood from one revision until another; a change closes it and opens the next."""

    rule_uid = models.UUIDField(default=uuid.uuid4)
    from_revision = models.BigIntegerField()
    until_revision = models.BigIntegerField(null=True)

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(
                fields=["rule_uid"], condition=Q(until_revision=None), name="%(class)s_one_open"
            ),
            models.CheckConstraint(
                condition=Q(until_revision__gt=F("from_revision")) | Q(until_revision=None),
                name="%(class)s_ends_after_it_began",
            ),
        ]


class CustomerTerms(Version):
    """What a contract says of the customer itself. One open version a customer."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        SUSPENDED = "suspended"
        ENDED = "ended"

    class Unpriced(models.TextChoices):
        LIST_PRICE = "list_price"
        NOT_SOLD = "not_sold"

    customer = models.ForeignKey(Customer, models.PROTECT, db_index=False)
    tier = models.ForeignKey(Tier, models.PROTECT, null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    contract_starts_at = models.DateTimeField(null=True, blank=True)
    contract_ends_at = models.DateTimeField(null=True, blank=True)
    currency = models.CharField(max_length=3)
    unpriced = models.CharField(
        max_length=10,
        choices=Unpriced.choices,
        default=Unpriced.LIST_PRICE,
        help_text="What a variant costs that no price rule reaches.",
    )

    class Meta(Version.Meta):
        verbose_name_plural = "customer terms"
        constraints = [
            *Version.Meta.constraints,
            models.UniqueConstraint(
                fields=["customer"], condition=Q(until_revision=None), name="terms_one_open"
            ),
            models.CheckConstraint(
                name="contract_ends_after_it_starts",
                condition=Q(contract_ends_at__gt=F("contract_starts_at"))
                | Q(contract_ends_at=None)
                | Q(contract_starts_at=None),
            ),
            models.CheckConstraint(
                name="terms_have_a_currency",
                condition=Q(currency__regex="^[A-Z]{3}$"),
                violation_error_message="A currency has three capital letters, as in USD.",
            ),
        ]
        # The terms of a customer at and since a revision.
        indexes = [models.Index(fields=["customer", "from_revision"], name="terms_of_customer")]

    def __str__(self) -> str:
        return f"terms of customer {self.customer_id} from revision {self.from_revision}"


SUBJECTS = ("source", "brand", "category", "product", "variant")


class Rule(Version):
    """Who x what x when: the columns that visibility rules and price rules share."""

    # The subject and whom it is for in words, in a list that asked for all of them at once.
    named: str
    whose: str

    customer = models.ForeignKey(
        Customer,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        help_text="Or a tier, or neither: everyone.",
    )
    tier = models.ForeignKey(Tier, models.PROTECT, null=True, blank=True, db_index=False)
    source = models.ForeignKey(Source, models.PROTECT, null=True, blank=True, db_index=False)
    brand = models.ForeignKey(Brand, models.PROTECT, null=True, blank=True, db_index=False)
    category = models.ForeignKey(Category, models.PROTECT, null=True, blank=True, db_index=False)
    product = models.ForeignKey(Product, models.PROTECT, null=True, blank=True, db_index=False)
    variant = models.ForeignKey(Variant, models.PROTECT, null=True, blank=True, db_index=False)
    # One pair of columns for SQL that asks by subject: ("all", 0) where no subject is named.
    subject_kind = models.GeneratedField(
        expression=Case(
            *(When(**{f"{name}__isnull": False}, then=Value(name)) for name in SUBJECTS),
            default=Value("all"),
        ),
        output_field=models.CharField(max_length=8),
        db_persist=True,
    )
    subject_id = models.GeneratedField(
        expression=Coalesce(*(F(f"{name}_id") for name in SUBJECTS), Value(0)),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        constraints = [
            *Version.Meta.constraints,
            models.CheckConstraint(
                name="%(class)s_names_one_who", condition=Q(customer=None) | Q(tier=None)
            ),
            models.CheckConstraint(
                name="%(class)s_names_one_what",
                condition=LessThanOrEqual(
                    models.Func(
                        *(F(name) for name in SUBJECTS),
                        function="num_nonnulls",
                        output_field=models.IntegerField(),
                    ),
                    1,
                ),
            ),
            models.CheckConstraint(
                name="%(class)s_window_ends_after_it_starts",
                condition=Q(ends_at__gt=F("starts_at")) | Q(ends_at=None) | Q(starts_at=None),
            ),
        ]
        indexes = [
            # The rules that a customer, its tiers and everyone have under given subjects.
            models.Index(fields=["subject_kind", "subject_id"], name="%(class)s_subject"),
            models.Index(fields=["customer"], name="%(class)s_customer"),
            models.Index(fields=["tier"], name="%(class)s_tier"),
            # The four ranges by which a rule differs over an interval (SQL 1 of the delta).
            models.Index(fields=["from_revision"], name="%(class)s_from"),
            models.Index(fields=["until_revision"], name="%(class)s_until"),
            models.Index(fields=["starts_at"], name="%(class)s_starts"),
            models.Index(fields=["ends_at"], name="%(class)s_ends"),
        ]

    @property
    def subject(self) -> tuple[str, int]:
        """What the rule names, also before it is saved and the generated columns are there."""
        for name in SUBJECTS:
            if (named := getattr(self, f"{name}_id")) is not None:
                return name, named
        return "all", 0

    @property
    def subject_text(self) -> str:
        kind, named = self.subject
        return "everything" if kind == "all" else f"{kind} {named}"


class VisibilityRule(Rule):
    class Effect(models.TextChoices):
        ALLOW = "allow"
        DENY = "deny"

    effect = models.CharField(max_length=5, choices=Effect.choices)

    class Meta(Rule.Meta):
        constraints = [
            *Rule.Meta.constraints,
            models.UniqueConstraint(
                fields=["customer", "tier", *SUBJECTS, "starts_at", "ends_at", "effect"],
                condition=Q(until_revision=None),
                nulls_distinct=False,
                name="no_two_equal_visibility_rules",
                violation_error_message="This rule is there already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.effect} {self.subject_text}"


class RuleFile(models.Model):
    """A file of rules that staff brought: looked at first, then applied, and kept as what was applied."""

    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=200)
    text = models.TextField()
    withdraw_missing = models.BooleanField(default=False)
    uploaded_by = models.CharField(max_length=150)
    uploaded_at = models.DateTimeField(db_default=Now())
    applied_by = models.CharField(max_length=150, blank=True)
    applied_at = models.DateTimeField(null=True, blank=True)
    revision = models.BigIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class VisibilityTemplate(models.Model):
    """What a new customer is let see: its lines become rules of the customer's own, once."""

    name = models.CharField(max_length=100, unique=True)

    def __str__(self) -> str:
        return self.name


class VisibilityTemplateLine(models.Model):
    """One rule to be: what it names, or everything where it names nothing."""

    template = models.ForeignKey(VisibilityTemplate, models.CASCADE, related_name="lines")
    effect = models.CharField(max_length=5, choices=VisibilityRule.Effect.choices)
    source = models.ForeignKey(Source, models.PROTECT, null=True, blank=True)
    brand = models.ForeignKey(Brand, models.PROTECT, null=True, blank=True)
    category = models.ForeignKey(Category, models.PROTECT, null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="template_line_names_one_what",
                condition=LessThanOrEqual(
                    models.Func(
                        F("source"),
                        F("brand"),
                        F("category"),
                        function="num_nonnulls",
                        output_field=models.IntegerField(),
                    ),
                    1,
                ),
                violation_error_message="Name a source, a brand or a category, or nothing for all.",
            ),
            models.CheckConstraint(
                name="template_line_is_of_a_real_source",
                condition=~Q(source=SANDBOX_SOURCE),
                violation_error_message="No customer sees the sandbox's source. Choose another.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.effect} {self.source or self.brand or self.category or 'everything'}"

    def clean(self) -> None:
        """Refuse what is the sandbox's: the rules that are made of a template's lines would be refused."""
        for name in ("brand", "category"):
            named = getattr(self, name)
            if named and named.source_id == SANDBOX_SOURCE:
                told = "This belongs to the sandbox, which no customer sees. Choose another."
                raise ValidationError({name: told})


class Application(models.Model):
    """A business that asks to become a customer, and what became of it.

    `told_at` is when the applicant was written to of the decision, `told_claimed_at` since when
    somebody is at it. `first_call_at` is the first request of the customer that was answered.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected"
        BLOCKED = "blocked"

    class BusinessType(models.TextChoices):
        DISTRIBUTOR = "distributor", "Distributor of promotional products"
        AGENCY = "agency", "Agency"
        RETAILER = "retailer", "Retailer"
        MANUFACTURER = "manufacturer", "Manufacturer or decorator"
        OTHER = "other", "Other"

    business_name = models.CharField(max_length=200)
    business_type = models.CharField(max_length=20, choices=BusinessType.choices)
    tax_id = models.CharField("tax id", max_length=40)
    contact_name = models.CharField(max_length=200)
    contact_email = models.EmailField()
    monthly_volume = models.PositiveIntegerField(
        "estimated monthly volume", help_text="Pieces you expect to order in a month."
    )
    notes = models.TextField(blank=True, max_length=2000)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    address = models.GenericIPAddressField(null=True)
    applied_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decision_note = models.CharField(max_length=1000, blank=True)
    customer = models.OneToOneField(Customer, models.PROTECT, null=True)
    told_claimed_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    first_call_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="application_is_decided_by_somebody",
                condition=Q(status="pending", decided_at=None)
                | ~Q(status="pending") & Q(decided_at__isnull=False),
            ),
            models.CheckConstraint(
                name="approved_application_has_its_customer",
                condition=Q(status="approved", customer__isnull=False)
                | ~Q(status="approved") & Q(customer=None),
            ),
            models.CheckConstraint(
                name="rejection_has_a_note",
                condition=~Q(status="rejected") | ~Q(decision_note=""),
                violation_error_message="Say why: the applicant is told.",
            ),
            # Who sends the form twice waits once.
            models.UniqueConstraint(
                Lower("contact_email"), condition=Q(status="pending"), name="one_waits_an_applicant"
            ),
        ]
        indexes = [
            # The form's limit: how many came from an address, and from all, of late.
            models.Index(fields=["applied_at"], name="applications_of_late"),
            # The queue, and what is to be told.
            models.Index(fields=["status", "applied_at"], name="applications_waiting"),
        ]

    def __str__(self) -> str:
        return self.business_name
