"""ETags that are cursors: a list has not changed where no candidate for it came up since (DELTA.md).

A tag names the snapshot that was answered from and is signed, for one customer, route and query. A list
that hangs on names as well (a filter by slug, the names of categories) may change with no variant moving;
its tag holds a digest of what was said, for the case that anything was written since.
"""

import base64
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import blake2b
from hmac import compare_digest
from uuid import UUID

from django.conf import settings

from contract.change_cursors import Mark
from contract.changed_rules import (
    ALL_RULES,
    VISIBILITY,
    Subjects,
    changed_subjects,
    is_quiet,
    terms_since,
)
from contract.delta import CANDIDATES
from contract.items import VIEW_VERSION
from contract.snapshots import Foreseen, Kept, Snapshot, newest_seen
from contract.stale_cursors import are_known, marks_statement
from groundwork.statements import Statement

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_PACKED = struct.Struct(">IQ16sQ8s")  # epoch, revision, nonce, microseconds, digest
_SIGNED = 12  # bytes; a tag that was guessed would say no more than that something moved
_MOST_TAGS = 20
NO_DIGEST = bytes(8)


@dataclass(frozen=True)
class Watched:
    """What a list is made of: rules of which tables, stock or not, names that are no variant's."""

    tables: tuple[str, ...]
    with_stock: bool
    by_content: bool = False


PRODUCTS = Watched(ALL_RULES, with_stock=True)
STOCK = Watched(VISIBILITY, with_stock=True)
NAMES = Watched(VISIBILITY, with_stock=False, by_content=True)


@dataclass(frozen=True)
class Tag:
    text: str
    epoch: int
    mark: Mark
    digest: bytes


@dataclass(frozen=True)
class Tags:
    """The tags of one customer, route and query; the same for all of the customer's keys."""

    customer_id: int
    route: str
    query: str

    def of(self, snapshot: Snapshot, digest: bytes) -> str:
        """Return the tag of what a snapshot says."""
        at = (snapshot.at - _BEGINNING) // timedelta(microseconds=1)
        nonce = snapshot.nonce.bytes
        packed = _PACKED.pack(snapshot.epoch, snapshot.revision, nonce, at, digest)
        signed = packed + self._signature(packed, _keys()[0])
        return f'W/"{base64.urlsafe_b64encode(signed).decode()}"'

    def newest_of(self, header: str) -> Tag | None:
        """Return the newest tag of ours: where nothing moved since an older one, nothing did since it."""
        tags = filter(None, map(self._opened, _listed(header)))
        return max(tags, key=lambda tag: (tag.epoch, tag.mark.revision, tag.mark.at), default=None)

    def _opened(self, text: str) -> Tag | None:
        try:
            signed = base64.b64decode(text, altchars=b"-_", validate=True)
        except ValueError:
            return None
        packed, signature = signed[:-_SIGNED], signed[-_SIGNED:]
        if len(packed) != _PACKED.size or not self._is_signed(packed, signature):
            return None
        epoch, revision, nonce, at, digest = _PACKED.unpack(packed)
        mark = Mark(revision, UUID(bytes=nonce), _BEGINNING + timedelta(microseconds=at))
        return Tag(f'W/"{text}"', epoch, mark, digest)

    def _is_signed(self, packed: bytes, signature: bytes) -> bool:
        return any(compare_digest(signature, self._signature(packed, key)) for key in _keys())

    def _signature(self, packed: bytes, key: bytes) -> bytes:
        whose = f"{self.customer_id}\n{VIEW_VERSION}\n{self.route}\n{self.query}\n".encode()
        return blake2b(whose + packed, key=key, digest_size=_SIGNED, person=b"etag").digest()


def digest_of(said: bytes) -> bytes:
    return blake2b(said, digest_size=len(NO_DIGEST), person=b"list").digest()


def is_unchanged(snapshot: Snapshot, tag: Tag, watched: Watched) -> bool:
    """Tell whether a list says at a snapshot what it said when the tag was made; in doubt it does not."""
    mark = tag.mark
    if tag.epoch != snapshot.epoch or not are_known(snapshot, [mark]):
        return False
    nothing_written = mark.revision == snapshot.revision
    if watched.by_content and not nothing_written:
        return False
    terms = terms_since(snapshot, mark.revision)
    subjects = changed_subjects(
        snapshot, terms, since=mark.revision, since_at=mark.at, tables=watched.tables
    )
    if nothing_written and subjects.are_none:
        return True
    return not snapshot.rows(*_first_candidate(mark, watched, subjects))


def foreseen_poll(kept: Kept, tag: Tag, watched: Watched) -> Foreseen:
    """Return what is probably read to tell whether a list is unchanged."""
    if is_quiet(kept, tag.mark, watched.tables):
        return Foreseen(is_all=True)
    if watched.by_content or not kept.revision <= tag.mark.revision < newest_seen():
        return Foreseen()
    first = _first_candidate(tag.mark, watched, Subjects())
    return Foreseen((marks_statement([tag.mark]), first))


def _first_candidate(mark: Mark, watched: Watched, subjects: Subjects) -> Statement:
    asked = {"since": mark.revision, "after": 0, "most": 1, "with_stock": watched.with_stock}
    return CANDIDATES, {**asked, **subjects.arrays}


def _listed(header: str) -> Iterator[str]:
    for each in header.split(",", _MOST_TAGS)[:_MOST_TAGS]:
        tag = each.strip().removeprefix("W/")
        if len(tag) > 1 and tag[0] == tag[-1] == '"' and tag.isascii():
            yield tag[1:-1]


@cache
def _keys() -> list[bytes]:
    return [blake2b(key.encode(), digest_size=32).digest() for key in settings.CURSOR_KEYS]
