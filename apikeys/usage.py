"""The only writer of usage: the log summed up by hour, key, route and status.

An hour is summed up as a whole, as often as it may have changed, so that a run that was ended goes on
and one that is repeated changes nothing. Requests are completed after they began: an hour is settled
only a while after its end, and a completion that comes later still makes it due again.
"""

from datetime import datetime, timedelta

from django.db import connection, transaction

from apikeys.models import UsageDue, UsageMark

HOUR = timedelta(hours=1)
# After an hour's end: a row whose commit was slow, or that stays without a status, is counted by then.
SETTLES_AFTER = timedelta(minutes=15)
# Hours of one run; the next goes on.
AT_ONCE = 24 * 7

_LOCK = "select pg_try_advisory_xact_lock(hashtext('apikeys_usagehour'))"
_BEGIN = """
    insert into apikeys_usagemark (id, hour)
    select 1, date_trunc('hour', coalesce(min(at), clock_timestamp()), 'UTC') from apikeys_requestlog
    on conflict (id) do nothing
"""
_NOW = "select date_trunc('hour', clock_timestamp(), 'UTC'), clock_timestamp()"
_FORGET = "delete from apikeys_usagehour where hour = %(hour)s"
_SUM = """
    insert into apikeys_usagehour
        (hour, key_public_id, route, status, customer_id, requests, milliseconds, bytes_sent)
    select %(hour)s, key_public_id, route, status, max(customer_id), count(*),
           coalesce(sum(milliseconds), 0), coalesce(sum(bytes_sent), 0)
    from apikeys_requestlog
    where at >= %(hour)s and at < %(hour)s + interval '1 hour'
    group by key_public_id, route, status
"""


def sum_up() -> int:
    """Sum up what may have changed since the last time; return how many hours. Safe to repeat."""
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN)
        cursor.execute(_NOW)
        newest, at = cursor.fetchone()
    mark = UsageMark.objects.get().hour
    unsettled = _hours(mark, newest)
    late = UsageDue.objects.filter(hour__lt=mark).order_by("hour").values_list("hour", flat=True)
    hours = [*unsettled, *late][:AT_ONCE]
    return sum(_sum_up(hour, settled=at >= hour + HOUR + SETTLES_AFTER) for hour in hours)


def _hours(first: datetime, last: datetime) -> list[datetime]:
    count = max(0, int((last - first) / HOUR) + 1)
    return [first + n * HOUR for n in range(min(count, AT_ONCE))]


def _sum_up(hour: datetime, *, settled: bool) -> bool:
    """Sum up an hour, unless another run does at this moment."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK)
        if not cursor.fetchone()[0]:
            return False
        # Before the log is read: a completion that is not read yet makes the hour due once more.
        UsageDue.objects.filter(hour=hour).delete()
        cursor.execute(_FORGET, {"hour": hour})
        cursor.execute(_SUM, {"hour": hour})
        if settled:
            UsageMark.objects.filter(hour=hour).update(hour=hour + HOUR)
    return True
