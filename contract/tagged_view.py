"""Lists that carry a tag, and are not told again to whoever holds it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse

from contract.admitting import Reader
from contract.etags import NO_DIGEST, Tag, Tags, Watched, digest_of, foreseen_poll, is_unchanged
from contract.partner_view import KEEPING, PartnerView
from contract.snapshots import Foreseen, Snapshot


class Said(NamedTuple):
    """A list's body, what of it does not change by itself, and headers of its own."""

    body: bytes
    content: bytes
    headers: Mapping[str, str]


class TaggedView(PartnerView):
    """An endpoint whose answers have an ETag; `watched` is what they are made of."""

    watched: Watched
    _tag_of: tuple[int, Tag | None] | None = None  # what was read of it for whom

    def foreseen(self, request: HttpRequest, reader: Reader, **named: Any) -> Foreseen:
        if tag := self._tag(request, reader.customer_id):
            return foreseen_poll(reader.kept, tag, self.watched)
        return self.read_ahead(request, reader, **named)

    def read_ahead(self, request: HttpRequest, reader: Reader, **_: Any) -> Foreseen:  # noqa: ARG002
        """Return what the whole list is read with."""
        return Foreseen()

    def listed(
        self,
        request: HttpRequest,
        said: Callable[[Snapshot], Said],
        *,
        by_content: bool = False,
    ) -> HttpResponse:
        """Return a list with its tag, or 304 where the partner's tag says that it has it already.

        What `by_content` is watched may change with no variant moving: what a slug of a filter stands for.
        """
        watched = replace(self.watched, by_content=by_content or self.watched.by_content)
        tag = self._tag(request, self.customer_id)
        since = (tag.mark.at, tag.mark.revision) if tag else (None, 0)
        with self.snapshot(since[0], at_least=since[1]) as snapshot:
            if tag and is_unchanged(snapshot, tag, watched):
                return self._not_modified(tag)
            answer = said(snapshot)
            digest = digest_of(answer.content) if watched.by_content else NO_DIGEST
            if tag and watched.by_content and tag.digest == digest:
                return self._not_modified(tag)
            made = self._tags(request, self.customer_id).of(snapshot, digest)
            return self.answer(answer.body, {"ETag": made, **answer.headers})

    def _not_modified(self, tag: Tag) -> HttpResponse:
        response = HttpResponse(
            status=304, headers={"ETag": tag.text, "X-Revision": str(self.revision), **KEEPING}
        )
        del response.headers["Content-Type"]  # it has no content
        return response

    def _tag(self, request: HttpRequest, customer_id: int) -> Tag | None:
        """Return the newest tag of ours that the partner holds; it is looked for once a request."""
        if self._tag_of is None or self._tag_of[0] != customer_id:
            held = request.META.get("HTTP_IF_NONE_MATCH", "")
            self._tag_of = customer_id, self._tags(request, customer_id).newest_of(held)
        return self._tag_of[1]

    def _tags(self, request: HttpRequest, customer_id: int) -> Tags:
        return Tags(customer_id, self.route, request.META.get("QUERY_STRING", ""))
