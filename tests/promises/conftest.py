"""What the long runs of promises share."""

from datetime import timedelta

import pytest

from catalog_mirror import revisions


@pytest.fixture
def patience(monkeypatch):
    """Let a writer pause for a minute: a busy machine stalls now and then in half an hour.

    For runs of one writer at a time, of which nobody reads while it pauses.
    """
    for bound in ("LONGEST_WRITE", "LONGEST_PAUSE", "LONGEST_STATEMENT"):
        monkeypatch.setattr(revisions, bound, timedelta(minutes=1))
