"""A shop that holds what was recorded, and answers as far as events make anyone ask."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sync.http import Answer, Question

FILE = Path(__file__).parent / "deliveries.jsonl"
STATUS = {"instock": "in_stock", "outofstock": "out_of_stock", "onbackorder": "on_backorder"}
Json = dict[str, Any]


def steps() -> list[Json]:
    """The steps that were recorded with a delivery, in their order."""
    _provenance, *lines = FILE.read_text().splitlines()
    return [json.loads(line) for line in lines]


class RecordedShop:
    """Records by id, as the last delivery told them; what no delivery told of is made up to fit."""

    def __init__(self) -> None:
        self.records: dict[int, Json] = {}

    def hold(self, step: Json) -> list[int]:
        """Become what the shop was when the step was delivered; return the ids it is about."""
        told = []
        for headers, text in step["deliveries"]:
            body = json.loads(text) if headers["Content-Type"] == "application/json" else {}
            if "type" in body:
                self._put(body)
            elif (
                headers.get("X-WC-Webhook-Topic") == "product.deleted"
                and body["id"] in self.records
            ):
                self.records[body["id"]] |= {"status": "trash"}
            told.append(body.get("id", 0))
        for number in step.get("gone", ()):
            self.records.pop(number, None)
        return [number for number in told if number]

    def _put(self, body: Json) -> None:
        self.records[body["id"]] = body
        if body["type"] == "variation" and body["parent_id"] not in self.records:
            parent = {"id": body["parent_id"], "sku": f"P-{body['parent_id']}", "parent_id": 0}
            counts = body["manage_stock"] == "parent"
            own = {"type": "variable", "status": "publish", "variations": [body["id"]]}
            own |= {"manage_stock": counts, "attributes": []}
            self._put(body | parent | own)
        for number in body["variations"]:
            if number not in self.records:
                self.records[number] = body | {
                    "id": number, "type": "variation", "parent_id": body["id"], "sku": f"V-{number}",
                    "regular_price": "7", "attributes": [], "variations": [],
                    "manage_stock": "parent" if body["manage_stock"] else False,
                }  # fmt: skip

    def shown(self, number: int) -> Json:
        """The record as REST shows it: stock that the parent counts is the parent's."""
        record = self.records[number]
        if record["manage_stock"] != "parent":
            return record
        parent = self.records[record["parent_id"]]
        if parent["manage_stock"] is not True:
            return record
        return record | {k: parent[k] for k in ("stock_quantity", "stock_status")}

    def expected(self, number: int) -> tuple | None:
        """What the mirror should hold of a record; None for nothing that is live."""
        record = self.shown(number) if number in self.records else None
        if (
            not record
            or record["status"] == "trash"
            or record["type"] not in {"simple", "variation"}
        ):
            return None
        family = [record, *([self.records[p]] if (p := record["parent_id"]) else [])]
        counted = record["manage_stock"] and record["stock_quantity"] is not None
        return (
            record["sku"],
            Decimal(record["regular_price"]),
            Decimal(record["sale_price"]) if record["sale_price"] else None,
            record["stock_quantity"] if counted else None,
            STATUS[record["stock_status"]],
            all(each["status"] == "publish" for each in family),
        )

    def answer(self, question: Question, _body: object) -> Answer:
        """Stand in for the exchange of one question."""
        url = urlsplit(question.url)
        path, query = url.path.removeprefix("/wp-json"), dict(parse_qsl(url.query))
        return self._routed(path, query)

    def _routed(self, path: str, query: dict[str, str]) -> Answer:
        if path == "/wc/v3/settings/products":
            return _json([])
        if path == "/wc/v3/products/categories":
            return _listed(self._categories())
        if path in ("/wc/v3/products", "/wc-analytics/variations"):
            return self._list(query, variations=path.endswith("variations"))
        number = path.rpartition("/")[2]
        if number.isdecimal():
            if int(number) in self.records:
                return _json(self.shown(int(number)))
            return _missing("woocommerce_rest_product_invalid_id")
        return _missing("rest_no_route")

    def _list(self, query: dict[str, str], *, variations: bool) -> Answer:
        chosen = [int(each) for each in query.get("include", "").split(",") if each]
        found = [
            self.shown(number)
            for number in chosen
            if number in self.records
            and (self.records[number]["type"] == "variation") == variations
            and (self.records[number]["status"] == "trash") == (query.get("status") == "trash")
        ]
        return _listed(found)

    def _categories(self) -> list[Json]:
        terms = {t["id"]: t for r in self.records.values() for t in r["categories"]}
        return [term | {"parent": 0} for term in terms.values()]


def _json(body: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, headers, json.dumps(body).encode())


def _listed(found: list[Json]) -> Answer:
    return _json(found, **{"X-WP-Total": str(len(found))})


def _missing(code: str) -> Answer:
    return _json({"code": code, "message": "", "data": {"status": 404}}, 404)
