"""`manage.py deliver_webhooks`: tells partners' endpoints what changed in their views, until ended."""

import signal
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from outbound_hooks.delivering import SENDERS, Deliverer, deliver_once, dispatch_all

_MOST_SENDERS = 256


class Command(BaseCommand):
    help = (
        "Look for what partners' webhooks are to be told, and deliver it; several may run at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="deliver what is due now, and end")
        parser.add_argument("--senders", type=int, default=SENDERS, help="at once; 32 unless given")

    def handle(self, *_: object, once: bool, senders: int, **_options: object) -> None:
        if not 1 <= senders <= _MOST_SENDERS:
            raise CommandError(f"--senders takes 1 to {_MOST_SENDERS}.", returncode=2)
        if once:
            while dispatch_all():
                pass  # a page at a time
            tried = sum(iter(lambda: deliver_once(senders=senders), 0))
            self.stdout.write(f"{tried} deliveries tried.")
            return
        deliverer = Deliverer(senders=senders)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: deliverer.stop())
        self.stdout.write("Delivering; Ctrl-C ends it.")
        self.stdout.flush()
        deliverer.run()
