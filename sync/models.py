"""How each source is reached, what each sweep of it did, and what its shop told by itself."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from catalog_mirror.models import Source


class Connection(models.Model):
    """The way to a source's shop. Credentials and hook secrets are sealed JSON (groundwork.sealing)."""

    class Kind(models.TextChoices):
        WOOCOMMERCE = "woocommerce", "WooCommerce"

    source = models.OneToOneField(Source, models.PROTECT, primary_key=True)
    kind = models.CharField(max_length=20, choices=Kind)
    base_url = models.URLField(max_length=500)
    credentials = models.BinaryField()
    hook_secrets = models.BinaryField(null=True)  # a list of one or two, the newest first
    requests_per_second = models.FloatField(default=20)
    created_at = models.DateTimeField(db_default=Now())
    stale_since = models.DateTimeField(null=True)
    last_complete_sweep_at = models.DateTimeField(null=True)
    # When something was last missed that only a sweep finds: one that began before it is not enough.
    sweep_wanted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="some_requests_per_second", condition=Q(requests_per_second__gt=0)
            )
        ]

    def __str__(self) -> str:
        return self.base_url


class SweepRun(models.Model):
    """One reading of a whole shop, and what it changed."""

    class Status(models.TextChoices):
        RUNNING = "running"
        COMPLETE = "complete"
        FAILED = "failed"

    source = models.ForeignKey(Source, models.PROTECT, db_index=False)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    seen = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    retired = models.PositiveIntegerField(default=0)
    quarantined = models.PositiveIntegerField(default=0)
    requests = models.PositiveIntegerField(default=0)
    revisions = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    correlation_id = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="sweep_ends_when_not_running",
                condition=Q(status="running", finished_at=None)
                | (~Q(status="running") & Q(finished_at__isnull=False)),
            ),
            # Two sweeps of one source at once would take each other's work for drift.
            models.UniqueConstraint(
                fields=["source"], condition=Q(status="running"), name="one_sweep_at_once"
            ),
        ]
        indexes = [
            # A source's page: its last sweeps.
            models.Index(fields=["source", "-started_at"], name="sweeps_of_source")
        ]

    def __str__(self) -> str:
        return f"sweep of source {self.source_id} at {self.started_at:%Y-%m-%d %H:%M}"


class InboundEvent(models.Model):
    """A verified delivery of a shop, kept raw: a hint of what to read again."""

    class Status(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        DEAD = "dead"

    source = models.ForeignKey(Source, models.PROTECT, db_index=False)
    received_at = models.DateTimeField(db_default=Now())
    topic = models.CharField(max_length=100, blank=True)
    # For people to look for. Shops repeat it, so nothing is ever told apart by it.
    delivery_id = models.CharField(max_length=100, blank=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    settled_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True)
    correlation_id = models.CharField(max_length=64)
    # The correlation id of the revision it went into: that of the oldest event merged with it.
    merged_into = models.CharField(max_length=64, blank=True)

    class Meta:
        permissions = [("replay_inboundevent", "Can replay and discard inbound events")]
        constraints = [
            models.CheckConstraint(
                name="event_settles_when_not_pending",
                condition=Q(status="pending", settled_at=None)
                | (~Q(status="pending") & Q(settled_at__isnull=False)),
            )
        ]
        indexes = [
            # The worker's claim: the due events of a source; and the tick: which sources have any.
            models.Index(
                fields=["source", "next_attempt_at", "id"],
                name="events_due",
                condition=Q(status="pending"),
            ),
            # The throttle: is the nth latest event of a source younger than the window?
            # And a replay: those of a source within a time.
            models.Index(fields=["source", "-received_at"], name="events_of_source"),
            # The alarm: has a source any dead event?
            models.Index(fields=["source"], name="events_dead", condition=Q(status="dead")),
            # The purge: the oldest that are done.
            models.Index(fields=["settled_at"], name="events_done", condition=Q(status="done")),
        ]

    def __str__(self) -> str:
        return f"{self.topic or 'event'} {self.pk}"


class RefusedDelivery(models.Model):
    """How many deliveries were refused in an hour, and why; of a source that is known, or of none."""

    hour = models.DateTimeField()
    source = models.ForeignKey(Source, models.PROTECT, null=True, db_index=False)
    reason = models.CharField(max_length=40)
    count = models.PositiveBigIntegerField()

    class Meta:
        verbose_name_plural = "refused deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["hour", "source", "reason"], name="refused_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.reason} in {self.hour:%Y-%m-%d %H}"
