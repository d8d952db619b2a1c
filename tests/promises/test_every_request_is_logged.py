"""Promise: rows = requests of known keys, kill -9 included; strangers are rows up to a limit, then counted."""

import http.client
import itertools
import threading
from datetime import timedelta

import pytest

from apikeys import admission, keys
from apikeys.models import RefusedStrangers, RequestLog
from tests.factories import cast, key_of
from tests.promises.clients import Asked, ask, hammered
from tests.promises.processes import Processes, wait_for

ASKED = (
    ("GET", "/v1/stock", 200),
    ("GET", "/v1/products?limit=2", 200),
    ("GET", "/v1/products/NOPE", 404),
    ("GET", "/v1/stock?limit=0", 400),
    ("POST", "/v1/stock", 405),
    ("GET", "/v1/nowhere", 404),
    ("HEAD", "/v1/stock", 200),
    ("GET", "/v1/changes", 200),
)


@pytest.fixture
def web(database, tmp_path):
    processes = Processes(tmp_path)
    processes.start("web")
    yield processes
    processes.end()


def logged() -> dict[str, list[int | None]]:
    found: dict[str, list[int | None]] = {}
    for request_id, status in RequestLog.objects.values_list("correlation_id", "status"):
        found.setdefault(request_id, []).append(status)
    return found


def settled() -> dict[str, list[int | None]]:
    """Return the log once every row has its status, which it gets a moment after its answer."""
    wait_for(lambda: not RequestLog.objects.filter(status=None).exists(), seconds=5)
    return logged()


def test_what_a_client_was_answered_stands_in_the_log_to_the_status(web):
    key = key_of(cast().alice, requests_a_minute=50)
    kept = http.client.HTTPConnection("127.0.0.1", web.port, timeout=20)
    told = [
        (ask(kept, key, path, method), status)
        for method, path, status in itertools.islice(itertools.cycle(ASKED), 64)
    ]
    kept.close()
    assert [one.status for one, _ in told] == [status for _, status in told[:50]] + [429] * 14
    assert settled() == {one.request_id: [one.status] for one, _ in told}


def test_a_web_process_that_is_told_to_end_completes_what_it_answered(web):
    key = key_of(cast().alice, requests_a_minute=600)
    kept = http.client.HTTPConnection("127.0.0.1", web.port, timeout=20)
    told = [ask(kept, key, "/v1/stock") for _ in range(20)]
    kept.close()
    web.terminate("web")
    assert logged() == {one.request_id: [200] for one in told}


def test_kill_9_of_the_web_process_loses_no_request_that_was_admitted(web, record_property):
    """Again and again in mid-request: a row without a status is one that the kill cut off, or came a moment
    after."""
    key, told = key_of(cast().alice, requests_a_minute=6000), []
    for round_number in range(4):
        ended = threading.Event()

        def hammer(ended=ended) -> None:
            told.extend(
                hammered(
                    web.port,
                    key,
                    clients=6,
                    each=2000,
                    path="/v1/products?limit=4",
                    until=ended.is_set,
                )
            )

        thread = threading.Thread(target=hammer)
        thread.start()
        wanted = 40 * (round_number + 1)
        complete = RequestLog.objects.exclude(status=None)
        wait_for(lambda wanted=wanted, complete=complete: complete.count() > wanted)
        web.kill("web")
        ended.set()
        thread.join()
        web.start("web")
    rows = logged()
    answered = {each.request_id: each.status for each in told if each.status is not None}
    assert set(answered.values()) == {200}
    assert all(
        rows.get(request_id) in ([status], [None]) for request_id, status in answered.items()
    )
    cut_off = {each.request_id for each in told if each.status is None}
    incomplete = sum(rows[request_id] == [None] for request_id in answered)
    record_property(
        "answered / cut off by kill -9 / rows missing / answered without a status",
        f"{len(answered)} / {len(cut_off)} / 0 / {incomplete}",
    )
    assert incomplete < len(answered)
    assert cut_off
    assert set(rows) <= set(answered) | cut_off
    assert all(rows[request_id] in ([None], [200]) for request_id in cut_off & set(rows))


def test_a_known_key_is_a_row_whatever_it_is_refused_for_and_whatever_strangers_did(web, clock):
    alice = cast().alice
    outside = key_of(alice, allowed_networks=["198.51.100.0/24"])
    ended = key_of(alice)
    keys.revoke(ended[8:20], actor="test", reason="leaked")
    hammered(web.port, "", clients=4, each=20, path="/v1/stock")
    strangers = set(settled())
    assert len(strangers) == admission.STRANGERS_LOGGED
    clock.move(timedelta(seconds=61))  # the address is heard again
    kept = http.client.HTTPConnection("127.0.0.1", web.port, timeout=20)
    told = []
    for _ in range(9):
        told += [
            ask(kept, outside, "/v1/stock"),
            ask(kept, ended, "/v1/stock"),
            ask(kept, "", f"/v1/stock?key={outside}"),
        ]
    kept.close()
    assert [one.status for one in told] == [403, 401, 400] * 9
    rows = {name: status for name, status in settled().items() if name not in strangers}
    assert rows == {one.request_id: [one.status] for one in told}


def test_strangers_are_rows_up_to_a_limit_and_counted_beyond_it(web):
    cast()
    told: list[Asked] = hammered(web.port, "", clients=8, each=20, path="/v1/stock")
    assert {each.status for each in told} == {401, 429}
    rows = settled()
    assert len(rows) == admission.STRANGERS_LOGGED
    statuses = {each.request_id: [each.status] for each in told}
    assert all(statuses[request_id] == status for request_id, status in rows.items())
    assert sum(RefusedStrangers.objects.values_list("refusals", flat=True)) == len(told) == 160
