"""How each source is reached, and what each sweep of it did."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from catalog_mirror.models import Source


class Connection(models.Model):
    """The way to a source's shop. The credentials are sealed JSON (groundwork.sealing)."""

    class Kind(models.TextChoices):
        WOOCOMMERCE = "woocommerce", "WooCommerce"

    source = models.OneToOneField(Source, models.PROTECT, primary_key=True)
    kind = models.CharField(max_length=20, choices=Kind)
    base_url = models.URLField(max_length=500)
    credentials = models.BinaryField()
    requests_per_second = models.FloatField(default=20)
    created_at = models.DateTimeField(db_default=Now())
    stale_since = models.DateTimeField(null=True)
    last_complete_sweep_at = models.DateTimeField(null=True)

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
