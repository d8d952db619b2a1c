"""`manage.py storefront <shop>`: runs one of the demo's shops on loopback."""

import signal
import threading
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from demo.shops import SHOPS
from demo.storefront.edits import EditRefusedError
from demo.storefront.hooks import Target
from demo.storefront.server import running
from demo.storefront.storefront import Storefront


class Command(BaseCommand):
    help = "Run a demo shop that answers as WooCommerce's REST does, on 127.0.0.1 only."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("shop", choices=sorted(SHOPS))
        parser.add_argument("--port", type=int, default=8101)
        parser.add_argument("--hooks", metavar="URL", help="where it tells what was edited")
        parser.add_argument("--journal", type=Path, help="file of JSON lines that keeps the edits")
        parser.add_argument(
            "--paced", action="store_true", help="take as long for an answer as a recorded shop"
        )

    def handle(
        self,
        *_args: object,
        shop: str,
        port: int,
        journal: Path | None,
        hooks: str | None,
        paced: bool,
        **_options: object,
    ) -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        chosen = SHOPS[shop]
        try:
            storefront = Storefront(chosen, journal=journal, is_paced=paced)
            with running(storefront, port) as url, storefront.hooks.delivering():
                if hooks:
                    storefront.hooks.target = Target(hooks, chosen.hook_secret, url)
                    storefront.webhooks.add_all(hooks, chosen.hook_secret)
                self.stdout.write(f"{chosen.name} sells {chosen.sellable} items at {url}/")
                self.stdout.flush()
                stop.wait()
        except EditRefusedError as error:
            raise CommandError(f"The journal does not fit this shop: {error}") from None
        except OSError as error:
            raise CommandError(f"The shop cannot open: {error.strerror or error}.") from None
