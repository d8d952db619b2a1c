"""What every answer has in common: headers, problems, methods; and life without a database."""

import re
import threading
from datetime import datetime

import psycopg
import pytest
from django.db import connection
from django.test import Client

from apikeys import keys
from apikeys.models import RequestLog
from contract import api, snapshots
from contract.api import ProductList
from groundwork import statements
from groundwork.postgres.base import DatabaseWrapper
from tests.factories import (
    SKUS,
    cast,
    client_of,
    client_with,
    key_of,
    newest_revision,
    now,
    terms_changed,
)

PATHS = ["/v1/products", "/v1/products/MUG-11-BLK", "/v1/stock", "/v1/changes"]


@pytest.fixture
def people(database):
    return cast()


@pytest.fixture
def alice(people):
    return client_of(people.alice)


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_names_its_request_and_its_revision(alice, path):
    answer = alice.get(path, headers={"X-Request-Id": "partner_0001.a-b"})
    assert answer.status_code == 200
    assert answer["X-Request-Id"] == "partner_0001.a-b"
    assert answer["X-Revision"] == str(newest_revision())
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["Vary"] == "Authorization, Accept-Encoding"
    assert answer["RateLimit-Policy"] == '"key";q=6000;w=60'
    assert answer["RateLimit"] == '"key";r=5999;t=60'


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/products?limit=0", 400),
        ("/v1/products/NOPE", 404),
        ("/v1/nowhere", 404),
        ("/v1/changes?since=foreign", 400),
    ],
)
def test_a_refusal_names_the_revision_where_it_is_known(alice, path, status):
    alice.get("/v1/products")  # from now on the snapshot is opened with the admission
    answer = alice.get(path)
    assert (answer.status_code, answer["X-Revision"]) == (status, str(newest_revision()))


def test_outside_a_contract_the_revision_is_named(people):
    dave = client_of(people.dave)
    for _ in range(2):
        assert dave.get("/v1/products")["X-Revision"] == str(newest_revision())


def test_a_wrong_secret_is_answered_like_an_unknown_key(people):
    """The revision is known where the key's customer is; told, it would say that the key exists."""
    key = key_of(people.alice)
    assert client_with(key).get("/v1/me").status_code == 200
    other = key_of(people.bob)
    for given in (_with_secret_of(key, other), _with_secret_of(other, key)):
        answer = client_with(given).get("/v1/me")
        assert answer.status_code == 401
        assert "X-Revision" not in answer.headers


def _with_secret_of(key: str, other: str) -> str:
    """Return a well-formed key with the id of one and the secret of another."""
    body = f"{key.rpartition('_')[0]}_{other.rpartition('_')[2][:32]}"
    return body + keys._checksum(body)


def test_an_id_that_could_do_harm_is_replaced(alice):
    for offered in ("", "short", "a" * 65, "with space", "a;b=c-d-e", "naïve-id-1"):
        answer = alice.get("/v1/stock", headers={"X-Request-Id": offered})
        assert re.fullmatch("t[0-9a-f]{11}-[0-9a-f]{20}", answer["X-Request-Id"])
        newest = RequestLog.objects.order_by("-id")[0]
        assert newest.correlation_id == answer["X-Request-Id"]


def test_the_body_names_the_snapshot(alice):
    before = now()
    body = alice.get("/v1/products").json()
    assert body["revision"] == newest_revision()
    assert body["as_of"].endswith("Z")
    assert before <= datetime.fromisoformat(body["as_of"]) <= now()


def test_a_problem_is_rfc_9457_with_a_code_and_the_request_id(alice):
    answer = alice.get("/v1/products/NOPE", headers={"X-Request-Id": "partner-0001"})
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.status_code == 404
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not found",
        "status": 404,
        "code": "not_found",
        "detail": "There is no such thing in your view.",
        "request_id": "partner-0001",
    }
    assert answer["RateLimit-Policy"] == '"key";q=6000;w=60'


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_405_and_logged(alice, path):
    methods = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
    for method in methods:
        answer = alice.generic(method, path)
        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
        assert answer.json()["code"] == "method_not_allowed"
    logged = RequestLog.objects.order_by("id").values_list("method", "status")
    assert list(logged) == [(method, 405) for method in methods]


@pytest.mark.parametrize("path", PATHS)
def test_head_has_the_headers_of_get_and_no_body(alice, path):
    get, head = alice.get(path), alice.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head["X-Revision"] == get["X-Revision"]
    assert head["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["/v1/", "/v1/nowhere", "/v1/products/", "/v1/stock/MUG-11-BLK"])
def test_an_unknown_resource_is_404_and_logged(alice, path):
    answer = alice.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert RequestLog.objects.get().route == "/v1/?"


def test_an_unknown_resource_is_401_for_strangers(people):
    assert Client().get("/v1/nowhere").status_code == 401


def test_outside_the_contract_every_endpoint_is_403(people):
    dave = client_of(people.dave)
    for path in PATHS:
        answer = dave.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "contract_inactive")
        assert b"MUG" not in answer.content


@pytest.mark.parametrize("status", ["suspended", "ended"])
def test_a_suspended_customer_is_403_at_the_next_request(people, alice, status):
    assert alice.get("/v1/products").status_code == 200
    terms_changed(people.alice, status=status)
    assert alice.get("/v1/products").status_code == 403
    terms_changed(people.alice, status="active")
    assert alice.get("/v1/products").status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/products", 200),
        ("/v1/products/NOPE", 404),
        ("/v1/nowhere", 404),
        ("/v1/products?limit=0", 400),
        ("/v1/products?cursor=foreign", 400),
        ("/v1/changes?since=foreign", 400),
    ],
)
def test_no_role_and_no_transaction_outlive_an_answer(people, alice, path, status):
    alice.get("/v1/products")  # from now on the snapshot is opened with the admission
    assert alice.get(path).status_code == status
    assert_nothing_is_left()


def test_no_role_and_no_transaction_outlive_a_failure(people, alice, monkeypatch, caplog):
    alice.get("/v1/products")

    def failed(*_):
        raise RuntimeError("on purpose")

    monkeypatch.setattr(api, "product_page", failed)
    assert alice.get("/v1/products").status_code == 500
    assert_nothing_is_left()


def test_no_role_and_no_transaction_outlive_a_refusal(people, alice):
    alice.get("/v1/products")
    with connection.cursor() as cursor:
        cursor.execute("update apikeys_apikey set requests_a_minute = 1")
    assert alice.get("/v1/products").status_code == 429
    assert_nothing_is_left()
    with connection.cursor() as cursor:
        cursor.execute("update apikeys_apikey set revoked_at = now()")
    assert alice.get("/v1/products").status_code == 401
    assert_nothing_is_left()


def assert_nothing_is_left() -> None:
    status = connection.connection.info.transaction_status
    assert status == psycopg.pq.TransactionStatus.IDLE
    with connection.cursor() as cursor:
        cursor.execute("select current_user, current_setting('tradecounter.customer', true)")
        role, customer = cursor.fetchone()
    assert role.endswith("_app")
    assert not customer


# -- behind an admission ------------------------------------------------------------------------


def test_a_stranger_does_not_learn_that_a_key_exists_where_its_address_is_barred(people):
    key = key_of(people.alice)
    assert client_with(key).get("/v1/me").status_code == 200
    unknown = client_with(_with_secret_of(key_of(people.bob), key))
    elsewhere = {"REMOTE_ADDR": "198.51.100.7"}
    for _ in range(30):
        assert unknown.get("/v1/me", **elsewhere).status_code == 401
    for given in (unknown, client_with(_with_secret_of(key, key_of(people.bob)))):
        answer = given.get("/v1/me", **elsewhere)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_failures")
        assert "X-Revision" not in answer.headers


def test_a_connection_that_is_lost_behind_the_admission_is_one_row(people, alice, monkeypatch):
    """What the server says at its end arrives: who was admitted is not admitted twice."""
    alice.get("/v1/products")
    RequestLog.objects.all().delete()
    pid = statements.prepared("select pg_backend_pid()", {})[0][0]
    sleeps = ("select pg_sleep(30)", {})
    monkeypatch.setattr(
        ProductList, "read_ahead", lambda *_, **__: snapshots.Foreseen((sleeps,), is_all=True)
    )
    ending = threading.Timer(0.5, _end_backend, [pid, _login()])
    ending.start()
    answer = alice.get("/v1/products")
    ending.join()
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert list(RequestLog.objects.values_list("status", flat=True)) == [503]
    monkeypatch.undo()
    assert alice.get("/v1/products").status_code == 200


# -- without a database ------------------------------------------------------------------------


def test_health_is_open_and_tells_the_revision(people):
    answer = Client().get("/v1/health")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "revision": newest_revision()},
    )
    assert RequestLog.objects.count() == 0


def test_without_a_database_it_is_503_and_then_served_again(people, alice, monkeypatch, caplog):
    params = DatabaseWrapper.get_connection_params

    def nowhere(self):
        return params(self) | {"port": 1, "connect_timeout": 1}

    monkeypatch.setattr(DatabaseWrapper, "get_connection_params", nowhere)
    connection.close()
    answer = alice.get("/v1/products")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer["Retry-After"] == "5"
    health = Client().get("/v1/health")
    assert (health.status_code, health.json()["code"]) == (503, "unavailable")
    monkeypatch.undo()
    assert alice.get("/v1/products").status_code == 200
    assert "admission_failed" in caplog.text


def end_the_connection() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        pid = cursor.fetchone()[0]
    _end_backend(pid, _login())


def _end_backend(pid: int, login: dict[str, object]) -> None:
    with psycopg.connect(**login) as other:
        other.execute("select pg_terminate_backend(%s, 5000)", [pid])


def _login() -> dict[str, object]:
    params = connection.get_connection_params()
    return {n: params[n] for n in ("host", "port", "user", "password", "dbname") if n in params}


@pytest.mark.parametrize("path", PATHS)
def test_a_database_that_was_restarted_under_a_kept_connection_serves(alice, path):
    assert alice.get(path).status_code == 200
    end_the_connection()
    assert alice.get(path).status_code == 200
    assert RequestLog.objects.count() == 2


def test_health_answers_whatever_is_accepted_and_refuses_other_methods(people):
    assert Client().get("/v1/health", HTTP_ACCEPT="text/html").status_code == 200
    assert Client().get("/v1/health?format=xml").status_code == 200
    for method in ("post", "put", "delete", "options"):
        answer = getattr(Client(), method)("/v1/health")
        assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")


def test_health_under_a_lost_connection_is_asked_on_a_new_one(people):
    end_the_connection()
    assert Client().get("/v1/health").status_code == 200


def test_a_connection_lost_after_admission_costs_that_request_alone(alice, monkeypatch, caplog):

    page = api.product_page

    def lost(snapshot, asked):
        end_the_connection_of(snapshot)
        return page(snapshot, asked)

    monkeypatch.setattr(api, "product_page", lost)
    answer = alice.get("/v1/products")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    monkeypatch.undo()
    assert [item["sku"] for item in alice.get("/v1/products").json()["data"]] == list(SKUS)
    assert caplog.records


def end_the_connection_of(_snapshot) -> None:
    with psycopg.connect(**_login()) as other:
        pid = connection.connection.info.backend_pid
        other.execute("select pg_terminate_backend(%s, 5000)", [pid])
