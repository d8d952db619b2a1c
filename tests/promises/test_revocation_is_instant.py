"""Promise: revocation is instant and final."""

import threading
import time

import pytest
from django.db import connection
from django.db.utils import IntegrityError

from apikeys import keys
from apikeys.models import ApiKey
from tests.conftest import as_login
from tests.factories import cast, key_of
from tests.promises.clients import Asked, hammered
from tests.promises.processes import Processes, wait_for


@pytest.fixture
def web(database, tmp_path):
    processes = Processes(tmp_path)
    processes.start("web")
    yield processes
    processes.end()


def test_no_request_that_begins_after_the_answer_succeeds(web, record_property):
    """Three times over, as each key has one moment only."""
    alice = cast().alice
    for _ in range(3):
        key = key_of(alice, requests_a_minute=6000)
        revoked: list[float] = []
        told: list[Asked] = []

        def hammer(key=key, revoked=revoked, told=told) -> None:
            def long_after() -> bool:
                return bool(revoked) and time.monotonic() > revoked[0] + 0.5

            told += hammered(
                web.port, key, clients=8, each=2000, path="/v1/stock", until=long_after
            )

        thread = threading.Thread(target=hammer)
        thread.start()
        window = "select cardinality(instants) from apikeys_requestwindow w join apikeys_apikey k "
        window += "on k.id = w.key_id where k.public_id = %s"
        wait_for(lambda key=key, sql=window: (value(sql, key[8:20]) or 0) > 40)
        keys.revoke(key[8:20], actor="test", reason="leaked")
        revoked.append(time.monotonic())
        thread.join()
        before = {each.status for each in told if each.began < revoked[0]}
        after = [(each.status, each.code) for each in told if each.began > revoked[0]]
        assert 200 in before
        assert len(after) > 20
        record_property("requests after a revocation / let in", f"{len(after)} / 0")
        # Past 30 refusals the address is refused unheard; never is it the key's own limit.
        assert set(after) <= {(401, "key_refused"), (429, "too_many_failures")}
        as_login("delete from apikeys_failurewindow")


def value(sql: str, *params: str):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return (cursor.fetchone() or [None])[0]


def test_the_database_refuses_to_bring_it_back_by_any_hand(web):
    key = key_of(cast().alice)
    keys.revoke(key[8:20], actor="test", reason="leaked")
    before = ApiKey.objects.values().get()
    for change in ("update apikeys_apikey set revoked_at = null", "delete from apikeys_apikey"):
        with pytest.raises(IntegrityError, match=r"final|never deleted"):
            as_login(change)
        connection.close()
    assert ApiKey.objects.values().get() == before
    told = hammered(web.port, key, clients=1, each=3, path="/v1/stock")
    assert [each.status for each in told] == [401] * 3
