"""When a key was last used, as the request log has it."""

from django.db.models import OuterRef, Q, Subquery

from apikeys.models import RequestLog

# With these somebody had a key and no use of it.
_REFUSALS = (400, 401, 403, 429)
# For a query of keys; by the index of (key, at), newest first.
LAST_USE = Subquery(
    RequestLog.objects.filter(~Q(status__in=_REFUSALS), key_public_id=OuterRef("public_id"))
    .order_by("-at")
    .values("at")[:1]
)
