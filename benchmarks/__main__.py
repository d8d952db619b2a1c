"""`make bench`: measures on engines of its own, side by side in one run, and prints tables."""

import importlib
import os
import platform
import sys

import django
from django.core.management import call_command

PARTS = (
    "requests",
    "prices",
    "prices_at_scale",
    "sweep_costs",
    "kind_costs",
    "overheads",
    "applying_costs",
    "webhooks",
    "deliveries",
    "admission_costs",
    "log_queries",
    "staff_pages",
    "polling_costs",
    "rehearsals",
    "sandbox_costs",
)


def main(part: str) -> None:
    """Print one part's table; each wants a database of its own."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    report = importlib.import_module("benchmarks.report")  # needs the models
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    sys.stdout.write(f"{machine}\n\n{getattr(report, part)()}\n\n")


if __name__ == "__main__":
    if sys.argv[1:] not in [[part] for part in PARTS]:
        sys.exit(f"Say which part to measure: {' or '.join(PARTS)}.")
    main(sys.argv[1])
