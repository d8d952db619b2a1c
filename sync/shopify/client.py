"""Asks a Shopify shop: one endpoint, its budget of costs, and answers without errors."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from sync import http
from sync.http import (
    LONGEST_PAUSE,
    Question,
    ShopAnswersNonsense,
    ShopRefusedKey,
    ShopThrottled,
    Turns,
    Wire,
)

Json = dict[str, Any]
_OK, _FORBIDDEN = 200, 403
TRIES = 8  # of a query that the shop finds too early
_LEAST_PAUSE = 0.5  # seconds; also where the shop does not tell its rate
# Where Shopify keeps the results of bulk operations; nothing else that an answer names is asked.
RESULTS_AT = ("storage.googleapis.com", "cdn.shopify.com")


class CostsTooMuch(ShopAnswersNonsense):
    """One query may not cost as much: it is to ask for less at once."""


@dataclass
class _Budget:
    """What the shop last told of the cost that may be spent, and how fast it comes back."""

    available: float
    most: float
    rate: float
    told_at: float

    def wait_for(self, cost: float, *, at: float) -> float:
        there = min(self.most, self.available + (at - self.told_at) * self.rate)
        return max(0.0, (cost - there) / self.rate) if self.rate > 0 else 0.0


class Client:
    def __init__(self, base_url: str, token: str, *, version: str, turns: Turns) -> None:
        self.base_url, self.version = base_url, version
        self.wire = Wire(turns=turns)
        self.answered_version = ""  # what the shop says it answered with
        self._url = f"{base_url}/admin/api/{version}/graphql.json"
        self._headers = {"X-Shopify-Access-Token": token}
        self._budget: _Budget | None = None
        self._costs: dict[str, float] = {}  # what each document was last asked for

    def ask(self, document: str, **variables: Any) -> Json:
        """Return the data of an answer; raise `CostsTooMuch` or `ShopError`."""
        for _ in range(TRIES):
            self._wait_for_budget(document)
            body = self._answer(document, variables)
            self._note_cost(document, body)
            codes = _codes(body)
            if "THROTTLED" in codes:
                http.pause(self._pause(document))
                continue
            if "MAX_COST_EXCEEDED" in codes:
                raise CostsTooMuch(
                    "The shop finds a query too dear. Look at its limits of cost, then try again."
                )
            if body.get("errors"):
                raise _refusal(body, codes)
            if not isinstance(body.get("data"), dict):
                raise self._nonsense()
            data: Json = body["data"]
            return data
        raise ShopThrottled(
            "The shop keeps asking for fewer requests (THROTTLED). Lower the requests per second of this "
            "source, or try later."
        )

    def save(self, url: str, into: Any) -> None:
        """Write a bulk operation's result into a file; the token stays here."""
        if not self._may_ask(url):
            raise ShopAnswersNonsense(
                f"The shop keeps a result at {url[:100]}, where Shopify keeps none: it was not asked."
            )
        try:
            status = self.wire.save(lambda: Question(url), into=into).status
        except ShopRefusedKey:  # no key went there: the address has run out
            status = _FORBIDDEN
        if status != _OK:
            raise ShopAnswersNonsense(
                f"The result of a bulk operation answers with status {status}. Try again."
            )

    def _may_ask(self, url: str) -> bool:
        parts, own = urlsplit(url), urlsplit(self.base_url)
        return (parts.scheme, parts.netloc) == (own.scheme, own.netloc) or (
            parts.scheme == "https" and parts.hostname in RESULTS_AT and parts.port in {None, 443}
        )

    def _answer(self, document: str, variables: Mapping[str, Any]) -> Json:
        answer = self.wire.query(self._url, document, variables=variables, headers=self._headers)
        self.answered_version = answer.headers.get("X-Shopify-API-Version", "")
        if answer.status != _OK:
            raise ShopAnswersNonsense(
                f"The shop answers {answer.status} at {self.base_url}. Give the address that ends in "
                f"myshopify.com, and a version that Shopify supports (it was asked for {self.version})."
            )
        try:
            body = orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise self._nonsense() from error
        if not isinstance(body, dict):
            raise self._nonsense()
        return body

    def _wait_for_budget(self, document: str) -> None:
        cost = self._costs.get(document)
        if self._budget and cost:
            wait = self._budget.wait_for(cost, at=time.monotonic())
            if wait > 0:
                http.pause(min(wait, LONGEST_PAUSE))

    def _pause(self, document: str) -> float:
        cost = self._costs.get(document, 0.0)
        wait = self._budget.wait_for(cost, at=time.monotonic()) if self._budget else 0.0
        return min(max(wait, _LEAST_PAUSE), LONGEST_PAUSE)

    def _note_cost(self, document: str, body: Json) -> None:
        """Take the budget from the answer itself; a shop's plan decides it, and may change."""
        cost = (body.get("extensions") or {}).get("cost") or {}
        told = cost.get("throttleStatus") or {}
        try:
            self._costs[document] = float(cost["requestedQueryCost"])
            self._budget = _Budget(
                available=float(told["currentlyAvailable"]),
                most=float(told["maximumAvailable"]),
                rate=float(told["restoreRate"]),
                told_at=time.monotonic(),
            )
        except (KeyError, TypeError, ValueError):
            return

    def _nonsense(self) -> ShopAnswersNonsense:
        return ShopAnswersNonsense(
            f"The shop's answer is not what Shopify sends. Open {self.base_url} in a browser and see "
            "whether the shop is there."
        )


def _codes(body: Json) -> set[str]:
    errors = body.get("errors")
    if not isinstance(errors, list):
        return set()
    found = [(each.get("extensions") or {}) for each in errors if isinstance(each, dict)]
    return {str(each.get("code")) for each in found}


def _refusal(body: Json, codes: set[str]) -> Exception:
    errors = body["errors"]
    first = errors[0] if isinstance(errors, list) and errors else errors
    said = str(first.get("message") if isinstance(first, dict) else first)[:200]
    if "ACCESS_DENIED" in codes:
        return ShopRefusedKey(
            f"The token may not read something that is needed: {said} Give the app the scopes "
            "read_products, read_inventory and read_locations, and install it anew."
        )
    return ShopAnswersNonsense(f"The shop refuses a query: {said}")
