"""The document of /v1: its examples, its table of errors, what it may grow by; and the tests' use of it."""

from types import SimpleNamespace

import pytest
from jsonschema import Draft202012Validator

from contract import examples, fields
from outbound_hooks import examples as of_webhooks
from tests import document
from tests.document import DOCUMENT, hold_to_document
from tests.factories import cast, client_of

EXAMPLES = examples.EXAMPLES | of_webhooks.EXAMPLES
REQUESTS = examples.REQUESTS | of_webhooks.REQUESTS
OPERATIONS = {
    operation["operationId"]: (path, method, operation)
    for path, methods in document.document()["paths"].items()
    for method, operation in methods.items()
}


@pytest.fixture
def alice(database):
    return client_of(cast().alice)


def test_every_operation_has_an_example_that_is_as_its_schema_says():
    told = {
        name for name, (*_, operation) in OPERATIONS.items() if "204" not in operation["responses"]
    }
    assert set(EXAMPLES) == told
    for name in told:
        path, method, operation = OPERATIONS[name]
        good = "201" if "201" in operation["responses"] else "200"
        content = operation["responses"][good]["content"]["application/json"]
        (example,) = content["examples"].values()
        assert example["value"] == EXAMPLES[name]
        pointer = ("paths", path, method, "responses", good, "content", "application/json")
        document._validator(*pointer, "schema").validate(example["value"])


def test_every_question_with_a_body_has_an_example():
    asking = {name for name, (*_, operation) in OPERATIONS.items() if "requestBody" in operation}
    assert asking == set(REQUESTS)
    for name in asking:
        path, method, operation = OPERATIONS[name]
        (kind,) = operation["requestBody"]["content"]
        (example,) = operation["requestBody"]["content"][kind]["examples"].values()
        assert example["value"] == REQUESTS[name]
        pointer = ("paths", path, method, "requestBody", "content", kind, "schema")
        document._validator(*pointer).validate(example["value"])


def test_the_document_is_openapi_3_1_and_its_schemas_are_sound():
    assert document.document()["openapi"].startswith("3.1.")
    for schema in document.document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_fields_are_the_members_of_an_item_in_the_document():
    schemas = document.document()["components"]["schemas"]

    def members(schema, before=""):
        for each in schema.get("anyOf", schema.get("oneOf", schema.get("allOf", [schema]))):
            if "$ref" in each:
                yield from members(schemas[each["$ref"].rpartition("/")[2]], before)
            elif "items" in each:
                yield from members(each["items"], before)
            for name, below in each.get("properties", {}).items():
                yield before + name
                yield from members(below, f"{before}{name}.")

    assert set(members(schemas["Item"])) == set(fields.paths(fields.ITEM))


# -- that the tests' own look at answers can fail ------------------------------------------------


def an_answer(status: int, body: bytes, kind: str = "application/json"):
    return SimpleNamespace(
        status_code=status,
        content=body,
        headers={"Content-Type": kind},
        request={"REQUEST_METHOD": "GET"},
    )


@pytest.mark.parametrize(
    "answer",
    [
        an_answer(200, b'{"status": "ok", "more": 1}'),
        an_answer(200, b'{"status": 1}'),
        an_answer(200, b"{}"),
        an_answer(200, b'{"status": "ok"}', "text/html"),
        an_answer(418, b'{"status": "ok"}'),
    ],
)
def test_an_answer_that_the_document_does_not_tell_of_is_noticed(answer):
    hold_to_document("GET", "/v1/health", an_answer(200, b'{"status": "ok"}'))
    with pytest.raises(AssertionError):
        hold_to_document("GET", "/v1/health", answer)


def test_every_answer_that_a_test_gets_is_looked_at(alice, monkeypatch):
    looked_at = []
    monkeypatch.setattr(
        "tests.conftest.hold_to_document", lambda *asked: looked_at.append(asked[:2])
    )
    alice.get("/v1/products/a/b")
    alice.post("/v1/nowhere")
    assert looked_at == [("GET", "/v1/products/a/b"), ("POST", "/v1/nowhere")]
    assert DOCUMENT.exists()
