"""`manage.py reseal_secrets`: puts all that is sealed under the newest key, so that the others may go."""

from django.core.management.base import BaseCommand, CommandError

from groundwork import audit
from groundwork.management.prompt import operator
from groundwork.sealing import SealBroken
from outbound_hooks import endpoints
from sync import connections


class Command(BaseCommand):
    help = (
        "Seal the secrets of shops and of partners' endpoints anew under the first key of SEALING_KEYS. "
        "Afterwards the other keys open nothing that is needed, and may be taken out."
    )

    def handle(self, *_: object, **_options: object) -> None:
        try:
            done = {"sources": connections.reseal(), "endpoints": endpoints.reseal()}
        except SealBroken as error:
            raise CommandError(f"{error} What was sealed anew before it stays so.") from error
        audit.record(operator(), action="reseal_secrets", subject="all secrets", after=done)
        self.stdout.write(
            f"The secrets of {done['sources']} sources and {done['endpoints']} endpoints are under the "
            "newest key. The older keys may be taken out of SEALING_KEYS."
        )
