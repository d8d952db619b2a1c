"""`manage.py seed_demo`: mirrors the demo shops, makes two partners, and says what to try."""

import json
import os
import stat
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils.crypto import get_random_string

from catalog_mirror.models import Source
from config.demo_partners import SANDBOX_KEY, hear, make_partners
from customers.models import SANDBOX, Customer
from demo.shops import SHOPS
from groundwork.local import data_folder
from sync.management.commands.reconcile import HELD
from sync.models import Connection

_STAFF = "staff"
ASKS = ("products?brand=kestrel-works&limit=2", "stock?limit=3", "changes?limit=2")
SANDBOX_ASKS = ("products?limit=50",)


class Command(BaseCommand):
    help = "Fill an installation with the demo: its shops mirrored, two partners, a staff login."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--web", default="http://127.0.0.1:8000", help="where /v1 answers")
        parser.add_argument("--shop", action="append", default=[], metavar="SLUG=URL")
        parser.add_argument("--receiver", metavar="URL", help="where a partner takes webhooks")
        parser.add_argument("--receiver-secret", type=Path, help="the file its secret goes to")

    def handle(
        self,
        *_: object,
        web: str,
        shop: list[str],
        receiver: str | None,
        receiver_secret: Path | None,
        **_options: object,
    ) -> None:
        urls = dict(each.split("=", 1) for each in shop)
        for slug, url in urls.items():
            if not Source.objects.filter(slug=slug).exists():
                self._add(slug, url)
            # A source of an older checkout has none yet.
            if Connection.objects.filter(source__slug=slug, hook_secrets=None).exists():
                call_command(
                    "set_hook_secret", slug, secret=SHOPS[slug].hook_secret, stdout=self.stdout
                )
        self._reconcile()
        call_command("make_sandbox", stdout=self.stdout)
        if not Customer.objects.exclude(pk=SANDBOX).exists():
            _remember({"keys": make_partners(), "password": _staff_password()})
        if receiver and receiver_secret:
            hear(f"{receiver}/hook", receiver_secret)
        self._tell(web, urls, receiver)

    def _reconcile(self) -> None:
        """Read the shops; what the brake holds of a shop that someone emptied is told, and no failure."""
        try:
            call_command("reconcile", stdout=self.stdout)
        except CommandError as error:
            if error.returncode != HELD:
                raise
            self.stdout.write(str(error))

    def _add(self, slug: str, url: str) -> None:
        demo = SHOPS[slug]
        os.environ["SOURCE_KEY"] = demo.consumer_key
        os.environ["SOURCE_SECRET"] = demo.consumer_secret
        os.environ["SOURCE_HOOK_SECRET"] = demo.hook_secret
        call_command("add_source", slug, url=url, requests_per_second=500, stdout=self.stdout)

    def _tell(self, web: str, shops: dict[str, str], receiver: str | None) -> None:
        if not _memory().exists():
            self.stdout.write("There are customers already, so no partners of the demo were made.")
            return
        known = json.loads(_memory().read_text())
        lines = [
            "",
            f"  Staff site   {web}/admin/  ({_STAFF} / {known['password']})",
            *(f"  {SHOPS[slug].name}  {url}/" for slug, url in shops.items()),
            *([f"  A partner's receiver of webhooks  {receiver}/"] if receiver else []),
            "  What you change on a shop's page is in /v1 and at the receiver about a second later.",
            "",
        ]
        for name, key in known["keys"].items():
            asks = SANDBOX_ASKS if name == SANDBOX_KEY else ASKS
            lines += [f"  # {name}", *(f"  {line}" for line in _curl_lines(web, key, asks)), ""]
        self.stdout.write("\n".join(lines))


def _curl_lines(web: str, key: str, asks: tuple[str, ...]) -> list[str]:
    return [f"curl -s -H 'Authorization: Bearer {key}' '{web}/v1/{ask}'" for ask in asks]


def _staff_password() -> str:
    password = get_random_string(16)
    users: Any = get_user_model()
    users.objects.create_superuser(_STAFF, password=password)
    return password


def _memory() -> Path:
    """The demo's keys, to be told again at the next start; a real key is shown once and kept nowhere."""
    return data_folder() / "demo.json"


def _remember(known: dict[str, Any]) -> None:
    path = _memory()
    path.touch(stat.S_IRUSR | stat.S_IWUSR)
    path.write_text(json.dumps(known))
