"""`manage.py make_roles`: the database's three roles, for a backup that names them to be restored."""

from django.core.management.base import BaseCommand
from django.db import connection

from groundwork import roles


class Command(BaseCommand):
    help = (
        "Make the three roles of this database where they are missing; `migrate` does so by itself."
    )
    requires_system_checks = ()

    def handle(self, *_: object, **_options: object) -> None:
        with roles.owner(connection):
            names = ", ".join(roles.role_name(connection, role) for role in roles.ROLES)
        self.stdout.write(f"The roles are there: {names}.")
