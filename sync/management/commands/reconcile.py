"""`manage.py reconcile`: reads the shops and corrects the mirror where it differs."""

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import IO, cast

import orjson
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from catalog_mirror.differences import Difference
from catalog_mirror.models import Source
from groundwork.correlation import correlated
from groundwork.management.prompt import WRONG_USAGE, operator
from sync import report
from sync.management.prompt import named, stop_signals
from sync.runs import AlreadyRunning
from sync.sweep import Manner, SweepFailed, SweepStopped, sweep
from sync.tally import SweepResult

HELD, STOPPED = 3, 130


class Command(BaseCommand):
    help = (
        "Read every shop, or those named, and correct the mirror where it differs. What the brake holds "
        "back is asked about at a terminal; elsewhere it stays held, and the exit code is 3."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--source", action="append", metavar="SLUG", help="may be repeated")
        parser.add_argument(
            "--dry-run", action="store_true", help="tell the differences, write nothing"
        )
        parser.add_argument(
            "--resume", action="store_true", help="go on where an earlier run was ended, if any was"
        )
        parser.add_argument(
            "--yes", action="store_true", help="let pass what the brake would hold back"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(
        self,
        *_: object,
        source: list[str] | None,
        dry_run: bool,
        resume: bool,
        yes: bool,
        json: bool,
        **_options: object,
    ) -> None:
        if resume and dry_run:
            raise CommandError("A dry run leaves nothing to resume.", returncode=WRONG_USAGE)
        self.stdout.ending = ""  # rich ends its lines itself
        console = Console(file=cast("IO[str]", self.stdout), soft_wrap=True)
        with correlated() as correlation, stop_signals() as is_to_stop:
            run = _Run(console, dry_run, resume, yes, is_quiet=json, is_to_stop=is_to_stop)
            for each in named(source):
                run.sweep(each)
        results, errors = run.results, run.errors
        if json:
            document = _document(results, errors, correlation=correlation, dry_run=dry_run)
            self.stdout.write(f"{document}\n")
        else:
            report.print_results(console, results, dry_run=dry_run, is_whole=not errors)
        _refuse(results, errors, dry_run=dry_run)


@dataclass
class _Run:
    """The sources of one command, one after the other; one that fails does not keep the others."""

    console: Console
    dry_run: bool
    resume: bool
    says_yes: bool
    is_quiet: bool
    is_to_stop: Callable[[], bool]
    results: list[SweepResult] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def sweep(self, source: Source) -> None:
        try:
            with report.progress(self.console, source.slug, shown=not self.is_quiet) as progress:
                found = sweep(source, manner=self._manner(source, progress), resume=self.resume)
            self.results += [found] if found else []
        except SweepFailed as error:
            self.results.append(error.result)
            self.errors[source.slug] = str(error)
        except AlreadyRunning as error:
            self.errors[source.slug] = str(error)
        except (SweepStopped, KeyboardInterrupt):  # asked once, or twice
            raise CommandError(_stopped(source, dry_run=self.dry_run), returncode=STOPPED) from None

    def _manner(self, source: Source, progress: Callable[[int], None]) -> Manner:
        asks = _always if self.says_yes else _asking(source, shown=not self.is_quiet)
        return Manner(
            dry_run=self.dry_run,
            actor=operator(),
            progress=progress,
            may_pass=asks,
            is_to_stop=self.is_to_stop,
        )


def _always(_held: int) -> bool:
    return True


def _asking(source: Source, *, shown: bool) -> Callable[[int], bool]:
    def asks(held: int) -> bool:
        if not (shown and sys.stdin.isatty()):
            return False
        question = f"{source.slug}: the brake holds {held:,} changes back. Let them pass? [y/N] "
        return input(question).strip().lower() in {"y", "yes"}

    return asks


def _stopped(source: Source, *, dry_run: bool) -> str:
    if dry_run:
        return f"{source.slug}: stopped. Nothing was written."
    return (
        f"{source.slug}: stopped. What was written stays; nothing was retired. "
        "`manage.py reconcile --resume` goes on from there."
    )


def _refuse(results: list[SweepResult], errors: dict[str, str], *, dry_run: bool) -> None:
    """End with a code other than 0 where a source failed, or a person is to be asked."""
    lines = [f"{slug}: {line}" for slug, line in errors.items()]
    lines += [
        f"{each.source}: {each.held:,} changes are held back, because they would take too much out of a "
        "published set. Look at them, then run "
        + " and ".join(f"`manage.py release_brake {slug}`" for slug in each.brakes)
        + ", or `reconcile --yes`."
        for each in results
        if each.held
    ]
    if lines and not (dry_run and not errors):
        raise CommandError("\n".join(lines), returncode=1 if errors else HELD)


def _document(
    results: list[SweepResult], errors: dict[str, str], *, correlation: str, dry_run: bool
) -> str:
    document = {
        "correlation_id": correlation,
        "dry_run": dry_run,
        "sources": [{**asdict(each), "error": errors.get(each.source)} for each in results],
        "errors": errors,
    }
    return orjson.dumps(document, default=_plain, option=orjson.OPT_INDENT_2).decode()


def _plain(value: object) -> object:
    return value._asdict() if isinstance(value, Difference) else str(value)
