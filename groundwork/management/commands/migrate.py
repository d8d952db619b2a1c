"""`manage.py migrate`, run as the role that owns the tables."""

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from groundwork import roles


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with roles.owner(connections[options["database"]]):
            super().handle(*args, **options)
