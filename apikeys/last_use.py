"""When a key was last used, as the request log has it."""

from django.db.models import OuterRef, Q, Subquery

from apikeys.models import RequestLog

# For a query of keys; by the index of (key, at), newest first. A refusal is no use.
LAST_USE = Subquery(
    RequestLog.objects.filter(~Q(status=401), key_public_id=OuterRef("public_id"))
    .order_by("-at")
    .values("at")[:1]
)
