"""`manage.py receiver`: runs a partner's receiver of webhooks on loopback, with a page that shows them."""

import signal
import threading
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from demo.receiver import Receiver, receiving


class Command(BaseCommand):
    help = "Take webhooks as a partner would, on 127.0.0.1 only, and show what arrives."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8103)
        parser.add_argument(
            "--secret-file", type=Path, required=True, help="holds the endpoint's whsec_..."
        )

    def handle(self, *_: object, port: int, secret_file: Path, **_options: object) -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        try:
            with receiving(Receiver(secret_file), port) as url:
                self.stdout.write(f"A partner receives at {url}/")
                self.stdout.flush()
                stop.wait()
        except OSError as error:
            raise CommandError(f"It cannot open: {error.strerror or error}.") from None
