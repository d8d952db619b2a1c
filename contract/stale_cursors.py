"""Which cursors are no longer good, and how a client gets back from there."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.conf import settings

from contract.change_cursors import FACETS, ChangeCursor, Mark
from contract.items import VIEW_VERSION
from contract.problems import Problem
from contract.snapshots import Snapshot
from groundwork.statements import Statement

# A revision is past retention when one after it was recorded before the cutoff: the last one recorded
# before it stays good, so a quiet installation's cursors never end. What was pruned stays pruned,
# whatever the setting says now.
_KNOWN_MARKS = """
    select r.number, r.nonce,
           r.number < (select coalesce(max(p.until_revision), 0) from catalog_mirror_pruning p),
           (select n.recorded_at from catalog_mirror_revision n
            where n.number > r.number order by n.number limit 1)
    from catalog_mirror_revision r where r.number = any(%(numbers)s)
"""


def refuse_stale(snapshot: Snapshot, cursor: ChangeCursor) -> None:
    """Raise a 410 `Problem` for a cursor whose past is not known, not kept, or told otherwise now."""
    if cursor.epoch != snapshot.epoch:
        raise gone("It was given out before the service was restored from a backup", cursor.facets)
    if cursor.view_version != VIEW_VERSION:
        raise gone("Items say more than when it was given out", cursor.facets)
    if not are_known(snapshot, cursor.marks):
        days = settings.HISTORY_KEPT.days
        raise gone(f"It is older than {days} days, or of a state that is not known", cursor.facets)


def are_known(snapshot: Snapshot, marks: Iterable[Mark]) -> bool:
    """Tell whether each mark names a revision of this database that is still within retention."""
    asked = [mark for mark in marks if not _is_newest(snapshot, mark)]
    if not asked:
        return True
    cutoff = snapshot.at - settings.HISTORY_KEPT
    good: dict[int, UUID] = {
        number: nonce
        for number, nonce, is_pruned, followed_at in snapshot.rows(*marks_statement(asked))
        if not is_pruned and (followed_at is None or followed_at >= cutoff)
    }
    return all(good.get(mark.revision) == mark.nonce for mark in asked)


def marks_statement(marks: Iterable[Mark]) -> Statement:
    """Return what asks which of these marks are known."""
    return _KNOWN_MARKS, {"numbers": [mark.revision for mark in marks]}


def _is_newest(snapshot: Snapshot, mark: Mark) -> bool:
    return mark.revision == snapshot.revision and mark.nonce == snapshot.nonce


def gone(reason: str, facets: Sequence[str] = FACETS) -> Problem:
    """Return the 410 that names the way back."""
    way_back = "/v1/changes"
    if tuple(facets) != FACETS:
        way_back += f"?facets={','.join(facets)}"
    return Problem(
        410,
        "cursor_gone",
        f"This cursor is no longer good. {reason}. Ask {way_back} without `since` and replace your "
        "copy by what it enumerates.",
        members={"resync": way_back},
    )
