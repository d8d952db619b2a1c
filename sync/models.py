"""How each source is reached, what each sweep of it did, and what its shop told by itself."""

from datetime import time, timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from catalog_mirror.models import Source


class Connection(models.Model):
    """The way to a source's shop. Credentials and hook secrets are sealed JSON (groundwork.sealing)."""

    class Kind(models.TextChoices):
        WOOCOMMERCE = "woocommerce", "WooCommerce"
        FEED = "feed", "Feed"
        SHOPIFY = "shopify", "Shopify"
        MAGENTO = "magento", "Magento"

    source = models.OneToOneField(Source, models.PROTECT, primary_key=True)
    kind = models.CharField(max_length=20, choices=Kind)
    # Or `file:NAME` for a feed in the configured folder.
    base_url = models.CharField(max_length=500)
    credentials = models.BinaryField()
    # What its kind wants to know beside the key and is no secret: a version, a store, a field map.
    settings = models.JSONField(default=dict)
    hook_secrets = models.BinaryField(null=True)  # a list of one or two, the newest first
    requests_per_second = models.FloatField(default=20)
    created_at = models.DateTimeField(db_default=Now())
    stale_since = models.DateTimeField(null=True)
    last_complete_sweep_at = models.DateTimeField(null=True)
    sweep_at = models.TimeField(
        default=time(3), help_text="When it is swept each night, in the source's own time zone."
    )
    # What the shop's own list of webhooks lacked when it was last asked; empty where nothing.
    webhooks_checked_at = models.DateTimeField(null=True)
    webhooks_problem = models.CharField(
        max_length=1000, blank=True, default="They were not looked at yet."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="some_requests_per_second", condition=Q(requests_per_second__gt=0)
            )
        ]

    def __str__(self) -> str:
        return self.base_url


class RequestTurn(models.Model):
    """From when on the next request may be sent to a source's shop, whoever sends it."""

    source = models.OneToOneField(Source, models.PROTECT, primary_key=True)
    free_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"source {self.source_id} is free at {self.free_at:%H:%M:%S.%f}"


class Poll(models.Model):
    """What a shop that tells nothing by itself is asked again and again, and how far that has come."""

    class What(models.TextChoices):
        CHANGES = "changes"
        STOCK = "stock"

    source = models.ForeignKey(Source, models.PROTECT, db_index=False)
    what = models.CharField(max_length=10, choices=What)
    every = models.DurationField()
    due_at = models.DateTimeField(db_default=Now())
    # In the connector's own words; none before the first time.
    position = models.JSONField(null=True)
    # Ids that were told of before that position, and are still to be read.
    left = models.JSONField(default=list, db_default=[])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "what"], name="one_poll_of_a_thing"),
            models.CheckConstraint(
                name="some_time_between_polls", condition=Q(every__gt=timedelta(0))
            ),
        ]
        indexes = [models.Index(fields=["due_at"], name="polls_due")]  # the tick

    def __str__(self) -> str:
        return f"{self.what} of source {self.source_id}"


class SweepRun(models.Model):
    """One reading of a whole shop, and what it changed.

    One that the schedule wants is due from `due_at` on. `position` is how far the reading was written,
    in the connector's own words: a run that was ended early goes on from there.
    """

    class Status(models.TextChoices):
        DUE = "due"
        RUNNING = "running"
        STOPPED = "stopped"
        COMPLETE = "complete"
        FAILED = "failed"

    source = models.ForeignKey(Source, models.PROTECT, db_index=False)
    # The local date of the night it belongs to; none where a person or an event wanted it.
    slot = models.DateField(null=True)
    due_at = models.DateTimeField(db_default=Now())
    tries_left = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    position = models.JSONField(null=True)
    seen = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    retired = models.PositiveIntegerField(default=0)
    quarantined = models.PositiveIntegerField(default=0)
    held = models.PositiveIntegerField(default=0)
    requests = models.PositiveIntegerField(default=0)
    revisions = models.PositiveIntegerField(default=0)
    error = models.CharField(blank=True, max_length=500)
    correlation_id = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="sweep_ends_when_over",
                condition=Q(status__in=["complete", "failed"], finished_at__isnull=False)
                | Q(status__in=["due", "running", "stopped"], finished_at=None),
            ),
            models.CheckConstraint(
                name="sweep_starts_before_it_runs",
                condition=Q(status__in=["due", "failed"]) | Q(started_at__isnull=False),
            ),
            # Two sweeps of one source at once would take each other's work for drift.
            models.UniqueConstraint(
                fields=["source"], condition=Q(status="running"), name="one_sweep_at_once"
            ),
            # However many ticks find a slot due, it is one row.
            models.UniqueConstraint(fields=["source", "slot"], name="one_sweep_a_slot"),
            models.UniqueConstraint(
                fields=["source"],
                condition=Q(status="due", slot=None),
                name="one_wanted_sweep_at_once",
            ),
        ]
        indexes = [
            # A source's page: its last sweeps.
            models.Index(fields=["source", "-started_at"], name="sweeps_of_source"),
            # The tick: what is due, and what may have been ended early.
            models.Index(
                fields=["due_at"],
                condition=Q(status__in=["due", "running"]),
                name="sweeps_to_run",
            ),
        ]

    def __str__(self) -> str:
        at = self.started_at or self.due_at
        return f"sweep of source {self.source_id} at {at:%Y-%m-%d %H:%M}"


class DriftCorrection(models.Model):
    """A field of a variant in which the mirror differed from its shop until a sweep corrected it."""

    run = models.ForeignKey(SweepRun, models.PROTECT, db_index=False)
    corrected_at = models.DateTimeField(db_default=Now())
    revision = models.BigIntegerField()
    source = models.CharField(max_length=40)
    sku = models.CharField(max_length=120)
    external_id = models.CharField(max_length=100)
    facet = models.CharField(max_length=10)
    field = models.CharField(max_length=40)
    mirror_value = models.JSONField(null=True)
    source_value = models.JSONField(null=True)
    cause = models.CharField(max_length=20, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["run", "id"], name="corrections_of_run"),  # the report of a run
            models.Index(fields=["sku", "-id"], name="corrections_of_sku"),  # staff look for one
            # What is older than it is kept.
            models.Index(fields=["corrected_at"], name="corrections_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.sku}: {self.facet} {self.field}"


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
            # A trace: what one cause led to, and what was merged with it.
            models.Index(fields=["correlation_id"], name="events_of_cause"),
            models.Index(
                fields=["merged_into"], name="events_merged", condition=~Q(merged_into="")
            ),
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
