"""When a key was last used, as the request log has it."""

from datetime import datetime

from django.db.models import OuterRef, Q, Subquery

from apikeys.models import RequestLog

# With these somebody had a key and no use of it.
_REFUSALS = (400, 401, 403, 429)


def last_use(now: datetime) -> Subquery:
    """Return the last use for a query of keys; by the index of (key, at), newest first.

    `now` is the database's clock: the months of the log that are to come need not be planned for, each
    by itself, which took three quarters of the time.
    """
    of_key = RequestLog.objects.filter(key_public_id=OuterRef("public_id"), at__lte=now)
    return Subquery(of_key.filter(~Q(status__in=_REFUSALS)).order_by("-at").values("at")[:1])
