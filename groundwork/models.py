"""What staff did, never changed and never deleted; and what needs a person now."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class AuditEntry(models.Model):
    """Codes and names, not foreign keys: the entry outlives what it tells of."""

    at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    correlation_id = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["subject", "-id"], name="audit_of_subject")]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.subject}"


class Alarm(models.Model):
    """Something that a person should look at; open until what it tells of has passed."""

    code = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    message = models.CharField(max_length=1000)
    opened_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)
    correlation_id = models.CharField(max_length=64)
    # When staff were told of its opening, and of its end.
    told_at = models.DateTimeField(null=True)
    told_closed_at = models.DateTimeField(null=True)
    # Somebody is telling it; from then on whoever did so is taken for dead.
    telling_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # An alarm opens once, however often its cause is met.
            models.UniqueConstraint(
                fields=["code", "subject"], condition=Q(closed_at=None), name="one_open_alarm"
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.subject}"


class Heartbeat(models.Model):
    """When something that nobody waits for was last seen at work."""

    name = models.CharField(max_length=40, primary_key=True)
    beaten_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
