"""`manage.py forget_second_factor USER`: lets somebody in who lost the phone and the spare codes."""

from argparse import ArgumentParser

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from portal.second_factor import take_away


class Command(BaseCommand):
    help = "Forget the second factor of a member of staff; at the next sign-in another is set up."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", metavar="USER")

    def handle(self, *_: object, username: str, **_options: object) -> None:
        user = get_user_model()._default_manager.filter(username=username).first()  # noqa: SLF001 - Django's name
        if user is None:
            raise CommandError(f"Nobody is called {username}.", returncode=2)
        if not take_away(user, actor="forget_second_factor"):
            raise CommandError(f"{username} has no second factor.")
        self.stdout.write(f"{username} signs in without a code, and may set one up.")
