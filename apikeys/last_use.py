"""When a key was last used, as the request log has it."""

from datetime import timedelta

from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from apikeys.models import RequestLog

# With these somebody had a key and no use of it.
_REFUSALS = (400, 401, 403, 429)


def last_use() -> Subquery:
    """Return the last use for a query of keys; by the index of (key, at), newest first.

    The months of the log that are to come are left out: the database would plan for each by itself.
    Nobody's clock is a day behind the database's.
    """
    ahead = timezone.now() + timedelta(days=1)
    of_key = RequestLog.objects.filter(key_public_id=OuterRef("public_id"), at__lte=ahead)
    return Subquery(of_key.filter(~Q(status__in=_REFUSALS)).order_by("-at").values("at")[:1])
