"""The only writer of staff audit entries."""

from typing import Any

from groundwork.correlation import correlation_id
from groundwork.models import AuditEntry


def record(
    actor: str,
    *,
    action: str,
    subject: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Note who did what to which thing; `before` and `after` must be JSON values."""
    AuditEntry.objects.create(
        actor=actor,
        action=action,
        subject=subject,
        before=before,
        after=after,
        correlation_id=correlation_id(),
    )
