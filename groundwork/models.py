"""What staff did: one row an action, never changed and never deleted."""

from django.db import models
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
