#!/usr/bin/env python
"""Run Django's and Tradecounter's commands."""

import os
import sys

from django.core.management import execute_from_command_line

from groundwork.engines import EngineUnavailable
from groundwork.local import DataFolderUnusable

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except (DataFolderUnusable, EngineUnavailable) as error:
        sys.exit(str(error))
