"""Postgres as Django knows it, spoken to in the role that the work at hand may have."""

from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base

from groundwork import engines, roles


class DatabaseWrapper(base.DatabaseWrapper):
    """Every new connection takes the application's role; migrations take the owner's."""

    role = "app"

    def init_connection_state(self) -> None:
        super().init_connection_state()
        if settings.DATABASE_POOLED:  # the session is another's in a moment
            roles.refuse_another(self, self.role)
        else:
            roles.take(self, self.role)

    def get_connection_params(self) -> dict[str, Any]:
        """Return what to connect with; the first connection starts the embedded engines."""
        params: dict[str, Any] = super().get_connection_params()
        # Django sets None; the named statements of a request repeat. What one connection prepared, the
        # next that a pooler lends does not know.
        params["prepare_threshold"] = None if settings.DATABASE_POOLED else 2
        params.setdefault("connect_timeout", settings.DATABASE_CONNECT_TIMEOUT)
        is_embedded = settings.EMBEDDED and not self.settings_dict["HOST"]
        return params | engines.ensure().database if is_embedded else params
