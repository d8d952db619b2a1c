"""`manage.py log_partitions`: keeps the months of the request log, archives and drops old ones."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from apikeys import partitions
from groundwork.correlation import correlated
from groundwork.instants import database_now
from groundwork.management.prompt import WRONG_USAGE, operator, table


class Command(BaseCommand):
    help = (
        "Make the coming months of the request log, detach those past REQUEST_LOG_KEPT_MONTHS, and list "
        "them. The workers do so every hour; archiving and dropping is done here alone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--archive", type=Path, metavar="FOLDER", help="write each detached month as NDJSON"
        )
        parser.add_argument(
            "--drop", action="store_true", help="delete the detached months for good"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(
        self, *_: object, archive: Path | None, drop: bool, json: bool, **_options: object
    ) -> None:
        if archive and not archive.is_dir():
            raise CommandError(f"{archive} is no folder. Make it first.", returncode=WRONG_USAGE)
        with correlated():
            told = self._done(archive, drop=drop)
        if json:
            self.stdout.write(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        else:
            self._tell(told)

    def _done(self, folder: Path | None, *, drop: bool) -> dict[str, Any]:
        try:
            made, detached = partitions.keep(at=database_now())
        except DatabaseError as error:
            raise CommandError(f"The months are as they were: {error}".strip()) from error
        partitions.watch()
        old = [each for each in partitions.partitions() if not each.attached]
        archived = [str(_archived(each, folder)) for each in old] if folder else []
        for each in old if drop else []:
            partitions.drop(each, actor=operator())
        return {
            "made": made,
            "detached": detached,
            "archived": archived,
            "dropped": [each.name for each in old] if drop else [],
            "partitions": [
                {"name": p.name, "attached": p.attached, "bytes": p.size, "rows": p.rows}
                for p in partitions.partitions()
            ],
        }

    def _tell(self, told: dict[str, Any]) -> None:
        rows = [
            (p["name"], "yes" if p["attached"] else "detached", f"{p['rows']:,}", f"{p['bytes']:,}")
            for p in told["partitions"]
        ]
        self.stdout.write(table(("month", "in the log", "about rows", "bytes"), rows))
        for what in ("made", "detached", "archived", "dropped"):
            if told[what]:
                self.stdout.write(f"{what.capitalize()}: {', '.join(told[what])}.")


def _archived(partition: partitions.Partition, folder: Path) -> Path:
    try:
        return partitions.archive(partition, folder=folder, actor=operator())[0]
    except (partitions.ArchiveExists, OSError) as error:
        raise CommandError(str(error)) from error
