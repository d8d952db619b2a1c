"""Audit entries are never changed, deleted or emptied, by any hand."""

import pytest
from django.db import connection
from django.db.utils import IntegrityError

from groundwork import audit
from groundwork.models import AuditEntry
from tests.conftest import as_login


@pytest.mark.parametrize(
    "change",
    [
        "update groundwork_auditentry set actor = 'nobody'",
        "delete from groundwork_auditentry",
        "truncate groundwork_auditentry",
    ],
)
def test_the_database_itself_refuses_to_touch_an_entry(database, change):
    audit.record("ann", action="rule.opened", subject="x", before={"a": 1}, after={"a": 2})
    before = AuditEntry.objects.values().get()
    with pytest.raises(IntegrityError, match="append-only"):
        as_login(change)
    connection.close()
    assert AuditEntry.objects.values().get() == before
    assert (before["actor"], before["before"], before["after"]) == ("ann", {"a": 1}, {"a": 2})
    assert before["at"] is not None
