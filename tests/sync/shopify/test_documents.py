"""Every document that is sent is one that Shopify's schema knows, in each version that is supported."""

import tempfile

import pytest
from graphql import parse, validate

from sync import http
from sync.graphql import reads_only
from sync.http import Wire, WriteRefused, own_turns
from sync.shopify import documents
from sync.shopify.webhooks import TOPICS, subscribing
from tests.sync.shops.shopify_shop import schema_of

EACH = [(v, name) for v in documents.VERSIONS for name in documents.queries(v)]


@pytest.mark.parametrize(("version", "name"), EACH)
def test_a_document_is_valid(version, name):
    assert validate(schema_of(version), parse(documents.queries(version)[name])) == []


@pytest.mark.parametrize("version", documents.VERSIONS)
def test_what_the_owner_is_told_to_send_is_valid(version):
    pasted = subscribing("https://tc.example/hooks/shopify/")
    assert validate(schema_of(version), parse(pasted)) == []
    assert all(f"topic: {topic}," in pasted for topic in TOPICS)


def test_whether_a_level_is_active_is_asked_only_where_it_is_told():
    for name in ("bulk_stock", "variants", "more_levels"):
        newer = documents.queries("2026-04")[name]
        assert "isActive" not in documents.queries("2026-01")[name]
        assert "isActive" in newer
        assert validate(schema_of("2026-01"), parse(newer)) != []


@pytest.mark.parametrize(("version", "name"), EACH)
def test_only_what_reads_is_sent(version, name):
    document = documents.queries(version)[name]
    inner = documents.queries(version)["bulk_products"]
    assert reads_only(document, {"query": inner} if name == "run" else {})


WRITES = [
    subscribing("https://tc.example/"),
    "mutation { productDelete(input: {id: 1}) { deletedProductId } }",
    "query Q { shop { name } } mutation M { productDelete(input: {id: 1}) { deletedProductId } }",
    (
        "mutation($query: String!) { bulkOperationRunQuery(query: $query) { userErrors { field } } "
        "productDelete(input: {id: 1}) { deletedProductId } }"
    ),
    "mutation($query: String!) { bulkOperationRunMutation(mutation: $query) { userErrors { field } } }",
    "mutation($query: String!) { bulkOperationRunQuery: productDelete(input: {id: 1}) { id } }",
    "mutation($query: String!) { ...F } fragment F on Mutation { productDelete(input: {}) { id } }",
    'mutation { bulkOperationRunQuery(query: "{ shop { name } }") { userErrors { field } } }',
    "# query\nmutation { productDelete(input: {id: 1}) { id } }",
    '"""query { a }""" mutation { productDelete(input: {id: 1}) { id } }',
    "# a comment\rmutation { productDelete(input: {id: 1}) { id } }",
    "{ shop { name } } # a comment\rmutation { productDelete(input: {id: 1}) { id } }",
    '{ a(b: "\r) } mutation { productDelete(input: {id: 1}) { id } } # ") }',
    '{ a(b: "\\\r) } mutation { productDelete(input: {id: 1}) { id } } # ") }',
    "mutation($query: String!, $o: String!) { bulkOperationRunQuery(query: $o) { userErrors { field } } }",
    "mutation($query2: String!) { bulkOperationRunQuery(query: $query2) { userErrors { field } } }",
    "subscription { shop { name } }",
    "query { shop { name }",
    "} mutation {",
    "{ shop { name } } }",
    "",
    "type Query { a: Int }",
]


@pytest.mark.parametrize("document", WRITES)
def test_what_does_more_than_read_is_not_sent(document):
    variables = {"query": "{ shop { name } }"}
    assert not reads_only(document, variables)
    wire = Wire(turns=own_turns(per_second=1000))
    with pytest.raises(WriteRefused):
        wire.query("http://127.0.0.1:1/", document, variables=variables, headers={})
    assert wire.requests == 0


@pytest.mark.parametrize("inner", [None, 3, "", documents.RUN, "mutation { productDelete { id } }"])
def test_a_bulk_operation_that_would_write_is_not_started(inner):
    assert not reads_only(documents.RUN, {"query": inner})


@pytest.mark.parametrize(
    "document",
    [
        "{ shop { name } }",
        'query Q($a: In = {b: "mutation {"}) @x(y: "}") { shop(z: {q: 1}) { name } } # mutation {',
        'query { shop(text: """a " mutation { b""") { name } }',
        "query A { ...F } fragment F on QueryRoot { shop { name } }",
        "query { mutation: shop { name } }",
    ],
)
def test_words_in_texts_and_comments_are_no_mutations(document):
    assert reads_only(document, {})


def test_the_only_place_that_sends_a_body_is_the_query():
    wire = Wire(turns=own_turns(per_second=1000))
    with_body = http.Question("http://127.0.0.1:1/", body=b'{"query": "mutation { a }"}')
    with pytest.raises(WriteRefused):
        wire.send("GET", lambda: with_body)
    with pytest.raises(WriteRefused), tempfile.TemporaryFile() as file:
        wire.save(lambda: with_body, into=file)
    assert wire.requests == 0
