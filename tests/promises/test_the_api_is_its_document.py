"""The API is what its document says: questions drawn from the document, with two customers' keys."""

from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, assume, given, settings
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance

from apikeys import admission
from contract import api, parameters, pricing
from tests.document import document
from tests.factories import cast, key_of

_EVERY = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
OPERATIONS = [(method, path) for path, methods in document()["paths"].items() for method in methods]
CURSORS = {"cursor", "since"}
REPEATED = {"brand", "category", "product", "sku", "source"}
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@pytest.fixture
def keys(database, monkeypatch):
    # The checks ask without a key again and again, from an address that has no name.
    limits = f"{admission.STRANGERS_LOGGED}, {admission.FAILURES_ALLOWED}"
    statement = admission._ADMIT.replace(limits, "60, 1000000")
    assert statement != admission._ADMIT
    monkeypatch.setattr(admission, "_ADMIT", statement)
    people = cast()
    return [key_of(who, requests_a_minute=6000) for who in (people.alice, people.bob)]


@pytest.fixture(scope="module")
def schema():
    made = schemathesis.openapi.from_dict(document())
    made.app = get_wsgi_application()
    return made


def ask(operation: Any, keys: list[str], mode: GenerationMode, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=_EVERY,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def asked(case):
        assume(can_be_wrong(case.query))
        if mode is GenerationMode.POSITIVE:
            leave_out_what_no_schema_tells(case)
        for own, other in (keys, keys[::-1]):
            answer = call(case, own)
            if cursor := cursor_of(answer):
                query, case.query = case.query, {**case.query, **cursor}
                assert call(case, own).status_code == 200
                assert call(case, other).status_code == 400
                case.query = query

    asked()


def call(case: Any, key: str) -> Any:
    """Ask, and hold the answer to all of schemathesis's checks."""
    headers = {"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"}
    # That a description fits is no reason to accept another customer's cursor.
    # Nor can it tell which URLs lead out, or which deliveries there were.
    told = set(case.query) & CURSORS or case.path.startswith("/v1/webhooks")
    unless = [positive_data_acceptance] if told else []
    return case.call_and_validate(headers=headers, excluded_checks=unless)


def cursor_of(answer: Any) -> dict[str, str]:
    """Return an answer's cursor, by the parameter that takes it."""
    said = answer.json() if answer.status_code == 200 else {}
    cursor = said.get("next_cursor") or said.get("delta_cursor")
    return {"since" if "version" in said else "cursor": cursor} if cursor else {}


def can_be_wrong(query: dict[str, Any]) -> bool:
    """Tell whether an address can say what is asked.

    An empty list is left out of it, `null` or a number is written as a word, one word is a list of one,
    and a whole number that is written 5.0 is none.
    """
    if any(isinstance(value, float) for value in query.values()):
        return False
    texts = [value for name, value in query.items() if name in REPEATED]
    return all(value not in (None, [], {}) for value in query.values()) and all(
        isinstance(value, list) and all(isinstance(each, str) for each in value) for value in texts
    )


def leave_out_what_no_schema_tells(case: Any) -> None:
    """A cursor is one that was given out; quantities are one, or as many as SKUs."""
    for name in CURSORS:
        case.query.pop(name, None)
    if len(case.query.get("quantity", [])) != len(case.query.get("sku", [])):
        case.query.pop("quantity", None)


def run(schema: Any, keys: list[str], where: tuple[str, str], mode: GenerationMode, examples: int):
    method, path = where
    if path == "/v1/health" and mode is GenerationMode.NEGATIVE:
        return  # it takes nothing that could be wrong
    ask(schema[path][method], keys, mode, examples)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
@pytest.mark.parametrize("where", OPERATIONS, ids=" ".join)
def test_every_answer_is_as_described(schema, keys, where, mode):
    run(schema, keys, where, mode, 8)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
@pytest.mark.parametrize("where", OPERATIONS, ids=" ".join)
def test_every_answer_is_as_described_at_length(schema, keys, where, mode):
    run(schema, keys, where, mode, 300)


def test_an_answer_that_is_not_as_described_is_noticed(schema, keys, monkeypatch):
    monkeypatch.setattr(api, "brands", lambda _: [{"slug": 1}])
    with pytest.raises(FailureGroup, match="slug"):
        run(schema, keys, ("get", "/v1/brands"), GenerationMode.POSITIVE, 5)


def test_a_described_parameter_that_is_refused_is_noticed(schema, keys, monkeypatch):
    monkeypatch.setattr(parameters, "LONGEST_VALUE", 1)
    with pytest.raises(FailureGroup, match="Valid data should have been accepted"):
        run(schema, keys, ("get", "/v1/stock"), GenerationMode.POSITIVE, 20)


def test_a_wrong_parameter_that_is_taken_is_noticed(schema, keys, monkeypatch):
    monkeypatch.setattr(pricing, "_quantity", lambda *_: 1)
    with pytest.raises(FailureGroup, match="Invalid data should have been rejected"):
        run(schema, keys, ("post", "/v1/pricing"), GenerationMode.NEGATIVE, 50)
