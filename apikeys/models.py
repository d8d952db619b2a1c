"""Keys, the window that limits each, and a row for every request."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from customers.models import Customer


class ApiKey(models.Model):
    """A partner's key. Its secret is stored as SHA-256 only; revocation is final (by trigger)."""

    class Mode(models.TextChoices):
        LIVE = "live"
        TEST = "test"

    public_id = models.CharField(max_length=12, unique=True)
    secret_sha256 = models.BinaryField(max_length=32)
    mode = models.CharField(max_length=4, choices=Mode.choices, default=Mode.LIVE)
    customer = models.ForeignKey(Customer, models.PROTECT)
    label = models.CharField(max_length=100, blank=True)
    scopes = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    requests_a_minute = models.PositiveSmallIntegerField(default=60)
    predecessor = models.ForeignKey("self", models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(
                name="api_key_limit_holds_its_window",
                condition=Q(requests_a_minute__range=(1, 6000)),
            )
        ]

    def __str__(self) -> str:
        return f"tc_{self.mode}_{self.public_id}"


class RequestWindow(models.Model):
    """The instants of a key's last 60 seconds. Unlogged: a crash of the database empties it."""

    key = models.OneToOneField(ApiKey, models.CASCADE, primary_key=True)
    instants = ArrayField(models.DateTimeField())

    def __str__(self) -> str:
        return f"window of key {self.key_id}"


class RequestLog(models.Model):
    """A request and how it ended; a null status tells of a crash. Partitioned by month."""

    # The table's key is (at, id), as partitioning asks; the sequence keeps the id unique alone.
    id = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    key_public_id = models.CharField(max_length=12, blank=True)
    customer_id = models.BigIntegerField(null=True)
    method = models.CharField(max_length=8)
    route = models.CharField(max_length=100)
    status = models.SmallIntegerField(null=True)
    milliseconds = models.FloatField(null=True)
    bytes_sent = models.IntegerField(null=True)
    correlation_id = models.CharField(max_length=64)
    address = models.GenericIPAddressField(null=True)

    class Meta:
        verbose_name = "request"

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.status}"


class RefusedStrangers(models.Model):
    """Requests of an address and hour that no key stood behind; beyond a limit only this counts them."""

    address = models.GenericIPAddressField()
    hour = models.DateTimeField()
    refusals = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "refused strangers"
        constraints = [models.UniqueConstraint(fields=["address", "hour"], name="strangers_once")]

    def __str__(self) -> str:
        return f"{self.address}: {self.refusals}"
