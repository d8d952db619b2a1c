"""Keys, the links that claim them, what limits each, and a row for every request."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from customers.models import SANDBOX, Customer

# Requests in any 60 seconds: what the database's functions fall back to, and the most a window holds.
DEFAULT_LIMIT, MOST_LIMIT = 60, 6000


class Scope(models.TextChoices):
    """What a key may be narrowed to; a key without scopes may do all."""

    CATALOGUE = "catalogue", "Catalogue: products, changes, brands, categories"
    STOCK = "stock", "Stock alone"
    PRICING = "pricing", "Prices of baskets"
    WEBHOOKS = "webhooks", "Webhooks of its own"


class KeyTerms(models.Model):
    """What is said of a key when it is issued, or of the one that a claim link will issue."""

    class Mode(models.TextChoices):
        LIVE = "live"
        TEST = "test"

    mode = models.CharField(max_length=4, choices=Mode.choices, default=Mode.LIVE)
    customer = models.ForeignKey(Customer, models.PROTECT)
    label = models.CharField(max_length=100, blank=True)
    scopes = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    requests_a_minute = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="In any 60 seconds. Empty: the customer's own limit, else 60.",
    )
    allowed_networks = ArrayField(
        models.CharField(max_length=43), default=list, db_default=[], blank=True
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                name="%(class)s_limit_holds_its_window",
                condition=Q(requests_a_minute__range=(1, MOST_LIMIT)) | Q(requests_a_minute=None),
                violation_error_message=f"A limit is between 1 and {MOST_LIMIT} requests.",
            ),
            models.CheckConstraint(
                name="%(class)s_is_a_partners",
                condition=~Q(customer=SANDBOX),
                violation_error_message="The sandbox has no keys. Give a customer a test key.",
            ),
        ]


class ApiKey(KeyTerms):
    """A partner's key. Its secret is stored as SHA-256 only; revocation is final (by trigger)."""

    public_id = models.CharField(max_length=12, unique=True)
    secret_sha256 = models.BinaryField(max_length=32)
    predecessor = models.ForeignKey("self", models.PROTECT, null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_reason = models.CharField(max_length=200, blank=True)

    class Meta(KeyTerms.Meta):
        verbose_name = "API key"
        constraints = [
            *KeyTerms.Meta.constraints,
            # A key that was rotated already is not rotated again by a command that runs twice.
            models.UniqueConstraint(
                fields=["predecessor"], condition=Q(revoked_at=None), name="one_successor_a_key"
            ),
        ]

    def __str__(self) -> str:
        return f"tc_{self.mode}_{self.public_id}"


class ClaimLink(KeyTerms):
    """Lets its holder make one key, once; only the SHA-256 of its token is stored."""

    token_sha256 = models.BinaryField(max_length=32, unique=True)
    key_expires_at = models.DateTimeField(null=True, blank=True)
    predecessor = models.ForeignKey(ApiKey, models.PROTECT, null=True, blank=True, related_name="+")
    overlap_days = models.PositiveSmallIntegerField(default=30)
    created_by = models.CharField(max_length=150)
    expires_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    key = models.OneToOneField(ApiKey, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta(KeyTerms.Meta):
        constraints = [
            *KeyTerms.Meta.constraints,
            models.UniqueConstraint(
                fields=["predecessor"],
                condition=Q(claimed_at=None, withdrawn_at=None),
                name="one_open_link_a_key",
            ),
            models.CheckConstraint(
                name="a_claimed_link_has_its_key",
                condition=Q(claimed_at=None, key=None)
                | Q(claimed_at__isnull=False, key__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"claim link {self.pk}"


class CustomerLimit(models.Model):
    """The limit of a customer's keys that have none of their own."""

    customer = models.OneToOneField(Customer, models.PROTECT, primary_key=True)
    requests_a_minute = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="customer_limit_holds_its_window",
                condition=Q(requests_a_minute__range=(1, MOST_LIMIT)),
                violation_error_message=f"A limit is between 1 and {MOST_LIMIT} requests.",
            ),
            models.CheckConstraint(
                name="customer_limit_is_a_partners",
                condition=~Q(customer=SANDBOX),
                violation_error_message="The sandbox has no limit: a test key has its customer's.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.requests_a_minute} requests a minute"


class RequestWindow(models.Model):
    """The instants of a key's last 60 seconds. Unlogged: a crash of the database empties it."""

    key = models.OneToOneField(ApiKey, models.CASCADE, primary_key=True)
    instants = ArrayField(models.DateTimeField())
    # Where its last request came from: while that stays, no other table is asked for it.
    network = models.CharField(max_length=43, null=True)  # noqa: DJ001 - nothing asked yet is null

    def __str__(self) -> str:
        return f"window of key {self.key_id}"


class FailureWindow(models.Model):
    """The instants of the refusals that an address met in the last 60 seconds. Unlogged."""

    source = models.GenericIPAddressField(primary_key=True)
    instants = ArrayField(models.DateTimeField())

    def __str__(self) -> str:
        return f"failures of {self.source}"


class KeyNetwork(models.Model):
    """A network (IPv4 /24, IPv6 /48) that a key was used from."""

    key_public_id = models.CharField(max_length=12)
    network = models.CharField(max_length=43)
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key_public_id", "network"], name="one_row_a_network")
        ]

    def __str__(self) -> str:
        return f"{self.key_public_id} from {self.network}"


class Suspicion(models.Model):
    """How often within an hour something was seen that may mean a stolen key."""

    class Kind(models.TextChoices):
        UNKNOWN = "unknown", "an unknown key"
        REVOKED = "revoked", "a revoked key"
        NEW_NETWORK = "new_network", "a network never seen for the key"
        OUTSIDE = "outside", "outside the key's networks"
        EXPOSED = "exposed", "the key in an address"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    # The id of the key, or the address where no key is known.
    subject = models.CharField(max_length=45)
    hour = models.DateTimeField()
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject", "hour"], name="suspicion_once")
        ]
        # What the watch sums up: the last day's.
        indexes = [models.Index(fields=["hour"], name="suspicion_of_hour")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: {self.count}"


class RequestLog(models.Model):
    """A request and how it ended; without a status a crash cut it off, or came just after. By months."""

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


class UsageHour(models.Model):
    """The requests of an hour by key, route and status, summed up from the log."""

    hour = models.DateTimeField()
    key_public_id = models.CharField(max_length=12, blank=True)
    route = models.CharField(max_length=100)
    status = models.SmallIntegerField(null=True)
    customer_id = models.BigIntegerField(null=True)
    requests = models.PositiveIntegerField()
    milliseconds = models.FloatField()
    bytes_sent = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["hour", "key_public_id", "route", "status"],
                nulls_distinct=False,
                name="usage_once",
            )
        ]
        # The staff pages: one key, newest first, and its sums, for which no row is read. Postgres 18 takes
        # the constraint's index hour by hour for them otherwise, which is six times slower.
        indexes = [
            models.Index(
                fields=["key_public_id", "hour"],
                include=["requests", "status"],
                name="usage_of_key_summed",
            )
        ]

    def __str__(self) -> str:
        return f"{self.key_public_id} {self.route} {self.status}: {self.requests}"


class UsageMark(models.Model):
    """How far the log was summed up: the one row, the first hour that is not settled."""

    hour = models.DateTimeField()

    def __str__(self) -> str:
        return f"summed up to {self.hour}"


class UsageDue(models.Model):
    """An hour that is to be summed up again: a request of it was completed after its end."""

    hour = models.DateTimeField(primary_key=True)

    def __str__(self) -> str:
        return f"sum up {self.hour} again"


class ExpiryNotice(models.Model):
    """A notice that a key will expire: claimed before it is sent, so that it is sent once."""

    key = models.ForeignKey(ApiKey, models.PROTECT)
    expires_at = models.DateTimeField()
    days_before = models.PositiveSmallIntegerField()
    claimed_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    sent_to = models.CharField(max_length=254, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key", "expires_at", "days_before"], name="one_notice_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.days_before} days before {self.expires_at}"
