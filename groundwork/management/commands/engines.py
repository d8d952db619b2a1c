"""Start, stop, look at or delete the embedded engines."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from groundwork import engines

NOT_RUNNING = 3  # the exit code of `status` for service managers (LSB)


class Command(BaseCommand):
    help = "Start, stop, look at or delete the embedded Postgres and Valkey of this checkout."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status", "reset"])
        parser.add_argument("--yes", action="store_true", help="reset without asking")

    def handle(self, *, action: str, yes: bool, **_: Any) -> None:
        try:
            {
                "start": self.start,
                "stop": self.stop,
                "status": self.status,
                "reset": self.reset if yes else self.reset_after_asking,
            }[action]()
        except engines.EngineUnavailable as error:
            raise CommandError(str(error)) from error

    def start(self) -> None:
        if not settings.EMBEDDED:
            raise CommandError("DATABASE_URL is set, so the embedded engines are not used.")
        engines.ensure()
        self.status()

    def stop(self) -> None:
        engines.stop()
        self.stdout.write("The embedded engines are stopped; their data stays.")

    def status(self) -> None:
        found = engines.status()
        for name, running in found.items():
            where = (
                f"runs on port {running.port}, process {running.pid}" if running else "is stopped"
            )
            self.stdout.write(f"{name} {where}.")
        if not all(found.values()):
            raise CommandError("Start both with `manage.py engines start`.", returncode=NOT_RUNNING)

    def reset_after_asking(self) -> None:
        try:
            answer = input("Delete the database and the queue of this checkout? [y/N] ")
        except EOFError:
            answer = ""
        if answer.strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was deleted; `--yes` does not ask.")
        self.reset()

    def reset(self) -> None:
        engines.reset()
        self.stdout.write("The embedded engines are stopped and their data is deleted.")
