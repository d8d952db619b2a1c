"""`make bench`: measures on engines of its own, side by side in one run, and prints tables."""

import importlib
import os
import platform
import sys

import django
from django.core.management import call_command


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    report = importlib.import_module("benchmarks.report")  # needs the models
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    sys.stdout.write(f"{machine}\n\n{report.requests()}\n\n{report.sweep_costs()}\n")


if __name__ == "__main__":
    main()
