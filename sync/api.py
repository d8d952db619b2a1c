"""Where shops call: `POST /hooks/<source>/`."""

from typing import cast

from django.db import transaction
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from sync import hearing, tasks


@csrf_exempt
@require_POST
def hook(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer a delivery at once; what it tells is followed by a worker.

    Never a redirect: a shop takes one for success and the event would be lost. Who is refused is not
    told why, nor whether the source exists.
    """
    try:
        body = _body(request)
    except UnreadablePostError:  # it hung up
        return HttpResponse(status=400)
    if body is None:
        hearing.refuse_large(slug)
        return HttpResponse("Too large.", status=413, content_type="text/plain")
    try:
        source_id = hearing.hear(slug, headers=request.headers, body=body)
    except hearing.DeliveryRefused:
        return HttpResponse("Not accepted.", status=401, content_type="text/plain")
    except hearing.TooManyDeliveries as error:
        headers = {"Retry-After": str(error.retry_after)}
        return HttpResponse("Too many.", status=429, headers=headers, content_type="text/plain")
    if source_id is not None:
        transaction.on_commit(lambda: tasks.wake(source_id))
    return HttpResponse(status=200)


def _body(request: HttpRequest) -> bytes | None:
    """Return the raw body; None where it is larger than a delivery may be, told or not."""
    told = request.META.get("CONTENT_LENGTH") or "0"
    if not told.isdecimal() or int(told) > hearing.LARGEST:
        return None
    # Django reads nothing without a length; the server hands over chunks as they come.
    is_chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    stream = request.META["wsgi.input"] if is_chunked else request
    body = cast("bytes", stream.read(hearing.LARGEST + 1))
    return None if len(body) > hearing.LARGEST else body
