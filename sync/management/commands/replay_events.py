"""`manage.py replay_events`: follows again what shops told, where it came to nothing."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime

import orjson
from django.core.management.base import BaseCommand, CommandError

from catalog_mirror.models import Source
from groundwork import audit
from groundwork.correlation import correlated
from groundwork.management.prompt import operator
from sync import events, tasks
from sync.events import Which
from sync.models import InboundEvent

WRONG_USAGE = 2
SHOWN = 20


class Command(BaseCommand):
    help = "Follow settled events again: the dead ones, or those of a time, a source, a number."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--source", action="append", metavar="SLUG", help="may be repeated")
        parser.add_argument(
            "--since", type=_instant, help="received from then on (ISO 8601, else UTC)"
        )
        parser.add_argument("--until", type=_instant, help="received before then")
        parser.add_argument("--status", choices=["dead", "done"], default="dead")
        parser.add_argument("--id", action="append", type=int, metavar="N", help="may be repeated")
        parser.add_argument("--dry-run", action="store_true", help="tell which, change nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(
        self,
        *_: object,
        source: list[str] | None,
        since: datetime | None,
        until: datetime | None,
        status: str,
        dry_run: bool,
        json: bool,
        **options: list[int] | None,
    ) -> None:
        which = Which(
            status=status,
            ids=tuple(options["id"] or ()),
            slugs=_known(source or []),
            since=since,
            until=until,
        )
        chosen = list(events.chosen(which).defer("body").select_related("source")[: SHOWN + 1])
        count = events.chosen(which).count() if dry_run else self._replay(which)
        if json:
            self.stdout.write(_document(chosen, count, dry_run=dry_run))
        else:
            self._tell(chosen, count, dry_run=dry_run)

    def _replay(self, which: Which) -> int:
        with correlated():
            source_ids = events.replay(which)
            audit.record(
                operator(),
                action="replay_events",
                subject="inbound events",
                after={
                    "sources": list(which.slugs),
                    "ids": list(which.ids),
                    "count": len(source_ids),
                },
            )
        for source_id in set(source_ids):
            tasks.wake(source_id)
        return len(source_ids)

    def _tell(self, chosen: list[InboundEvent], count: int, *, dry_run: bool) -> None:
        for each in chosen[:SHOWN]:
            self.stdout.write(
                f"{each.pk} {each.source.slug} {each.topic} received "
                f"{each.received_at:%Y-%m-%d %H:%M:%S} {each.status}: {each.error or 'no error'}"
            )
        if count > SHOWN:
            self.stdout.write(f"and {count - SHOWN:,} more")
        done = "would be followed again (a dry run)" if dry_run else "are followed again"
        self.stdout.write(f"{count:,} events {done}.")


def _known(slugs: list[str]) -> tuple[str, ...]:
    known = set(Source.objects.values_list("slug", flat=True))
    unknown = [slug for slug in slugs if slug not in known]
    if unknown:
        names = ", ".join(sorted(known)) or "none yet; add one with add_source"
        raise CommandError(
            f"There is no source {', '.join(unknown)}. Known: {names}.", returncode=WRONG_USAGE
        )
    return tuple(slugs)


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is no time such as 2026-11-21T10:00:00Z") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _document(chosen: list[InboundEvent], count: int, *, dry_run: bool) -> str:
    shown = [
        {
            "id": each.pk,
            "source": each.source.slug,
            "topic": each.topic,
            "received_at": each.received_at,
            "status": each.status,
            "error": each.error,
            "correlation_id": each.correlation_id,
        }
        for each in chosen[:SHOWN]
    ]
    document = {"dry_run": dry_run, "count": count, "events": shown}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
