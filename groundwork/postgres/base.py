"""Postgres as Django knows it, spoken to in the role that the work at hand may have."""

from typing import Any

from django.db.backends.postgresql import base

from groundwork import roles


class DatabaseWrapper(base.DatabaseWrapper):
    """Every new connection takes the application's role; migrations take the owner's."""

    role = "app"

    def init_connection_state(self) -> None:
        super().init_connection_state()
        roles.take(self, self.role)

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        params["prepare_threshold"] = 2  # Django sets None; the named statements of a request repeat
        return params
