"""Reads lists that move while they are read, without losing a record."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sync.http import ShopAnswersNonsense
from sync.woocommerce.client import Client, Listed, Params

PER_PAGE = 100  # the most that WooCommerce gives
PASSES = 2  # how often a list is read whose total was not met

Json = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """How far a list was read: where the next page begins, the last id, and how many were read."""

    offset: int = 0
    last: int = -1
    read: int = 0


@dataclass(frozen=True)
class Page:
    observed_at: datetime
    records: list[Json]
    place: Place = Place()


class Reader:
    """Reads whole lists. `clock` is the database's, read before each request."""

    def __init__(self, client: Client, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._clock = clock

    def by_id(self, path: str, *, start: Place = Place(), **params: str | int) -> Iterator[Page]:
        """Yield a list's records once each, ordered by id; with `start` those after a page's place.

        What the shop's total still misses at the end is looked for once more from the start.
        """
        seen: set[int] = set()
        for place in (start, *[Place()] * (PASSES - 1)):
            total = 0
            for page, told in self._once(path, params, place):
                total = told
                fresh = [
                    each
                    for each in page.records
                    if each["id"] > place.last and each["id"] not in seen
                ]
                seen.update(each["id"] for each in fresh)
                if fresh:
                    read = place.read + len(seen)
                    yield Page(page.observed_at, fresh, replace(page.place, read=read))
            if place.read + len(seen) >= total:
                return

    def _once(self, path: str, params: Params, place: Place) -> Iterator[tuple[Page, int]]:
        """Yield the pages, each with the total told; records may repeat.

        Each page begins with the last record of the one before. Where it begins later, records before
        it went away meanwhile and others moved up unseen, so reading steps back; not twice for the same
        record, because a shop leaves out of its pages what it cannot make a product of.
        """
        offset, last, excused, is_stepping = place.offset, place.last, -1, False
        while True:
            observed_at = self._clock()
            listed = self._listed(path, params, offset)
            ids = [each["id"] for each in listed.records]
            begins_late = offset > 0 and (not ids or ids[0] > last)
            if begins_late and (is_stepping or last != excused):
                offset, excused, is_stepping = max(0, offset - PER_PAGE), last, True
                continue
            if not ids and last >= 0:
                raise ShopAnswersNonsense(
                    f"The shop's list {path} ended in the middle. Try again; if it stays so, look for a "
                    "cache in front of the shop."
                )
            is_stepping = False
            is_last = offset + PER_PAGE >= listed.total
            offset, last = offset + PER_PAGE - 1, max([last, *ids])
            yield Page(observed_at, listed.records, Place(offset, last)), listed.total
            if is_last:
                return

    def _listed(self, path: str, params: Params, offset: int) -> Listed:
        listed = self._client.page(
            path, **params, per_page=PER_PAGE, offset=offset, orderby="id", order="asc"
        )
        _check_ids(path, listed)
        return listed

    def pages(self, path: str, **params: str | int) -> list[Json]:
        """Return a short list whole, page by page in the shop's own order."""
        found: dict[int, Json] = {}
        total = 0
        for _ in range(PASSES):
            number = 1
            while True:
                listed = self._client.page(path, **params, per_page=PER_PAGE, page=number)
                _check_ids(path, listed)
                found |= {each["id"]: each for each in listed.records}
                number, total = number + 1, listed.total
                if not listed.records or (number - 1) * PER_PAGE >= total:
                    break
            if len(found) >= total:
                break
        return list(found.values())

    def chosen(self, path: str, ids: list[str], **params: str | int) -> list[Json]:
        """Return those of the named records that the list has, 100 at a time."""
        found: list[Json] = []
        for start in range(0, len(ids), PER_PAGE):
            listed = self._client.page(
                path, **params, per_page=PER_PAGE, include=",".join(ids[start : start + PER_PAGE])
            )
            _check_ids(path, listed)
            found += listed.records
        return found


def _check_ids(path: str, listed: Listed) -> None:
    if not all(isinstance(each.get("id"), int) for each in listed.records):
        raise ShopAnswersNonsense(
            f"The shop's answer for {path} holds records without an id: it is not WooCommerce's."
        )
