"""The brake: how much may leave a source's published set in a day before a person is asked.

What has left is counted net, from the history: a variant that is unpublished now and was published at
some moment of the last 24 hours. So one that came back, or was revived, counts no more, one that comes
and goes counts once, and one under a new SKU, still published, does not count. The count is exact where
the writers' lock is held. This module is the only writer of releases and of held changes.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db import connection, transaction
from django.db.models import QuerySet

from catalog_mirror.models import BrakeRelease, HeldChange, Source
from groundwork import audit
from groundwork.alarms import close_alarm, open_alarm

WINDOW = timedelta(hours=24)
LEAST, SHARE = 20, 10  # variants; and of the published set one in so many
ALARM = "brake_holds"

Change = Literal["retired", "unpublished", "displaced", "waiting"]

_FIRST_OF_WINDOW = """
    select number from catalog_mirror_revision where recorded_at > clock_timestamp() - %s
    order by recorded_at, number limit 1
"""
# Whoever left in that time was touched in that time, and its history tells that it was published.
_LEFT = """
    select count(*) from catalog_mirror_variant v
    where v.source_id = %s and not v.is_published and v.touched_revision >= %s and exists (
        select from catalog_mirror_varianthistory h
        where h.variant_id = v.id and h.is_published and h.until_revision >= %s)
"""
_PUBLISHED = "select count(*) from catalog_mirror_variant where source_id = %s and is_published"
_RELEASED = """
    select coalesce(sum(variants), 0) from catalog_mirror_brakerelease
    where source_id = %s and expires_at > clock_timestamp()
"""
_NOW = "select clock_timestamp()"


class NothingToRelease(Exception):
    """The brake holds nothing of a source, or what it holds may pass already."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """A variant that stays as it is, because its change would take too much out of the shop.

    `waiting` are those that want the SKU of such a one.
    """

    source_slug: str
    external_id: str
    product_external_id: str
    sku: str
    change: Change


def allowance(source_id: int) -> int:
    """Return how many variants of a source may still leave; exact under the writers' lock."""
    since = _one(_FIRST_OF_WINDOW, WINDOW)
    left = 0 if since is None else _one(_LEFT, source_id, since, since)
    limit = max(LEAST, (_one(_PUBLISHED, source_id) + left) // SHARE)
    return max(0, int(limit + _one(_RELEASED, source_id) - left))


def hold(reader: Source, held: Sequence[Held], *, at: datetime) -> None:
    """Note what was held back of a reading of `reader`, and call a person."""
    by_source: dict[str, dict[str, Held]] = defaultdict(dict)
    for each in held:
        by_source[each.source_slug][each.external_id] = each
    for source in Source.objects.filter(slug__in=by_source).order_by("pk"):
        _note(source, reader, list(by_source[source.slug].values()), at)
        _alarm(source)


def _note(source: Source, reader: Source, held: list[Held], at: datetime) -> None:
    rows = [
        HeldChange(
            source=source,
            external_id=each.external_id,
            read_from=reader,
            product_external_id=each.product_external_id,
            sku=each.sku,
            change=each.change,
            first_held_at=at,
            last_held_at=at,
        )
        for each in held
    ]
    HeldChange.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["source", "external_id"],
        update_fields=["read_from", "product_external_id", "sku", "change", "last_held_at"],
    )


def _alarm(source: Source) -> None:
    """Open or close the source's alarm; who only waits for another waits for that one's brake."""
    leaving = held_of(source).exclude(change="waiting").count()
    if not leaving:
        close_alarm(ALARM, subject=source.slug)
        return
    open_alarm(
        ALARM,
        subject=source.slug,
        message=f"{leaving:,} variants of {source.name} are held back: within a day more than {LEAST}, "
        f"and more than one in {SHARE}, would have left its published set. Partners are served what was "
        "there. Look at the held changes; if the shop means it, run `manage.py release_brake "
        f"{source.slug}`.",
    )


def held_of(source: Source) -> QuerySet[HeldChange]:
    return HeldChange.objects.filter(source=source)


def held_from(reader: Source) -> QuerySet[HeldChange]:
    """Return what readings of a source left undone, of its own variants and of others."""
    return HeldChange.objects.filter(read_from=reader)


def let_go(reader: Source, external_ids: Iterable[str]) -> None:
    """Forget that these of its own were held: the mirror says what the shop says now."""
    ids, held = list(external_ids), held_from(reader).filter(source=reader)
    if ids and held.exists():  # almost always nothing is, and that is quickly seen
        _forget(held.filter(external_id__in=ids))


def forget_unmet(reader: Source, *, since: datetime) -> None:
    """Forget what a complete reading of the shop, begun at `since`, had no need to hold."""
    _forget(held_from(reader).filter(last_held_at__lt=since))


def _forget(rows: QuerySet[HeldChange]) -> None:
    sources = list(Source.objects.filter(pk__in=rows.values("source_id")))
    if sources:
        rows.delete()
    for source in sources:
        _alarm(source)


def release(source: Source, *, actor: str, most: int | None = None) -> int:
    """Let as many more leave within 24 hours as are held now, or `most`; return how many.

    Asked twice it lets no more pass. Raises `NothingToRelease`.
    """
    with transaction.atomic():
        # Two at once would each let all of them pass.
        Source.objects.select_for_update(no_key=True).get(pk=source.pk)
        leaving = held_of(source).exclude(change="waiting").count()
        variants = leaving - allowance(source.pk)
        if variants < 1:
            raise NothingToRelease(
                f"What the brake held of {source.slug} may pass: the next reading applies it."
                if leaving
                else f"The brake holds nothing of {source.slug}."
            )
        variants = min(variants, variants if most is None else most)
        at = _one(_NOW)
        BrakeRelease.objects.create(
            source=source, variants=variants, actor=actor, released_at=at, expires_at=at + WINDOW
        )
        until = (at + WINDOW).isoformat(timespec="seconds")
        told = {"variants": variants, "until": until}
        audit.record(actor, action="release_brake", subject=source.slug, after=told)
    return variants


def _one(sql: str, *params: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
        return row and row[0]
