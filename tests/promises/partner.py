"""A partner of the state machine: the guide's client, with everything that may happen to one."""

from datetime import datetime
from typing import Any

import orjson
from django.http import QueryDict

from contract.delta import version_of
from contract.feeds import page_from, start_of
from contract.problems import Problem
from contract.snapshots import Snapshot, snapshot_for
from tests.guide import guide_client

Copy = guide_client()
# What of an item the oracle knows, by the facet that tells of its change.
FACET_OF = {
    "name": "product",
    "stock": "stock",
    "unit": "price",
    "breaks": "price",
    "order": "price",
    "next_change_at": "price",
}


class Partner:
    """A copy, the cursors that were used for it, and webhooks on their way to it."""

    def __init__(self, customer: int, facets: tuple[str, ...]) -> None:
        self.customer = customer
        self.facets = facets
        self.copy = Copy(self._ask)
        self.used: list[str] = []  # delta cursors, good to be asked again at any time
        self.limit = 3
        self.snapshot: Snapshot | None = None  # that of the last answer
        self.latest_at: datetime | None = None
        self.endpoint: str | None = None
        self.on_their_way: list[list[dict[str, Any]]] = []

    def page(self, since: str | None) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of `/v1/changes`."""
        params = {"since": since} if since else {"facets": ",".join(self.facets)}
        if since and since[:1] in "2l":  # an instant or `latest` knows no facets
            params["facets"] = ",".join(self.facets)
        query = QueryDict(mutable=True)
        query.update(params)
        try:
            start = start_of(query, customer_id=self.customer)
            with snapshot_for(self.customer, not_before=start.not_before) as snapshot:
                page = page_from(snapshot, start, limit=self.limit)
        except Problem as problem:
            return problem.status, {"code": problem.code, "detail": problem.detail}
        self.note(snapshot)
        name = "next_cursor" if page.has_more else "delta_cursor"
        entries = [orjson.loads(entry) for entry in page.entries]
        members = {"has_more": page.has_more, "version": version_of(snapshot), name: page.cursor}
        return 200, {"data": entries, **members}

    def note(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.latest_at = max(self.latest_at or snapshot.at, snapshot.at)

    def _ask(self, params: dict[str, str]) -> tuple[int, dict[str, Any]]:
        status, self.answer = self.page(params.get("since"))
        return status, self.answer

    def advance(self, limit: int) -> dict[str, Any]:
        """Poll once and return what was answered."""
        self.limit = limit
        self.copy.poll()
        if "delta_cursor" in self.answer:
            self.used.append(self.answer["delta_cursor"])
        return self.answer

    def be_told(self, limit: int) -> list[dict[str, Any]]:
        """Have the next webhook sent: what its endpoint's own cursor tells; it arrives some time."""
        self.limit = limit
        _, page = self.page(self.endpoint or "latest")
        self.endpoint = page.get("next_cursor") or page.get("delta_cursor")
        if page["data"]:
            self.on_their_way.append(page["data"])
        return page["data"]

    def begin_with(self, items: list[dict[str, Any]], at: datetime) -> None:
        """Take a walked list for the copy, and go on from the instant of its first answer."""
        self.copy.start_over()
        self.copy.items = {item["sku"]: item for item in items}
        self.copy.named, self.copy.cursor = None, at.isoformat()

    def cut(self, known: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Return of each item what the partner's facets tell of."""
        return {
            sku: {name: value for name, value in item.items() if FACET_OF[name] in self.facets}
            for sku, item in known.items()
        }
