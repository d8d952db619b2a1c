"""Django's Postgres backend, told by the embedded engines where they are when there is no URL."""

from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base

from groundwork import engines


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        """Return what to connect with; the first connection starts the embedded engines."""
        params: dict[str, Any] = super().get_connection_params()
        return params | engines.ensure().database if settings.EMBEDDED else params
