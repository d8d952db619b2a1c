"""How long WooCommerce takes for an answer, as recorded on two cores, for who measures against it."""

import threading
import time
from collections.abc import Callable

from demo.storefront.http import Request, Response

# Seconds: one record took 0.05, a page of 100 products 0.60, or 0.24 with few `_fields` (recorded). Asked
# for with `_fields` all are taken for the quicker kind, which is the harder one to keep up with.
FIRST, EACH, EACH_OF_FIELDS = 0.05, 0.0055, 0.0019
PER_PAGE = 10  # where a request does not say


def seconds_for(request: Request, response: Response) -> float:
    """Return how long the recorded shop would have taken for this."""
    total = int(response.headers.get("X-WP-Total", "1"))
    size = int(_text(request, "per_page") or PER_PAGE)
    offset = int(_text(request, "offset") or 0)
    records = max(0, min(size, total - offset))
    return FIRST + records * (EACH_OF_FIELDS if _text(request, "_fields") else EACH)


def _text(request: Request, name: str) -> str:
    return next((value for key, value in request.pairs if key == name), "")


def paced(
    answer: Callable[[Request], Response], wait: Callable[[float], object] | None = None
) -> Callable[[Request], Response]:
    """Return what answers no sooner than the recorded shop would."""
    wait = wait or threading.Event().wait

    def answer_in_time(request: Request) -> Response:
        began = time.monotonic()
        response = answer(request)
        wait(max(0.0, seconds_for(request, response) - (time.monotonic() - began)))
        return response

    return answer_in_time
