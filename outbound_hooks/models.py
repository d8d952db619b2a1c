"""Endpoints of partners, what was sent to each, and every attempt at it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from customers.models import Customer

FACETS = ("product", "price", "stock")


def all_facets() -> list[str]:
    return list(FACETS)


class Endpoint(models.Model):
    """A URL of a partner that hears of changes in its own view, as a client that polls would.

    `cursor` is where its feed stands, `seen_revision` up to which revision it was looked at, and
    `look_at` when a window next opens or closes. `failures` counts attempts that failed in a row.
    """

    public_id = models.CharField(max_length=20, unique=True)
    customer = models.ForeignKey(Customer, models.PROTECT)
    url = models.CharField("URL", max_length=2000)
    description = models.CharField(max_length=200, blank=True)
    facets = ArrayField(models.CharField(max_length=10), default=all_facets)
    signs_body = models.BooleanField(
        "signs the body alone too",
        default=False,
        help_text="X-Signature: sha256=... over the body.",
    )
    secret = models.BinaryField()
    previous_secret = models.BinaryField(null=True)
    previous_until = models.DateTimeField(null=True)
    is_enabled = models.BooleanField("enabled", default=True)
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=200, blank=True)
    is_barred = models.BooleanField("disabled by staff", default=False)
    cursor = models.TextField(blank=True)
    seen_revision = models.BigIntegerField(default=-1)
    look_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    closed_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="endpoint_has_facets",
                condition=Q(facets__len__gt=0) & Q(facets__contained_by=list(FACETS)),
            ),
            models.CheckConstraint(
                name="endpoint_says_since_when_it_is_disabled",
                condition=Q(is_enabled=True, disabled_at=None)
                | Q(is_enabled=False, disabled_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["seen_revision"], condition=Q(is_enabled=True), name="endpoint_behind"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} {self.url}"


class Delivery(models.Model):
    """A message, the exact text that is signed, and how far it came.

    `next_attempt_at` is when it is tried next; while it is being sent (`is_taken`), when its claim
    ends. `claim` is the fence: a completion that names another is too late.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        DEAD = "dead", "dead letter"
        CANCELLED = "cancelled"

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, db_index=False)
    # The partner's own column, so that its policy compares and looks nothing up.
    customer = models.ForeignKey(Customer, models.PROTECT, db_index=False)
    message_id = models.CharField(max_length=40, unique=True)
    kind = models.CharField("type", max_length=20)
    body = models.TextField()
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Of them, those whose process died: no fault of the receiver's.
    cut_off = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    is_taken = models.BooleanField(default=False)
    claim = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200, blank=True)
    replay_of = models.CharField(max_length=40, blank=True)
    revision = models.BigIntegerField(null=True)
    correlation_id = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.CheckConstraint(
                name="delivery_ends_once",
                condition=Q(status="pending", ended_at=None)
                | ~Q(status="pending") & Q(ended_at__isnull=False, is_taken=False),
            )
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "next_attempt_at"],
                condition=Q(status="pending"),
                name="delivery_due",
            ),
            models.Index(
                fields=["next_attempt_at"], condition=Q(status="pending"), name="delivery_next"
            ),
            models.Index(fields=["endpoint", "-id"], name="delivery_of_endpoint"),
            models.Index(fields=["correlation_id"], name="delivery_of_cause"),  # a trace
            models.Index(
                fields=["ended_at"], condition=Q(ended_at__isnull=False), name="delivery_ended"
            ),
            models.Index(fields=["-ended_at"], condition=Q(status="dead"), name="delivery_dead"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} {self.kind} {self.status}"


class Attempt(models.Model):
    """One try to deliver: written before it is sent, completed after. Without an end it was cut off."""

    delivery = models.ForeignKey(Delivery, models.CASCADE)
    customer = models.ForeignKey(Customer, models.PROTECT, db_index=False)
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(db_default=Now())
    milliseconds = models.FloatField(null=True)
    status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True)
    answer = models.TextField(blank=True)
    address = models.GenericIPAddressField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_once")]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.status or self.error or 'cut off'}"
