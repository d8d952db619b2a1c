"""An answer of every operation of /v1/webhooks, for its document; tests hold them to its schemas."""

from typing import Any

_ENDPOINT = {
    "id": "wh_4fT9xLq2ZbR7mKpW",
    "url": "https://partner.example/hooks/catalogue",
    "description": "Shop",
    "facets": ["product", "price", "stock"],
    "signs_body": False,
    "is_enabled": True,
    "disabled_at": None,
    "disabled_reason": None,
    "failing_since": None,
    "old_secret_until": None,
    "created_at": "2026-11-21T10:00:00.123456Z",
}
_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105 - an example
_ATTEMPT = {
    "number": 1,
    "started_at": "2026-11-21T10:00:01.123456Z",
    "milliseconds": 41.7,
    "status": 200,
    "error": None,
    "answer": "ok",
}
EXAMPLES: dict[str, Any] = {
    "list_webhooks": {"data": [_ENDPOINT]},
    "create_webhook": _ENDPOINT | {"secret": _SECRET},
    "get_webhook": _ENDPOINT,
    "change_webhook": _ENDPOINT,
    "ping_webhook": {
        "id": "msg_0f7c6f0f4f0f4d6c9d8b6a5e4d3c2b1a",
        "status": 200,
        "error": None,
        "answer": "ok",
        "milliseconds": 41.7,
    },
    "rotate_webhook": {"secret": _SECRET, "old_secret_until": "2026-11-22T10:00:00.123456Z"},
    "enable_webhook": _ENDPOINT,
    "disable_webhook": _ENDPOINT
    | {
        "is_enabled": False,
        "disabled_at": "2026-11-21T11:00:00.123456Z",
        "disabled_reason": "You disabled it.",
    },
    "list_deliveries": {
        "data": [
            {
                "id": "msg_0f7c6f0f4f0f4d6c9d8b6a5e4d3c2b1a",
                "type": "price.changed",
                "status": "delivered",
                "reason": None,
                "created_at": "2026-11-21T10:00:01.023456Z",
                "ended_at": "2026-11-21T10:00:01.165156Z",
                "next_attempt_at": None,
                "revision": 4711,
                "attempts": [_ATTEMPT],
            }
        ],
        "has_more": False,
        "next_cursor": None,
    },
    "replay_webhook": {"deliveries": 3, "messages": 2},
}
REQUESTS: dict[str, Any] = {
    "create_webhook": {"url": "https://partner.example/hooks/catalogue", "facets": ["stock"]},
    "change_webhook": {"description": "Shop"},
    "replay_webhook": {"since": "2026-11-21T00:00:00Z", "status": ["dead"]},
}
