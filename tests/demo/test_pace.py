"""A paced shop answers as late as the recorded one, and what it answers is the same."""

import pytest

from demo.storefront.http import Request, Response
from demo.storefront.pace import paced, seconds_for


def asked(**params: str) -> Request:
    return Request(
        method="GET", path="/wp-json/wc/v3/products", pairs=tuple(params.items()), base="http://shop",
        authorization="", accepts_gzip=False, origin="", form={},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("params", "total", "seconds"),
    [
        ({"per_page": "100"}, "500", 0.60),
        ({"per_page": "100", "_fields": "id"}, "500", 0.24),
        ({"per_page": "100", "offset": "480", "_fields": "id"}, "500", 0.088),
        ({"per_page": "100", "offset": "600"}, "500", 0.05),
        ({}, "500", 0.105),
    ],
)
def test_a_page_takes_what_it_took_when_it_was_recorded(params, total, seconds):
    response = Response(b"[]", headers={"X-WP-Total": total})
    assert seconds_for(asked(**params), response) == pytest.approx(seconds)


def test_it_waits_for_what_is_left_of_that_time():
    waited: list[float] = []
    answer = paced(lambda request: Response(b"[]"), waited.append)
    assert answer(asked(per_page="100")).body == b"[]"
    assert waited == [pytest.approx(0.0555, abs=0.02)]
