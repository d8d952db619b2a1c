"""One change followed through the rooms: from a shop's webhook or a sweep to a partner's receiver.

What belongs together carries one correlation id; a SKU is followed over the revisions that moved it.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db import connection
from django.db.models import Q

from apikeys.models import RequestLog
from apikeys.searching import under
from catalog_mirror.models import QuarantinedRecord, Revision, Variant, VariantHistory
from groundwork.correlation import made_at
from groundwork.models import Alarm, AuditEntry
from outbound_hooks.models import Attempt, Delivery
from sync.models import DriftCorrection, InboundEvent, SweepRun

# Deliveries hold their text as it was signed: so many of the newest are looked through for a SKU.
DELIVERIES_READ = 10_000
MOST_STEPS = 500  # of each kind, the newest
LONGEST_VALUE = 40  # characters of a field's value; the staff site shows more


@dataclass(frozen=True, order=True)
class Step:
    """Something that happened: when, what kind of thing, in words, and the id of its cause."""

    at: datetime
    what: str
    said: str
    correlation_id: str


def trace(value: str) -> list[Step]:
    """Return what happened under a correlation id, a request id or a message id, or to a SKU, in order.

    Empty where nothing is known of it. SKUs come first, but for what is written as an id of ours: the
    ids that partners choose are looked for in the log of requests, whatever they are.
    """
    if made_at(value):
        return sorted(_under(_causes(value))) or sorted(_of_sku(value))
    return sorted(_of_sku(value)) or sorted(_under(_causes(value)))


# Events are merged, so there may be several. A shop's delivery and a message of ours have other names.
_CAUSES = """
    with named (id) as (
        select %(value)s
        union select correlation_id from outbound_hooks_delivery where message_id = %(value)s
        union select correlation_id from sync_inboundevent where delivery_id = %(value)s
    )
    select id from named
    union select merged_into from sync_inboundevent where correlation_id in (select id from named)
    limit %(most)s
"""


def _causes(value: str) -> set[str]:
    """Return the ids of the cause that `value` names."""
    with connection.cursor() as cursor:
        cursor.execute(_CAUSES, {"value": value, "most": MOST_STEPS})
        return {identifier for (identifier,) in cursor.fetchall()} - {""}


def _under(ids: Collection[str]) -> Iterator[Step]:
    for kind in _kinds(_CARRYING, ids=list(ids)):
        yield from _STEPS[kind](ids)
    yield from _requests(ids)


def _kinds(sql: str, **named: Any) -> list[str]:
    """Return the kinds of which there is a row: asking each for all of its own takes many times as long."""
    with connection.cursor() as cursor:
        cursor.execute(sql, named)
        return [kind for (kind,) in cursor.fetchall()]


def _events(meant: Q) -> Iterator[Step]:
    rows = InboundEvent.objects.filter(meant).select_related("source").defer("body")
    for each in rows.order_by("-pk")[:MOST_STEPS]:
        yield from _of_event(each)


def _of_event(each: InboundEvent) -> Iterator[Step]:
    name = f"{each.topic or 'an event'} from {each.source.slug}, event {each.pk}"
    yield Step(each.received_at, "webhook", f"{name}, was taken", each.correlation_id)
    if each.settled_at:
        how = f"was followed after {each.attempts} tries"
        if each.status == InboundEvent.Status.DEAD:
            how = f"came to nothing: {each.error}"
        elif each.attempts == 1:
            how = "was followed"
        yield Step(each.settled_at, "webhook", f"{name}, {how}", each.correlation_id)
    elif each.error:
        said = f"{name}, waits until {each.next_attempt_at:%H:%M:%S} UTC: {each.error}"
        yield Step(each.received_at, "webhook", said, each.correlation_id)


def _sweeps(meant: Q) -> Iterator[Step]:
    rows = SweepRun.objects.filter(meant, started_at__isnull=False).select_related("source")
    for each in rows.order_by("-pk")[:MOST_STEPS]:
        name = f"sweep {each.pk} of {each.source.slug}"
        yield Step(each.started_at or each.due_at, "sweep", f"{name} began", each.correlation_id)
        if each.finished_at:
            end = f"{name} is {each.status}: {each.seen} seen, {each.changed} changed" + (
                f"; {each.error}" if each.error else ""
            )
            yield Step(each.finished_at, "sweep", end, each.correlation_id)


def _revisions(meant: Q) -> Iterator[Step]:
    for each in Revision.objects.filter(meant).order_by("-number")[:MOST_STEPS]:
        of = "a rule" if each.touches_rules else "the mirror"
        said = f"revision {each.number} changed {of} ({each.origin})"
        yield Step(each.recorded_at, "revision", said, each.correlation_id)


def _corrections(meant: Q) -> Iterator[Step]:
    rows = DriftCorrection.objects.filter(meant).select_related("run")
    for each in rows.order_by("-pk")[:MOST_STEPS]:
        cause = f" ({each.cause})" if each.cause else ""
        values = f"{_short(each.mirror_value)} to {_short(each.source_value)}"
        said = f"{each.sku} in {each.source}: {each.field} from {values}{cause}"
        yield Step(each.corrected_at, "correction", said, each.run.correlation_id)


def _short(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."


def _deliveries(meant: Q) -> Iterator[Step]:
    rows = Delivery.objects.filter(meant).select_related("endpoint__customer").defer("body")
    found = list(rows.order_by("-pk")[:MOST_STEPS])
    for each in found:
        to = f"{each.message_id} ({each.kind}) to {each.endpoint.customer.slug}"
        of = f"for revision {each.revision}" if each.revision is not None else "on request"
        yield Step(each.created_at, "delivery", f"{to}, written {of}", each.correlation_id)
        if each.ended_at:
            why = f": {each.reason}" if each.reason else ""
            said = f"{to}, {each.get_status_display()}{why}"
            yield Step(each.ended_at, "delivery", said, each.correlation_id)
    yield from _attempts(found)


def _attempts(of: Iterable[Delivery]) -> Iterator[Step]:
    by_id = {each.pk: each for each in of}
    rows = Attempt.objects.filter(delivery__in=by_id)
    for each in rows.order_by("-pk")[:MOST_STEPS]:
        delivery = by_id[each.delivery_id]
        end = f"answered {each.status}" if each.status else each.error or "has no end yet"
        took = f" in {each.milliseconds:.0f} ms" if each.milliseconds is not None else ""
        said = f"attempt {each.number} at {delivery.message_id} {end}{took}"
        yield Step(each.started_at, "attempt", said, delivery.correlation_id)


def _requests(ids: Collection[str]) -> Iterator[Step]:
    for each in RequestLog.objects.filter(under(ids)).order_by("-at")[:MOST_STEPS]:
        whose = f"key {each.key_public_id}" if each.key_public_id else "a stranger"
        end = (
            f"answered {each.status} in {each.milliseconds:.0f} ms" if each.status else "has no end"
        )
        said = f"{each.method} {each.route} by {whose} {end}"
        yield Step(each.at, "request", said, each.correlation_id)


def _audited(meant: Q) -> Iterator[Step]:
    for entry in AuditEntry.objects.filter(meant).order_by("-pk")[:MOST_STEPS]:
        said = f"{entry.actor}: {entry.action} {entry.subject}"
        yield Step(entry.at, "staff", said, entry.correlation_id)


def _alarms(meant: Q) -> Iterator[Step]:
    for alarm in Alarm.objects.filter(meant).order_by("-pk")[:MOST_STEPS]:
        said = f"{alarm.code} {alarm.subject}: {alarm.message}"
        yield Step(alarm.opened_at, "alarm", said, alarm.correlation_id)


_CARRYING = """
    select 'events' where exists (
        select from sync_inboundevent
        where correlation_id = any(%(ids)s) or (merged_into <> '' and merged_into = any(%(ids)s)))
    union all select 'sweeps' where exists (
        select from sync_sweeprun where correlation_id = any(%(ids)s))
    union all select 'revisions' where exists (
        select from catalog_mirror_revision where correlation_id = any(%(ids)s))
    union all select 'corrections' where exists (
        select from sync_driftcorrection c join sync_sweeprun r on r.id = c.run_id
        where r.correlation_id = any(%(ids)s))
    union all select 'deliveries' where exists (
        select from outbound_hooks_delivery where correlation_id = any(%(ids)s))
    union all select 'audited' where exists (
        select from groundwork_auditentry where correlation_id = any(%(ids)s))
    union all select 'alarms' where exists (
        select from groundwork_alarm where correlation_id = any(%(ids)s))
"""
_STEPS: dict[str, Callable[[Collection[str]], Iterator[Step]]] = {
    "events": lambda ids: _events(Q(correlation_id__in=ids) | Q(merged_into__in=ids)),
    "sweeps": lambda ids: _sweeps(Q(correlation_id__in=ids)),
    "revisions": lambda ids: _revisions(Q(correlation_id__in=ids)),
    "corrections": lambda ids: _corrections(Q(run__correlation_id__in=ids)),
    "deliveries": lambda ids: _deliveries(Q(correlation_id__in=ids)),
    "audited": lambda ids: _audited(Q(correlation_id__in=ids)),
    "alarms": lambda ids: _alarms(Q(correlation_id__in=ids)),
}
_NAMING = """
    select 'mirrored' where exists (select from catalog_mirror_variant where sku = %(sku)s)
    union all select 'mirrored' where exists (
        select from catalog_mirror_varianthistory where sku = %(sku)s)
    union all select 'corrections' where exists (select from sync_driftcorrection where sku = %(sku)s)
    union all select 'quarantined' where exists (
        select from catalog_mirror_quarantinedrecord where sku = %(sku)s)
"""


def _of_sku(sku: str) -> Iterator[Step]:
    """Yield what happened to all that carries a SKU, or carried it within the history that is kept."""
    kinds = _kinds(_NAMING, sku=sku)
    if "corrections" in kinds:
        yield from _corrections(Q(sku=sku))
    if "quarantined" in kinds:
        yield from _quarantined(sku)
    if "mirrored" not in kinds:
        return
    variants = _variants(sku)
    revisions = _revisions_of(variants)
    yield from _revisions(Q(number__in=revisions))
    yield from _events_naming(variants, revisions)
    yield from _deliveries(Q(pk__in=_deliveries_naming(sku)))


def _variants(sku: str) -> list[Variant]:
    # Read first: joined to the rest by OR, it would have all variants looked through.
    carried = set(VariantHistory.objects.filter(sku=sku).values_list("variant_id", flat=True))
    rows = Variant.objects.filter(Q(sku=sku) | Q(pk__in=carried))
    return list(rows.select_related("product"))


def _revisions_of(variants: Collection[Variant]) -> set[int]:
    numbers = {
        number
        for each in variants
        for number in (
            each.created_revision,
            each.content_revision,
            each.stock_revision,
            each.touched_revision,
        )
    }
    ended = VariantHistory.objects.filter(variant__in=variants).order_by("-until_revision")
    return numbers | set(ended.values_list("until_revision", flat=True)[:MOST_STEPS])


def _quarantined(sku: str) -> Iterator[Step]:
    rows = QuarantinedRecord.objects.filter(sku=sku).select_related("source")
    for each in rows[:MOST_STEPS]:
        said = f"{sku} of {each.source.slug} cannot be mirrored: {each.reason}, {each.detail}"
        yield Step(each.last_seen_at, "quarantine", said, "")


def _events_naming(variants: Collection[Variant], revisions: Collection[int]) -> Iterator[Step]:
    """Yield the events behind these revisions that name one of the variants or its product."""
    ids = Revision.objects.filter(number__in=revisions).values("correlation_id")
    rows = InboundEvent.objects.filter(
        Q(correlation_id__in=ids) | Q(merged_into__in=ids),
        source__in={each.source_id for each in variants},
    ).select_related("source")
    named = {name for v in variants for name in (v.external_id, v.product.external_id)}
    names = re.compile(rb"(?<!\w)(?:%s)(?!\w)" % b"|".join(re.escape(n.encode()) for n in named))
    for each in rows.order_by("-pk")[:MOST_STEPS]:
        if names.search(bytes(each.body)):
            yield from _of_event(each)


def _deliveries_naming(sku: str) -> list[int]:
    newest = Delivery.objects.order_by("-pk").values_list("pk", flat=True)[:DELIVERIES_READ]
    told = '"sku":' + orjson.dumps(sku).decode()
    return list(
        Delivery.objects.filter(pk__in=newest, body__contains=told)
        .order_by("-pk")
        .values_list("pk", flat=True)[:MOST_STEPS]
    )
