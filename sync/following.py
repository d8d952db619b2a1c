"""Follows what shops told: reads again what their events name, and hands it to the mirror."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from catalog_mirror.models import Product, Source, Variant
from groundwork.correlation import correlated, correlation_id
from groundwork.instants import database_now
from groundwork.sealing import SealBroken
from sync import connections, events, runs
from sync.connections import NotConnected, dialect_of
from sync.connectors import Connector, Hint, MakesNoSense, Named
from sync.events import Claimed
from sync.http import ShopAnswersNonsense, ShopError, ShopTooSlow
from sync.lines import line_to
from sync.locks import FOLLOWING, try_lock
from sync.models import Connection, InboundEvent
from sync.settling import settle
from sync.writing import WEBHOOK, Writing, skus_of

log = structlog.get_logger(__name__)

LONGEST = 40.0  # seconds one follower goes on; the broker hands out anew what takes a minute
FEW = 100  # products: as many as a shop lists at once
_BODIES = 50  # read at once; a body may have a megabyte
# What may be the fault of what was asked for, and not of the shop as a whole.
_OF_THE_QUESTION = (ShopAnswersNonsense, ShopTooSlow)


@dataclass
class Errand:
    """What events of one product ask for: all of its family, or some of its variants."""

    product_id: str
    events: list[Claimed] = field(default_factory=list)
    variants: dict[str, None] = field(default_factory=dict)
    is_family: bool = False

    @property
    def attempts(self) -> int:
        return max(each.attempts for each in self.events)


def follow(source: Source) -> bool:
    """Follow the due events of a source, one follower at a time; return whether there are more.

    Who finds another at it may leave: that one looks once more after it let go.
    """
    ends_at = time.monotonic() + LONGEST
    with try_lock(FOLLOWING, source) as is_ours:
        if not is_ours:
            return False
        while time.monotonic() < ends_at and (claimed := events.claim(source)):
            _follow(source, claimed, ends_at=ends_at)
            if set(events.due_sources()) - {source.pk}:
                break  # another shop's turn: a busy one must not keep the worker from it
    return source.pk in events.due_sources()


def read_again(source: Source, product_ids: Iterable[str]) -> None:
    """Read products again now, because a person asks. Raise `ShopError`, `NotConnected`, `SealBroken`."""
    errands = [Errand(each, is_family=True) for each in sorted(set(product_ids))]
    with line_to(source) as connector, correlated(correlation_id()):
        refetch(source, connector, errands)


def _follow(source: Source, claimed: list[Claimed], *, ends_at: float) -> None:
    if worn := [each.id for each in claimed if each.attempts > events.ATTEMPTS]:
        events.bury(worn, source=source, error="Whoever followed it ended before it was done.")
        runs.want(source, at=database_now())
    errands = errands_of(source, [e for e in claimed if e.attempts <= events.ATTEMPTS])
    groups = [errands]
    try:
        groups = _grouped(errands, size=_size(source, errands))
        faults = []
        while groups and time.monotonic() < ends_at:
            faults.append(_follow_group(source, groups[0]))
            groups.pop(0)
        if faults and all(faults):  # nothing could be read, so it is not what was asked for
            connections.note_stale(source, at=database_now(), reason=faults[0])
    except (ShopError, NotConnected, SealBroken) as error:
        connections.note_stale(source, at=database_now(), reason=str(error))
        _put_off(source, _events_of(groups or [errands]), error=str(error))
        return
    events.give_back(_events_of(groups))


def _follow_group(source: Source, group: list[Errand]) -> str:
    """Follow what is read together; return what was wrong with the answers, or nothing.

    Raise only what is the fault of the shop as a whole.
    """
    ours = _events_of([group])
    try:
        with line_to(source) as connector, correlated(_correlation(ours)) as merged_into:
            refetch(source, connector, group)
    except _OF_THE_QUESTION as error:
        _put_off(source, ours, error=str(error))
        return str(error)
    except (ShopError, NotConnected, SealBroken):
        raise
    except Exception as error:  # what breaks us must not end the others, nor us
        log.exception("events_broke_us", events=[each.id for each in ours])
        _put_off(source, ours, error=f"It broke us ({type(error).__name__}). See the log.")
    else:
        connections.note_answer(source)
        events.finish([each.id for each in ours], merged_into=merged_into)
    return ""


def _events_of(groups: Iterable[list[Errand]]) -> list[Claimed]:
    return [event for group in groups for errand in group for event in errand.events]


def errands_of(source: Source, claimed: Sequence[Claimed]) -> list[Errand]:
    """Return what is to be done for these events, each product once; those without any are settled."""
    hints = _hints_of(source, claimed)
    known = hints_known(source, [h.external_id for h in hints.values() if h and h.what == "either"])
    errands: dict[str, Errand] = {}
    nothing = []
    for event in claimed:
        if event.id not in hints:
            continue
        hint = hints[event.id]
        if hint and hint.what == "either":
            hint = known.get(hint.external_id)
        if hint and hint.what == "all":
            runs.want_before_long(source, at=database_now())
        if hint is None or hint.what == "all":
            nothing.append(event.id)
            continue
        errand = errands.setdefault(
            hint.parent_id or hint.external_id, Errand(hint.parent_id or hint.external_id)
        )
        errand.events.append(event)
        if hint.what == "family":
            errand.is_family = True
        else:
            errand.variants[hint.external_id] = None
    events.finish(nothing, merged_into="")
    return list(errands.values())


def _hints_of(source: Source, claimed: Sequence[Claimed]) -> dict[int, Hint | None]:
    """Return what each event tells; one that makes no sense is given up at once, and left out."""
    dialect = dialect_of(Connection.objects.get(source=source))
    rows = InboundEvent.objects.filter(pk__in=[each.id for each in claimed]).order_by("pk")
    hints: dict[int, Hint | None] = {}
    for pk, topic, body in rows.values_list("pk", "topic", "body").iterator(chunk_size=_BODIES):
        try:
            hints[pk] = dialect.hint(topic, bytes(body))
        except MakesNoSense as error:
            events.bury([pk], source=source, error=str(error))
    return hints


def hints_known(source: Source, external_ids: list[str]) -> dict[str, Hint]:
    """Return what ids that the shop tells no more of are to the mirror; others are none of ours."""
    variants = Variant.objects.filter(source=source, external_id__in=external_ids)
    known = {
        external_id: Hint("variant", external_id, product_id)
        for external_id, product_id in variants.values_list("external_id", "product__external_id")
    }
    products = Product.objects.filter(source=source, external_id__in=external_ids)
    return known | {
        external_id: Hint("family", external_id)
        for external_id in products.values_list("external_id", flat=True)
    }


def _size(source: Source, errands: Sequence[Errand]) -> int:
    """Return how many products to read together; the shop is asked only where it matters."""
    if len(errands) <= FEW:
        return FEW
    with line_to(source) as connector:
        return connector.together


def _grouped(errands: Sequence[Errand], *, size: int) -> list[list[Errand]]:
    """Return what is read together, what was tried before last.

    What failed together is halved at each try: so a product that breaks us is found, and a shop's
    outage does not have a backlog read one by one.
    """
    tried: dict[int, list[Errand]] = defaultdict(list)
    for each in errands:
        tried[each.attempts].append(each)
    groups = []
    for attempts in sorted(tried):
        some = tried[attempts]
        step = max(1, min(size, len(some) >> (attempts - 1)))
        groups += [some[start : start + step] for start in range(0, len(some), step)]
    return groups


def _correlation(claimed: Sequence[Claimed]) -> str:
    """Return the correlation id of the oldest event: that of all that is merged with it."""
    oldest = min(event.id for event in claimed)
    return InboundEvent.objects.values_list("correlation_id", flat=True).get(pk=oldest)


def refetch(
    source: Source, connector: Connector, group: list[Errand], *, origin: str = WEBHOOK
) -> None:
    """Read again what a group names and apply it, dated before its first request."""
    families = [errand.product_id for errand in group if errand.is_family]
    names = [
        *_mirrored(source, families),
        *(Named(e.product_id, each) for e in group if not e.is_family for each in e.variants),
    ]
    writing = Writing(source, dry_run=False, origin=origin)
    at = database_now()
    fetched = connector.fetch(names, families=families)
    coming = skus_of(source, fetched.records)
    writing.retire(fetched, observed_at=at, replaced=coming)
    writing.apply_in_parts(fetched.records, observed_at=at)
    settle(connector, writing)


def _mirrored(source: Source, product_ids: list[str]) -> list[Named]:
    """Return the live variants of products: what the shop names no more is asked for by its id."""
    live = Variant.objects.filter(
        source=source, retired_at=None, product__external_id__in=product_ids
    ).order_by("pk")
    return [Named(*row) for row in live.values_list("product__external_id", "external_id")]


def _put_off(source: Source, claimed: Sequence[Claimed], *, error: str) -> None:
    if events.put_off(claimed, source=source, error=error):
        runs.want(source, at=database_now())
