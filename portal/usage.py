"""What a customer asked for of late, from the hours that the log is summed up by."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, Sum
from django.db.models.functions import TruncDay

from apikeys.models import UsageHour
from portal.charts import Bar

DAYS = 30
_WRONG = Q(status__gte=400) | Q(status=None)


@dataclass(frozen=True)
class Usage:
    """The requests of some keys over the last days, the day at hand among them: by day, and by key."""

    days: list[Bar]
    by_key: dict[str, int]


def usage_of(keys: Iterable[str], *, now: datetime) -> Usage:
    """Sum up what some keys asked for; one range of an index a key, and empty days are days."""
    first = (now - timedelta(days=DAYS - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = (
        UsageHour.objects.filter(key_public_id__in=list(keys), hour__gte=first)
        .annotate(day=TruncDay("hour", tzinfo=now.tzinfo))
        .values_list("key_public_id", "day")
        .annotate(all=Sum("requests"), wrong=Sum("requests", filter=_WRONG))
        .order_by("key_public_id", "day")
    )
    asked: Counter[datetime] = Counter()
    wrong: Counter[datetime] = Counter()
    by_key: Counter[str] = Counter()
    for key, day, requests, errors in rows:
        by_key[key] += requests
        asked[day] += requests
        wrong[day] += errors or 0
    every = [first + timedelta(days=n) for n in range(DAYS)]
    return Usage([Bar(f"{day:%Y-%m-%d}", asked[day], wrong[day]) for day in every], dict(by_key))
