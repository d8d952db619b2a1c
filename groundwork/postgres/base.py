"""Postgres as Django knows it, spoken to in the role that the work at hand may have."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.db.backends.postgresql import base

from groundwork import engines, roles


def is_pooled(alias: str) -> bool:
    """Tell whether a pooler lends the connections; a standby is reached directly."""
    return bool(settings.DATABASE_POOLED) and alias == DEFAULT_DB_ALIAS


class DatabaseWrapper(base.DatabaseWrapper):
    """Every new connection takes the application's role; migrations take the owner's."""

    role = "app"
    # Settings of every session, by their names; a pooler sets its own.
    timeouts: ClassVar[Mapping[str, str]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The names under which the server keeps statements of `groundwork.statements`, by their SQL.
        self.prepared_names: dict[str, bytes] = {}

    def init_connection_state(self) -> None:
        self.prepared_names.clear()
        super().init_connection_state()
        if is_pooled(self.alias):  # the session is another's in a moment
            roles.refuse_another(self, self.role)
        else:
            roles.take(self, self.role)
            self._limit()

    def _limit(self) -> None:
        with self.cursor() as cursor:
            for name, value in self.timeouts.items():
                cursor.execute("select set_config(%s, %s, false)", [name, value])

    def get_connection_params(self) -> dict[str, Any]:
        """Return what to connect with; the first connection starts the embedded engines."""
        params: dict[str, Any] = super().get_connection_params()
        # Django sets None; what writes the mirror and reads the staff's lists repeats. What one connection
        # prepared, the next that a pooler lends does not know.
        params["prepare_threshold"] = None if is_pooled(self.alias) else 2
        params.setdefault("connect_timeout", settings.DATABASE_CONNECT_TIMEOUT)
        is_embedded = settings.EMBEDDED and not self.settings_dict["HOST"]
        return params | engines.ensure().database if is_embedded else params
