"""Marks from which changes may be told: of the present, and of an instant."""

from datetime import datetime

from catalog_mirror.revisions import EPSILON
from contract.change_cursors import Mark
from contract.replicas import lag_allowed
from contract.snapshots import Snapshot

# The last revision that everybody could read at an instant, and when this life of the database began.
_REVISION_AT = """
    select r.number, r.nonce,
           (select started_at from catalog_mirror_epoch order by number desc limit 1)
    from catalog_mirror_revision r where r.recorded_at <= %(at)s
    order by r.recorded_at desc, r.number desc limit 1
"""


def now_of(snapshot: Snapshot) -> Mark:
    return Mark(snapshot.revision, snapshot.nonce, snapshot.at)


def mark_at(snapshot: Snapshot, at: datetime) -> Mark | None:
    """Return the mark that lies before an instant by as much as a reader then might not have known.

    What was stamped by then may be readable EPSILON later only, and on a standby later still. None where
    no revision from before it is known in this epoch.
    """
    at -= max(EPSILON, lag_allowed())
    rows = snapshot.rows(_REVISION_AT, {"at": at})
    if not rows or rows[0][2] > at:
        return None
    number, nonce, _ = rows[0]
    return Mark(number, nonce, at)


def latest_mark(snapshot: Snapshot) -> Mark:
    """Return the mark of the present, so that whatever is read afterwards lacks nothing since it.

    Lists may be read from a standby: then it lies so far back that a standby which may be read has it.
    """
    earlier = mark_at(snapshot, snapshot.at) if lag_allowed() else None
    return earlier or now_of(snapshot)
