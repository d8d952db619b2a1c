"""The WSGI application that the web server runs; it does not start over unsafe roles."""

import os

from django.core.wsgi import get_wsgi_application
from django.db import connection

from groundwork.roles import refuse_unsafe_api_role

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

refuse_unsafe_api_role(connection)
connection.close()  # the threads that serve make their own
