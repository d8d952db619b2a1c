"""`manage.py replay_webhooks`: tells an endpoint once more what was told it, as it is now."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from contract.snapshots import ContractInactive
from groundwork.correlation import correlated
from groundwork.instants import InstantRefused, instant
from groundwork.management.prompt import operator
from outbound_hooks.models import Delivery, Endpoint
from outbound_hooks.replays import chosen, replay

_ENDED = [each for each in Delivery.Status.values if each != "pending"]


class Command(BaseCommand):
    help = "Put what deliveries of an endpoint named to be delivered anew, as it is in the present view."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--endpoint", required=True, metavar="ID", help="as in wh_4fT9...")
        parser.add_argument("--since", help="an instant with its offset")
        parser.add_argument("--until", help="an instant with its offset, which is not included")
        parser.add_argument(
            "--status", action="append", choices=_ENDED, help="may be repeated; dead unless given"
        )
        parser.add_argument("--dry-run", action="store_true", help="say how many, do nothing")

    def handle(
        self,
        *_: object,
        endpoint: str,
        since: str | None,
        until: str | None,
        status: list[str] | None,
        dry_run: bool,
        **_options: object,
    ) -> None:
        of = Endpoint.objects.filter(public_id=endpoint).first()
        if of is None:
            raise CommandError(f"There is no endpoint {endpoint}.", returncode=2)
        try:
            told = chosen(
                of,
                since=instant(since) if since else None,
                until=instant(until) if until else None,
                statuses=status or ["dead"],
            )
            if dry_run:
                self.stdout.write(f"{told.count()} deliveries would be told once more.")
                return
            with correlated():
                count, messages = replay(of, told, actor=operator())
        except InstantRefused as refused:
            raise CommandError(str(refused), returncode=2) from refused
        except ContractInactive:
            raise CommandError("No contract of this customer is in force.", returncode=1) from None
        self.stdout.write(f"{count} deliveries are told once more, in {messages} messages.")
        if not of.is_enabled:
            self.stdout.write("The endpoint is disabled: they wait until it is enabled.")
