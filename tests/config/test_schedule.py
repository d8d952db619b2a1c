"""What beat sends exists, takes what it is sent, and is let go when it is late."""

import pytest
from django.conf import settings

from config.celery import app

ENTRIES = settings.CELERY_BEAT_SCHEDULE


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_names_a_task_with_a_time_limit_and_expires(name):
    app.loader.import_default_modules()
    task = app.tasks[ENTRIES[name]["task"]]
    assert task.time_limit > 0
    assert ENTRIES[name]["options"]["expires"] > 0
