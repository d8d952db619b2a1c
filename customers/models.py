"""Partners, their terms, and the rules of what each may see; rules and terms are versions."""

import uuid

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce, Now
from django.db.models.lookups import LessThanOrEqual

from catalog_mirror.models import Brand, Category, Product, Source, Variant


class Tier(models.Model):
    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class Customer(models.Model):
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())

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
