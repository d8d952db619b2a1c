"""Where a feed of changes starts: at a cursor, at the present, at an instant, or with nothing."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.http import QueryDict

from catalog_mirror.revisions import EPSILON
from contract.change_cursors import FACETS, ChangeCursor, Mark, change_cursor
from contract.cursors import CursorInvalid
from contract.delta import ChangesPage, changes_page, latest_page, start_cursor
from contract.marks import mark_at
from contract.parameters import nearest, single
from contract.problems import bad_parameter
from contract.snapshots import Snapshot
from contract.stale_cursors import gone

LATEST = "latest"
_LIKE_AN_INSTANT = re.compile(r"\d{4}-\d\d-\d\d")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class Start:
    """What `since` and `facets` ask for; without a cursor and an instant, the whole view."""

    facets: tuple[str, ...]
    cursor: ChangeCursor | None = None
    instant: datetime | None = None
    is_latest: bool = False

    @property
    def not_before(self) -> datetime | None:
        return self.cursor.not_before if self.cursor else None

    @property
    def at_least(self) -> int:
        return self.cursor.at_least if self.cursor else 0


def start_of(query: QueryDict, *, customer_id: int) -> Start:
    """Read where to start; refuse what is neither a cursor of this customer nor an instant."""
    since, facets = single(query, "since"), _facets(query)
    start = Start(facets or FACETS)
    if since is None:
        return start
    if since == LATEST:
        return replace(start, is_latest=True)
    if _LIKE_AN_INSTANT.match(since):
        return replace(start, instant=_instant(since))
    cursor = _cursor(since, customer_id)
    if facets and facets != cursor.facets:
        of = ",".join(cursor.facets)
        raise bad_parameter("facets", f"This cursor is of a feed of {of}. Keep them, or leave it.")
    return Start(cursor.facets, cursor)


def page_from(snapshot: Snapshot, start: Start, *, limit: int) -> ChangesPage:
    if start.is_latest:
        return latest_page(snapshot, start.facets)
    return changes_page(snapshot, _cursor_of(snapshot, start), limit=limit)


def _cursor_of(snapshot: Snapshot, start: Start) -> ChangeCursor:
    if start.cursor:
        return start.cursor
    beginning = start_cursor(snapshot.epoch, start.facets)
    return beginning.ended(_mark_at(snapshot, start)) if start.instant else beginning


def _mark_at(snapshot: Snapshot, start: Start) -> Mark:
    at = start.instant or snapshot.at
    if at > snapshot.at + EPSILON:  # a clock that was put back a little is no fault of the client's
        raise bad_parameter(
            "since", "This instant is yet to come. Take `as_of` of an answer, not your own clock."
        )
    mark = mark_at(snapshot, min(at, snapshot.at))
    if mark is None:
        raise gone("No revision from before that instant is known", start.facets)
    return mark


def _facets(query: QueryDict) -> tuple[str, ...] | None:
    given = single(query, "facets")
    if given is None:
        return None
    names = given.split(",")
    for name in names:
        if name not in FACETS:
            raise bad_parameter("facets", f"There is no such facet. {nearest(name, FACETS)}")
    return tuple(facet for facet in FACETS if facet in names)


def _instant(text: str) -> datetime:
    if not _INSTANT.fullmatch(text):
        raise bad_parameter(
            "since",
            "An instant is written as in RFC 3339, with its offset: 2026-11-21T10:00:00Z, or "
            "2026-11-21T10:00:00%2B01:00 (a plus sign in an address is %2B).",
        )
    try:
        at = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise bad_parameter("since", "There is no such instant.") from None
    if at - datetime.min.replace(tzinfo=UTC) < timedelta(days=1):
        raise bad_parameter("since", "There is no such instant.")
    return at


def _cursor(text: str, customer_id: int) -> ChangeCursor:
    try:
        return change_cursor(text, customer_id=customer_id)
    except CursorInvalid:
        raise bad_parameter(
            "since", "This is not a cursor of yours. Ask without `since` for a new one."
        ) from None
