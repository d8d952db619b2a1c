"""`manage.py change_source`: another key, address, map or version for a source that there is."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalog_mirror.models import Source
from groundwork import audit
from groundwork.correlation import correlated
from groundwork.management.prompt import WRONG_USAGE, operator
from groundwork.sealing import SealBroken
from sync import connections
from sync.connections import NotConnected
from sync.connectors import Found, Way, WrongSettings
from sync.http import ShopError, own_turns
from sync.kinds import KINDS
from sync.management.prompt import named, tell_explained
from sync.management.ways import add_way_arguments, changed_way


class Command(BaseCommand):
    help = (
        "Test another way to a source's shop and keep it in place of the one before: what is given is "
        "changed, all else stays. The parts of a key may come from the environment, as for add_source."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        add_way_arguments(parser)
        parser.add_argument("--test-only", action="store_true", help="test, say, change nothing")

    def handle(self, *_: object, slug: str, test_only: bool, **options: Any) -> None:
        [source] = named([slug])
        try:
            way, found = self._tested(source, options)
        except WrongSettings as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        except (ShopError, NotConnected, SealBroken) as error:
            raise CommandError(f"{slug}: {error}") from error
        if found.currency != source.currency:
            raise CommandError(
                f"{slug} is in {source.currency} and this shop in {found.currency}: it is another shop. "
                "Add it as a source of its own."
            )
        if test_only:
            self.stdout.write(f"It works: {found.what}. Nothing was changed (--test-only).")
            return
        _keep(source, way)
        self.stdout.write(
            f"{slug} is read so from now on: {found.what}. Look at what that changes with "
            f"`manage.py reconcile --source {slug} --dry-run`."
        )

    def _tested(self, source: Source, options: dict[str, Any]) -> tuple[Way, Found]:
        row = connections.row_of(source)
        kind = KINDS[row.kind]
        way = changed_way(kind, options, before=connections.unsealed_way(row))
        turns = own_turns(per_second=row.requests_per_second)
        found = kind.look_at(way, turns=turns)
        tell_explained(self.stdout, kind.explain(way, turns=turns), of=source.slug)
        return way, found


def _keep(source: Source, way: Way) -> None:
    with correlated():
        connections.change_way(source, way)
        audit.record(
            operator(),
            action="change_source",
            subject=source.slug,
            after={"base_url": way.base_url, "key": sorted(way.key), "settings": way.settings},
        )
