"""What a customer asked for of late, from the hours that the log is summed up by."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q, Sum
from django.db.models.functions import TruncDay

from apikeys.models import UsageHour
from portal.charts import Bar

DAYS = 30
_WRONG = Q(status__gte=400) | Q(status=None)


def days_of(keys: Iterable[str], *, now: datetime) -> list[Bar]:
    """Return the requests of some keys by day, empty days among them; one range of an index a key."""
    first = (now - timedelta(days=DAYS - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = (
        UsageHour.objects.filter(key_public_id__in=list(keys), hour__gte=first)
        .annotate(day=TruncDay("hour", tzinfo=now.tzinfo))
        .values("day")
        .annotate(all=Sum("requests"), wrong=Sum("requests", filter=_WRONG))
        .order_by("day")
    )
    found = defaultdict(
        lambda: (0, 0), {row["day"]: (row["all"], row["wrong"] or 0) for row in rows}
    )
    every = [first + timedelta(days=n) for n in range(DAYS)]
    return [Bar(f"{day:%Y-%m-%d}", *found[day]) for day in every]


def requests_by_key(keys: Iterable[str], *, now: datetime) -> dict[str, int]:
    rows = (
        UsageHour.objects.filter(key_public_id__in=list(keys), hour__gte=now - timedelta(days=DAYS))
        .values("key_public_id")
        .annotate(all=Sum("requests"))
        .order_by("key_public_id")
    )
    return {row["key_public_id"]: row["all"] for row in rows}
