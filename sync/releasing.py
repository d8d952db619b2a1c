"""Lets pass what the brake holds back of a source, and has the shops read again for it."""

from catalog_mirror import brake
from catalog_mirror.models import Source
from groundwork.instants import database_now
from sync import runs


def release_brake(source: Source, *, actor: str, most: int | None = None) -> int:
    """Let as many leave as are held, or `most`; return how many. Raises `brake.NothingToRelease`."""
    released = brake.release(source, actor=actor, most=most)
    readers = Source.objects.filter(pk__in=brake.held_of(source).values("read_from_id"))
    for reader in readers.order_by("pk"):
        runs.want(reader, at=database_now())
    return released
