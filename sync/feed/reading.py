"""Reads a feed page by page, or a file of the configured folder."""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from django.conf import settings

from sync.addresses import shown
from sync.connectors import Way, WrongSettings
from sync.feed.formats import document_of, lines_of, listed
from sync.feed.maps import FieldMap
from sync.feed.rules import pick, text_of
from sync.http import LARGEST, Answer, Question, ShopAnswersNonsense, ShopUnreachable, Turns, Wire
from sync.signing import FourKeys, basic_header, bearer_header, escaped, oauth_header

FILE = "file:"
MOST_PAGES = 1_000_000  # of one reading; a list that never ends is broken
_OK, _NOT_FOUND = 200, 404
_NEXT = re.compile(r"""<([^<>]*)>(?=[^<]*;\s*rel\s*=\s*"?next\b)""", re.IGNORECASE)


class Reader:
    """Reads one feed. `wire` is None where it lies in the folder."""

    def __init__(self, way: Way, field_map: FieldMap, *, turns: Turns) -> None:
        self._way, self._map = way, field_map
        self.wire = None if way.base_url.startswith(FILE) else Wire(turns=turns)

    def records(self) -> Iterator[Any]:
        """Yield the records of the whole feed, as they stand there."""
        if self.wire is None:
            yield from self._file(_path_now(self._way.base_url))
        elif self._map.format == "json":
            for page in self._pages():
                yield from page
        else:
            yield from self._saved(self.wire)

    def by_id(self, ids: list[str]) -> list[Any]:
        """Return the records that the feed has of these ids, where the map says how to ask."""
        answer = self._ask(with_params(self._first(), {self._map.by_id: ",".join(ids)}))
        return listed(document_of(answer.body), self._map)

    def _file(self, path: Path) -> Iterator[Any]:
        try:
            with path.open("rb") as file:
                before = _stamp(file)
                if self._map.format == "json":
                    body = file.read(LARGEST + 1)
                else:
                    yield from lines_of(file, self._map)
                if _stamp(file) != before:
                    raise ShopAnswersNonsense(
                        f"The file {path.name} was written while it was read. Write it under another "
                        "name and rename it."
                    )
        except OSError as error:
            raise ShopAnswersNonsense(
                f"The file {path.name} cannot be read ({error.strerror}). Look into the folder of feeds."
            ) from error
        if self._map.format != "json":
            return
        if len(body) > LARGEST:
            raise ShopAnswersNonsense(
                f"The file {path.name} has more than {LARGEST // 2**20} MiB of JSON. Write JSON Lines."
            )
        yield from listed(document_of(body), self._map)

    def _saved(self, wire: Wire) -> Iterator[Any]:
        with tempfile.TemporaryFile() as file:
            answer = wire.save(lambda: self._signed(self._way.base_url), into=file)
            _refuse_odd(answer)
            file.seek(0)
            yield from lines_of(file, self._map)

    def _pages(self) -> Iterator[list[Any]]:
        url: str | None = self._first()
        asked: set[str] = set()
        first: Any = None
        number = read = 0
        while url is not None:
            if url in asked or number == MOST_PAGES:
                raise ShopAnswersNonsense(
                    f"The feed's pages come round to {shown(url)} again. Look at the map's `paging`."
                )
            asked.add(url)
            answer = self._ask(url)
            document = document_of(answer.body)
            records = listed(document, self._map)
            if number and records and records[0] == first:
                raise ShopAnswersNonsense(
                    "The feed gives the same page again and again. Look at the map's `paging`: it may "
                    "name its parameter otherwise."
                )
            yield records
            first, number, read = (records or [None])[0], number + 1, read + len(records)
            url = self._next(url, document, answer, _Told(number, read, len(records)))

    def _first(self) -> str:
        paging, params = self._map.paging, {}
        if paging.size_param:
            params[paging.size_param] = str(paging.size)
        if paging.kind in {"page", "offset"}:
            params[paging.param] = str(paging.first)
        return with_params(self._way.base_url, params)

    def _next(self, url: str, document: Any, answer: Answer, told: "_Told") -> str | None:
        """Return the address of the next page, None after the last."""
        paging = self._map.paging
        if paging.kind == "none":
            return None
        if paging.kind == "next":
            return self._linked(url, document, answer)
        if paging.kind == "cursor":
            cursor = _told_by(document, answer, path=paging.path, header=paging.header)
            return with_params(self._first(), {paging.param: cursor}) if cursor else None
        # A page that is short may be so because the feed gives less than it was asked for: only an
        # empty one is the last, unless the feed tells how many there are.
        last = _told_by(document, answer, path=paging.last_path, header=paging.last_header)
        if not told.size or (last.isdecimal() and told.pages >= int(last)):
            return None
        step = told.pages if paging.kind == "page" else told.read
        return with_params(self._first(), {paging.param: str(paging.first + step)})

    def _linked(self, url: str, document: Any, answer: Answer) -> str | None:
        paging = self._map.paging
        if paging.path:
            found = text_of(pick(document, paging.path))
        else:
            found = _link(answer.headers.get(paging.header, ""))
        if not found:
            return None
        link = urljoin(url, found)
        if urlsplit(link)[:2] != urlsplit(self._way.base_url)[:2]:
            raise ShopAnswersNonsense(
                f"The feed's next page is at {shown(link)}, another host: it is not followed."
            )
        return link

    def _ask(self, url: str) -> Answer:
        assert self.wire  # noqa: S101 - for the type checker: a file is not asked
        answer = self.wire.send("GET", lambda: self._signed(url))
        _refuse_odd(answer)
        return answer

    def _signed(self, url: str) -> Question:
        return Question(url, {**self._map.headers, **authorization(url, self._way.key, self._map)})


@dataclass(frozen=True)
class _Told:
    """How far the reading is: pages, records, and how many the last page had."""

    pages: int
    read: int
    size: int


def authorization(url: str, key: Mapping[str, str], field_map: FieldMap) -> dict[str, str]:
    """Return the headers that open a feed, by what was given of its key."""
    if key.get("token_secret"):
        return oauth_header(url, FourKeys(**key), realm=field_map.realm)
    if token := key.get("token"):
        named = field_map.auth_header
        return {named: token} if named else bearer_header(token)
    if user := key.get("consumer_key"):
        return basic_header(user, key.get("consumer_secret", ""))
    return {}


def path_of(address: str) -> Path:
    """Return the file of an address in the configured folder; raise `WrongSettings` for one outside."""
    if not settings.FEED_FOLDER:
        raise WrongSettings("Set FEED_FOLDER to the one folder that feeds are read from.")
    folder = Path(settings.FEED_FOLDER).resolve()
    path = (folder / address.removeprefix(FILE)).resolve()
    if not path.is_relative_to(folder) or path == folder:
        raise WrongSettings(f"A feed's file lies in {folder}, and {address} does not.")
    return path


def _stamp(file: IO[bytes]) -> tuple[int, int]:
    """Return what moves when a file is written."""
    found = os.fstat(file.fileno())
    return found.st_size, found.st_mtime_ns


def _path_now(address: str) -> Path:
    try:
        return path_of(address)
    except WrongSettings as error:  # the folder was set otherwise meanwhile
        raise ShopUnreachable(str(error)) from error


def with_params(url: str, params: Mapping[str, str]) -> str:
    """Return an address with parameters put in place of those of the same name."""
    parts = urlsplit(url)
    kept = [
        each for each in parse_qsl(parts.query, keep_blank_values=True) if each[0] not in params
    ]
    query = "&".join(f"{escaped(k)}={escaped(v)}" for k, v in [*kept, *params.items()])
    return parts._replace(query=query).geturl()


def _told_by(document: Any, answer: Answer, *, path: str, header: str) -> str:
    if path:
        return text_of(pick(document, path))
    return answer.headers.get(header, "").strip() if header else ""


def _link(header: str) -> str:
    """Return the address that a Link header (RFC 8288) names as the next."""
    found = _NEXT.search(header)
    return found[1] if found else ""


def _refuse_odd(answer: Answer) -> None:
    if answer.status != _OK:
        hint = (
            "Give the address of the list itself."
            if answer.status == _NOT_FOUND
            else "Ask its maker."
        )
        raise ShopAnswersNonsense(f"The feed answers with status {answer.status}. {hint}")


@contextmanager
def closing_wire(reader: Reader) -> Iterator[Reader]:
    try:
        yield reader
    finally:
        if reader.wire is not None:
            reader.wire.close()
