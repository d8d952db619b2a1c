"""The WSGI application that the web server runs; it does not start over unsafe roles."""

import gc
import os

import django
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection

from contract.shortcut import Application
from groundwork.postgres.base import DatabaseWrapper
from groundwork.roles import refuse_unsafe_api_role

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)
application = Application()

# What is loaded stays, and a process keeps price lists of many small tuples: looking through them for
# garbage every 700 objects took two fifths of a batch of new prices. An answer makes few cycles.
gc.freeze()
gc.set_threshold(20_000)

# No request of this process may hold the database for long; partners' have limits of their own, less.
DatabaseWrapper.timeouts = {"statement_timeout": "30s", "lock_timeout": "10s"}
connection.close()
try:
    refuse_unsafe_api_role(connection)
except (ImproperlyConfigured, OperationalError) as error:
    structlog.get_logger(__name__).critical("web_not_started", error=str(error).strip())
    raise SystemExit(1) from error
connection.close()  # the threads that serve make their own
