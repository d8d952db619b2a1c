"""The WSGI application that the web server runs; it does not start over unsafe roles."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.db import connection

from groundwork.roles import refuse_unsafe_api_role

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

# What is loaded stays, and a process keeps price lists of many small tuples: looking through them for
# garbage every 700 objects took two fifths of a batch of new prices. An answer makes few cycles.
gc.freeze()
gc.set_threshold(20_000)

refuse_unsafe_api_role(connection)
connection.close()  # the threads that serve make their own
