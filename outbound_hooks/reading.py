"""A partner's endpoints and deliveries as its own role reads them, and as they go over the wire."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from contract.cursors import CursorInvalid, opened, sealed
from contract.problems import bad_parameter
from contract.snapshots import Snapshot

_KIND = "deliveries"
_ENDPOINTS = """
    select id, public_id, url, description, facets, signs_body, is_enabled, disabled_at,
           disabled_reason, failing_since, previous_until, created_at
    from outbound_hooks_endpoint where %(id)s::text is null or public_id = %(id)s order by id
"""
_DELIVERIES = """
    select d.id, d.message_id, d.kind, d.status, d.reason, d.created_at, d.ended_at,
           d.next_attempt_at, d.revision
    from outbound_hooks_delivery d
    where d.endpoint_id = %(endpoint)s and d.id < %(before)s
      and (%(status)s::text is null or d.status = %(status)s)
    order by d.id desc limit %(limit)s
"""
_ATTEMPTS = """
    select delivery_id, number, started_at, milliseconds, status, error, answer
    from outbound_hooks_attempt where delivery_id = any(%(ids)s) order by delivery_id, number
"""
_LAST = 2**62  # above every id

Row = tuple[Any, ...]


def endpoint_rows(snapshot: Snapshot, public_id: str | None = None) -> list[Row]:
    return snapshot.rows(_ENDPOINTS, {"id": public_id})


def endpoint_json(row: Row) -> dict[str, Any]:
    (
        _,
        public_id,
        url,
        description,
        facets,
        signs,
        enabled,
        disabled_at,
        reason,
        failing,
        *times,
    ) = row
    until, created_at = times
    return {
        "id": public_id,
        "url": url,
        "description": description,
        "facets": facets,
        "signs_body": signs,
        "is_enabled": enabled,
        "disabled_at": disabled_at,
        "disabled_reason": reason or None,
        "failing_since": failing,
        "old_secret_until": until,
        "created_at": created_at,
    }


def deliveries_page(
    snapshot: Snapshot, endpoint: Row, *, status: str | None, limit: int, cursor: str | None
) -> bytes:
    """Return a page of deliveries, the newest first, each with its attempts."""
    params = {
        "endpoint": endpoint[0],
        "before": _before(snapshot, endpoint, cursor),
        "status": status,
        "limit": limit + 1,
    }
    rows = snapshot.rows(_DELIVERIES, params)
    shown, has_more = rows[:limit], len(rows) > limit
    attempts = _attempts(snapshot.rows(_ATTEMPTS, {"ids": [row[0] for row in shown]}))
    mark = [shown[-1][0], endpoint[1]] if has_more else None
    body = {
        "data": [_delivery(row, attempts.get(row[0], [])) for row in shown],
        "has_more": has_more,
        "next_cursor": sealed(snapshot.customer_id, _KIND, mark) if mark else None,
    }
    return orjson.dumps(body, option=orjson.OPT_UTC_Z)


def _before(snapshot: Snapshot, endpoint: Row, cursor: str | None) -> int:
    if cursor is None:
        return _LAST
    try:
        before, of = opened(cursor, customer_id=snapshot.customer_id, kind=_KIND)
    except (CursorInvalid, ValueError):
        raise bad_parameter("cursor", "This is not a cursor of this list.") from None
    if of != endpoint[1]:
        raise bad_parameter("cursor", "It is of another endpoint.")
    return int(before)


def _attempts(rows: Iterable[Row]) -> Mapping[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for delivery, number, started_at, milliseconds, status, error, answer in rows:
        found.setdefault(delivery, []).append(
            {
                "number": number,
                "started_at": started_at,
                "milliseconds": milliseconds,
                "status": status,
                "error": error or None,
                "answer": answer,
            }
        )
    return found


def _delivery(row: Row, attempts: list[dict[str, Any]]) -> dict[str, Any]:
    _, message_id, kind, status, reason, created_at, ended_at, next_at, revision = row
    return {
        "id": message_id,
        "type": kind,
        "status": status,
        "reason": reason or None,
        "created_at": created_at,
        "ended_at": ended_at,
        "next_attempt_at": next_at if status == "pending" else None,
        "revision": revision,
        "attempts": attempts,
    }
