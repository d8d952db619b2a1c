"""`manage.py reconcile`: reads the shops and corrects the mirror where it differs."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import IO, cast

import orjson
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from catalog_mirror.models import Source
from groundwork.correlation import correlated
from sync import report
from sync.runs import AlreadyRunning
from sync.sweep import SweepFailed, sweep
from sync.tally import SweepResult

WRONG_USAGE, STOPPED = 2, 130


class Command(BaseCommand):
    help = "Read every shop, or those named, and correct the mirror where it differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--source", action="append", metavar="SLUG", help="may be repeated")
        parser.add_argument(
            "--dry-run", action="store_true", help="tell the differences, write nothing"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(
        self, *_: object, source: list[str] | None, dry_run: bool, json: bool, **_options: object
    ) -> None:
        results, errors = [], {}
        self.stdout.ending = ""  # rich ends its lines itself
        console = Console(file=cast("IO[str]", self.stdout), soft_wrap=True)
        with correlated() as correlation:
            for each in _named(source):
                try:
                    results.append(self._sweep(each, console, dry_run=dry_run, quiet=json))
                except SweepFailed as error:
                    results.append(error.result)
                    errors[each.slug] = str(error)
                except AlreadyRunning as error:
                    errors[each.slug] = str(error)
        if json:
            document = _document(results, errors, correlation=correlation, dry_run=dry_run)
            self.stdout.write(f"{document}\n")
        else:
            report.print_results(console, results, dry_run=dry_run, is_whole=not errors)
        if errors:
            raise CommandError("\n".join(f"{slug}: {line}" for slug, line in errors.items()))

    def _sweep(
        self, source: Source, console: Console, *, dry_run: bool, quiet: bool
    ) -> SweepResult:
        try:
            with report.progress(console, source.slug, shown=not quiet) as progress:
                return sweep(source, dry_run=dry_run, progress=progress)
        except KeyboardInterrupt:
            raise CommandError(
                f"{source.slug}: stopped. What was written stays; nothing was retired. Run it again.",
                returncode=STOPPED,
            ) from None


def _named(slugs: list[str] | None) -> list[Source]:
    known = {source.slug: source for source in Source.objects.order_by("rank", "pk")}
    unknown = [slug for slug in slugs or () if slug not in known]
    if unknown:
        names = ", ".join(known) or "none yet; add one with add_source"
        raise CommandError(
            f"There is no source {', '.join(unknown)}. Known: {names}.", returncode=WRONG_USAGE
        )
    return [known[slug] for slug in dict.fromkeys(slugs)] if slugs else list(known.values())


def _document(
    results: list[SweepResult], errors: dict[str, str], *, correlation: str, dry_run: bool
) -> str:
    document = {
        "correlation_id": correlation,
        "dry_run": dry_run,
        "sources": [{**asdict(each), "error": errors.get(each.source)} for each in results],
        "errors": errors,
    }
    return orjson.dumps(document, default=str, option=orjson.OPT_INDENT_2).decode()
