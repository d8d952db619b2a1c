"""The cursor of `/v1/changes`: a revision and an instant, and while a pass runs, where it stands."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from contract.cursors import CursorInvalid, opened, sealed
from contract.items import VIEW_VERSION

FACETS = ("product", "price", "stock")
_KIND = "changes"


@dataclass(frozen=True)
class Mark:
    """A point in the life of the installation. The nonce tells a number that was given out twice."""

    revision: int
    nonce: UUID
    at: datetime

    def packed(self) -> list[Any]:
        return [self.revision, self.nonce.hex, self.at.isoformat()]


def _mark(packed: list[Any] | None) -> Mark | None:
    if packed is None:
        return None
    revision, nonce, at = packed
    return Mark(revision, UUID(nonce), datetime.fromisoformat(at))


@dataclass(frozen=True)
class ChangeCursor:
    """`since` is None for an enumeration; `target` is what a pass that runs will end at.

    `facets` are those the feed tells of; what appears and disappears it tells of in any case.
    """

    epoch: int
    since: Mark | None
    target: Mark | None
    position: int = 0
    view_version: int = VIEW_VERSION
    facets: tuple[str, ...] = FACETS

    @property
    def not_before(self) -> datetime | None:
        """The latest instant the cursor names: a page's own is never earlier."""
        return max((mark.at for mark in self.marks), default=None)

    @property
    def at_least(self) -> int:
        """The latest revision the cursor names: a page's own is never earlier."""
        return max((mark.revision for mark in self.marks), default=0)

    @property
    def marks(self) -> list[Mark]:
        return [mark for mark in (self.since, self.target) if mark]

    def onward(self, target: Mark, position: int) -> "ChangeCursor":
        return replace(self, target=target, position=position)

    def ended(self, target: Mark) -> "ChangeCursor":
        """Return the cursor of the pass that follows one to `target`."""
        return replace(self, since=target, target=None, position=0)

    def sealed(self, customer_id: int) -> str:
        return sealed(
            customer_id,
            _KIND,
            [
                self.epoch,
                self.since and self.since.packed(),
                self.target and self.target.packed(),
                self.position,
                self.view_version,
                [FACETS.index(facet) for facet in self.facets],
            ],
        )


def change_cursor(text: str, *, customer_id: int) -> ChangeCursor:
    """Open a cursor; raise `CursorInvalid` for any that is not this customer's."""
    content = opened(text, customer_id=customer_id, kind=_KIND)
    try:
        epoch, since, target, position, version, *facets = content
        told = tuple(FACETS[number] for number in facets[0]) if facets else FACETS
        return ChangeCursor(epoch, _mark(since), _mark(target), position, version, told)
    except (
        TypeError,
        ValueError,
        IndexError,
    ) as error:  # sealed by another version of this program
        raise CursorInvalid from error
