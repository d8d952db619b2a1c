"""The only writer of deliveries and attempts: put, claimed, completed, ended, pruned; all in sets."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import connection, transaction

from groundwork.correlation import correlation_id
from outbound_hooks.models import Delivery
from outbound_hooks.schedule import MOST_ATTEMPTS
from outbound_hooks.sender import Answer

# How long a claim holds: the deadline of a delivery and its wait for a sender, with room. A delivery
# whose process died is tried again when it ends.
LEASE = timedelta(seconds=30)
KEPT = timedelta(days=30)
OF_A_CUSTOMER = 8  # at once, over all its endpoints
MOST_CUT_OFF = 20  # attempts of a delivery whose process died; perhaps it is what kills it
_AT_ONCE = 5_000  # rows a pruning statement

# Takes what `ready` names, and notes the attempt before it is made.
_TAKE = """
    taken as (
        update outbound_hooks_delivery d set
            is_taken = true, claim = claim + 1, attempts = attempts + 1,
            cut_off = cut_off + is_taken::integer,
            next_attempt_at = clock_timestamp() + %(lease)s::interval
        from ready where d.id = ready.id
        returning d.id, d.endpoint_id, d.customer_id, d.claim, d.attempts, d.cut_off, d.message_id,
            d.body
    ), tried as (
        insert into outbound_hooks_attempt
            (delivery_id, customer_id, number, started_at, error, answer)
        select id, customer_id, attempts, clock_timestamp(), '', '' from taken
    )
    select t.id, t.claim, t.attempts, t.attempts - t.cut_off, t.message_id, t.body,
           e.id, e.url, e.signs_body, e.failures > 0, e.secret,
           case when e.previous_until > clock_timestamp() then e.previous_secret end
    from taken t join outbound_hooks_endpoint e on e.id = t.endpoint_id
"""
# From each endpoint that is open and whose customer has a contract, so many that are due as it has free
# places, while it fails one; and so many of a customer, however many endpoints it has.
_CLAIM = """
    with ready as materialized (
        select id from (
            select due.id, due.next_attempt_at, row_number() over (
                    partition by e.customer_id order by due.next_attempt_at, due.id
                ) + (
                    select count(*) from outbound_hooks_endpoint o
                    join outbound_hooks_delivery f on f.endpoint_id = o.id
                    where o.customer_id = e.customer_id and f.status = 'pending' and f.is_taken
                      and f.next_attempt_at > clock_timestamp()
                ) as place
            from outbound_hooks_endpoint e
            cross join lateral (
                select d.id, d.next_attempt_at from outbound_hooks_delivery d
                where d.endpoint_id = e.id and d.status = 'pending'
                  and d.next_attempt_at <= clock_timestamp()
                  and d.attempts - d.cut_off < %(attempts)s and d.cut_off < %(cuts)s
                order by d.next_attempt_at, d.id
                limit greatest(0, case when e.failures = 0 then %(each)s else 1 end - (
                    select count(*) from outbound_hooks_delivery f
                    where f.endpoint_id = e.id and f.status = 'pending' and f.is_taken
                      and f.next_attempt_at > clock_timestamp()))
                for update skip locked
            ) due
            where e.is_enabled and (e.closed_until is null or e.closed_until <= clock_timestamp())
              and {in_force}
        ) placed
        where place <= %(customers)s order by next_attempt_at limit %(most)s
    ), {take}
"""
# The customer of endpoint `e` has a contract now.
IN_FORCE = """
    exists (
        select from customers_customerterms t
        where t.customer_id = e.customer_id and t.until_revision is null and t.status = 'active'
          and (t.contract_starts_at is null or t.contract_starts_at <= clock_timestamp())
          and (t.contract_ends_at is null or t.contract_ends_at > clock_timestamp()))
"""
_IS_DUE = """
    select exists (select from outbound_hooks_delivery
                   where status = 'pending' and next_attempt_at <= clock_timestamp())
"""
# Two processes that claim at once would both see the same places free.
_ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtext('outbound_hooks.claim'))"
_HAND_BACK = """
    with back as materialized (
        select * from unnest(%(ids)s::bigint[], %(claims)s::integer[], %(numbers)s::integer[])
            as b (id, claim, number)
    ), tried as (
        delete from outbound_hooks_attempt a using back b
        where a.delivery_id = b.id and a.number = b.number
    )
    update outbound_hooks_delivery d set
        is_taken = false, attempts = attempts - 1, next_attempt_at = clock_timestamp()
    from back b where d.id = b.id and d.claim = b.claim and d.status = 'pending'
"""
_TAKE_ONE = f"with ready as (select %(id)s::bigint as id), {_TAKE}"
_COMPLETE = """
    with said as (
        select * from unnest(
            %(ids)s::bigint[], %(claims)s::integer[], %(numbers)s::integer[], %(ends)s::text[],
            %(reasons)s::text[], %(delays)s::interval[], %(statuses)s::integer[],
            %(errors)s::text[], %(answers)s::text[], %(times)s::float8[], %(addresses)s::inet[]
        ) as s (id, claim, number, ends, reason, delay, status, error, answer, milliseconds, address)
    ), tried as (
        update outbound_hooks_attempt a set
            status = s.status, error = s.error, answer = s.answer,
            milliseconds = s.milliseconds, address = s.address
        from said s where a.delivery_id = s.id and a.number = s.number
    )
    update outbound_hooks_delivery d set
        is_taken = false, status = s.ends, reason = s.reason,
        ended_at = case when s.ends <> 'pending' then clock_timestamp() end,
        next_attempt_at = clock_timestamp() + s.delay
    from said s where d.id = s.id and d.claim = s.claim and d.status = 'pending'
"""
_END = """
    update outbound_hooks_delivery d set
        status = %(status)s, ended_at = clock_timestamp(), is_taken = false, reason = %(reason)s
    where d.status = 'pending' and {which}
"""
_DELETE = """
    with gone as materialized (select id from outbound_hooks_delivery where {which} limit %(most)s),
    tried as (delete from outbound_hooks_attempt a using gone where a.delivery_id = gone.id)
    delete from outbound_hooks_delivery d using gone where d.id = gone.id
"""


@dataclass(frozen=True)
class Message:
    """What is to be told: its type, and the exact text that is signed."""

    kind: str
    body: str


@dataclass(frozen=True)
class Claimed:
    """A delivery that is ours to send until its claim ends; secrets are sealed, the newest first.

    `tries` are the attempts without those that were cut off.
    """

    id: int
    claim: int
    attempts: int
    tries: int
    message_id: str
    body: str
    endpoint_id: int
    url: str
    signs_body: bool
    was_failing: bool
    sealed: tuple[bytes, ...]
    taken_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Completed:
    """How an attempt ended, and what becomes of its delivery: an end, or another try after a delay."""

    claimed: Claimed
    answer: Answer
    ends: str
    reason: str
    delay: timedelta


def put(
    endpoint_id: int,
    customer_id: int,
    messages: Iterable[Message],
    *,
    revision: int | None,
    correlation: str,
    replay_of: str = "",
) -> list[Delivery]:
    """Write messages to be delivered; they are due at once."""
    return Delivery.objects.bulk_create(
        Delivery(
            endpoint_id=endpoint_id,
            customer_id=customer_id,
            message_id=f"msg_{uuid4().hex}",
            kind=message.kind,
            body=message.body,
            revision=revision,
            correlation_id=correlation,
            replay_of=replay_of,
        )
        for message in messages
    )


def claim(*, most: int, each: int) -> list[Claimed]:
    """Take up to `most` deliveries that are due, `each` at once from an endpoint, and note the attempts."""
    params: dict[str, Any] = {
        "most": most,
        "each": each,
        "customers": OF_A_CUSTOMER,
        "lease": LEASE,
        "attempts": MOST_ATTEMPTS,
        "cuts": MOST_CUT_OFF,
    }
    with connection.cursor() as cursor:
        cursor.execute(_IS_DUE)
        (is_due,) = cursor.fetchone()
    if not is_due:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ONE_AT_A_TIME)
        cursor.execute(_CLAIM.format(in_force=IN_FORCE, take=_TAKE), params)
        return [_claimed(*row) for row in cursor.fetchall()]


def hand_back(claimed: Sequence[Claimed]) -> None:
    """Give back what was not begun, as if it had not been taken."""
    params: dict[str, list[Any]] = {
        "ids": [each.id for each in claimed],
        "claims": [each.claim for each in claimed],
        "numbers": [each.attempts for each in claimed],
    }
    with connection.cursor() as cursor:
        cursor.execute(_HAND_BACK, params)


def put_taken(endpoint_id: int, customer_id: int, message: Message) -> Claimed:
    """Write a message that the caller sends itself, and note that attempt."""
    with transaction.atomic(), connection.cursor() as cursor:
        (delivery,) = put(
            endpoint_id, customer_id, [message], revision=None, correlation=correlation_id()
        )
        params: dict[str, Any] = {"id": delivery.pk, "lease": LEASE}
        cursor.execute(_TAKE_ONE, params)
        return _claimed(*cursor.fetchone())


def _claimed(*row: Any) -> Claimed:
    sealed = tuple(bytes(each) for each in row[-2:] if each)
    held: list[Any] = [*row[:-2], sealed]
    return Claimed(*held)


def complete(completed: Sequence[Completed]) -> None:
    """Write down how attempts ended; a delivery that another took over meanwhile stays as it is."""
    if not completed:
        return
    params: dict[str, list[Any]] = {
        "ids": [each.claimed.id for each in completed],
        "claims": [each.claimed.claim for each in completed],
        "numbers": [each.claimed.attempts for each in completed],
        "ends": [each.ends for each in completed],
        "reasons": [each.reason[:200] for each in completed],
        "delays": [each.delay for each in completed],
        "statuses": [each.answer.status for each in completed],
        "errors": [each.answer.error[:200] for each in completed],
        "answers": [each.answer.text for each in completed],
        "times": [each.answer.milliseconds for each in completed],
        "addresses": [each.answer.address for each in completed],
    }
    with connection.cursor() as cursor:
        cursor.execute(_COMPLETE, params)


def bury(endpoint_id: int, *, reason: str) -> int:
    """Make dead letters of what waits for an endpoint; return how many."""
    return _end("dead", reason, "d.endpoint_id = %(of)s", endpoint_id)


def bury_exhausted() -> int:
    """Make dead letters of those whose attempts were cut off again and again."""
    which = "d.cut_off >= %(of)s and d.next_attempt_at <= clock_timestamp()"
    return _end("dead", "Its attempts were cut off again and again.", which, MOST_CUT_OFF)


def cancel(endpoint_id: int) -> int:
    """Cancel what waits for an endpoint of a customer whose contract is over; return how much."""
    return _end("cancelled", "The contract is over.", "d.endpoint_id = %(of)s", endpoint_id)


def _end(status: str, reason: str, which: str, of: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_END.format(which=which), {"status": status, "reason": reason, "of": of})
        return int(cursor.rowcount)


def prune() -> int:
    """Delete what ended 30 days ago; return how much."""
    return _delete("ended_at < clock_timestamp() - %(of)s::interval", KEPT)


def forget(endpoint_id: int) -> None:
    """Delete all that was sent to an endpoint."""
    _delete("endpoint_id = %(of)s", endpoint_id)


def _delete(which: str, of: Any) -> int:
    """Delete deliveries with their attempts, some at a time; return how many."""
    sql, count = _DELETE.format(which=which), 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, {"of": of, "most": _AT_ONCE})
            deleted = int(cursor.rowcount)
        count += deleted
        if deleted < _AT_ONCE:
            return count
