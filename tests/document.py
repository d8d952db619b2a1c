"""Answers held against the document of /v1: nothing it does not tell of, in status, type or shape."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DOCUMENT = Path(__file__).parent.parent / "docs" / "openapi_v1.yaml"
# Any request may be refused so, a route or a method that is none included.
ANYWHERE = {400, 401, 403, 404, 405, 429, 500, 503}


@cache
def document() -> dict[str, Any]:
    return yaml.load(DOCUMENT.read_text(), yaml.CSafeLoader)


@cache
def _registry() -> Registry:
    closed = Resource(contents=_closed(document()), specification=DRAFT202012)
    return Registry().with_resource("document", closed)


def _closed(schema: Any) -> Any:
    """Return a schema whose objects have the members it names and no others."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(each) for name, each in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        closed.setdefault("additionalProperties", False)
    return closed


@cache
def _validator(*pointer: str) -> Draft202012Validator:
    place = "/".join(each.replace("~", "~0").replace("/", "~1") for each in pointer)
    return Draft202012Validator({"$ref": f"document#/{place}"}, registry=_registry())


def path_of(path: str) -> str | None:
    """Return the document's path that an address falls under."""
    if path in document()["paths"]:
        return path
    sku = path.removeprefix("/v1/products/")
    if path.startswith("/v1/products/") and sku:
        return "/v1/products/{sku}"
    named = re.sub(r"^/v1/webhooks/[^/]+", "/v1/webhooks/{public_id}", path)
    return named if named in document()["paths"] else None


def hold_to_document(method: str, path: str, answer: Any) -> None:
    """Fail where an answer is not one that the document tells of."""
    method = "get" if method == "HEAD" else method.lower()
    described = path_of(path)
    operation = document()["paths"].get(described, {}).get(method)
    if operation is None:
        assert answer.status_code in ANYWHERE, f"{method} {path}: {answer.status_code}"
        _hold(answer, "application/problem+json", "components", "schemas", "Problem")
        return
    status = str(answer.status_code)
    assert status in operation["responses"], f"{method} {path}: {status} is not described"
    contents = operation["responses"][status].get("content", {})
    if not contents:
        assert answer.content == b"", f"{method} {path}: {status} has a body"
        return
    (kind,) = contents
    _hold(answer, kind, "paths", described, method, "responses", status, "content", kind, "schema")


def _hold(answer: Any, kind: str, *pointer: str) -> None:
    assert answer.headers["Content-Type"] == kind
    if answer.request["REQUEST_METHOD"] == "HEAD" or "Content-Encoding" in answer.headers:
        return
    errors = list(_validator(*pointer).iter_errors(orjson.loads(answer.content)))
    assert not errors, "\n".join(f"{'.'.join(map(str, e.path))}: {e.message}" for e in errors)
