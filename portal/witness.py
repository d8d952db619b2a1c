"""A witness outside the database to how far it had come, so that a restored backup is noticed.

The database cannot know that it is a backup: its own newest revision is all that it ever knew. Redis
keeps the newest that a worker saw; where the database does not know that one, it was restored.
"""

from dataclasses import dataclass
from functools import lru_cache

import orjson
import redis
import structlog
from django.conf import settings
from django.db import connection

from groundwork import engines
from groundwork.alarms import close_alarm, open_alarm

log = structlog.get_logger(__name__)

RESTORED = "restore_unmarked"
_SECONDS = 1  # that Redis has for an answer
_NEWEST = """
    select (select max(number) from catalog_mirror_epoch), number, nonce::text
    from catalog_mirror_revision order by number desc limit 1
"""
_KNOWS = (
    "select exists (select from catalog_mirror_revision where number = %s and nonce = %s::uuid)"
)


@dataclass(frozen=True)
class Position:
    """How far the database had come."""

    epoch: int
    number: int
    nonce: str


def attend() -> None:
    """Note how far the database has come, or call a person where it has gone back."""
    seen = _seen()
    if seen and is_restored(seen):
        open_alarm(RESTORED, subject="database", message=advice(seen))
        return
    close_alarm(RESTORED, subject="database")
    _redis().set(_key(), orjson.dumps(_newest()))


def advice(seen: Position) -> str:
    """Return what to do where the database does not know what was seen of it."""
    above = f" --above {seen.epoch}" if seen.epoch > _newest().epoch else ""
    return (
        "The database was restored from a backup, or another one was put in its place: end what serves "
        f"partners, run `manage.py start_epoch{above}`, and start it again."
    )


def is_restored(seen: Position) -> bool:
    """Tell whether the database does not know what it once knew, and no new epoch was begun since."""
    epoch = _newest().epoch
    if epoch > seen.epoch:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_KNOWS, [seen.number, seen.nonce])
        return epoch < seen.epoch or not cursor.fetchone()[0]


def witnessed() -> Position | None:
    """Return how far a worker saw the database come; None where no one saw, or Redis is away."""
    try:
        return _seen()
    except redis.RedisError:
        return None


def _seen() -> Position | None:
    kept = _redis().get(_key())
    return Position(**orjson.loads(kept)) if isinstance(kept, bytes) else None


def _newest() -> Position:
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST)
        return Position(*cursor.fetchone())


def _key() -> str:
    return f"tradecounter:{connection.settings_dict['NAME']}:witness"


def ping() -> None:
    """Raise `redis.RedisError` where Redis does not answer."""
    _redis().ping()


def _redis() -> "redis.Redis":
    return _client(settings.REDIS_URL or engines.ensure().redis_url)


@lru_cache(maxsize=2)
def _client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(
        url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, retry=None
    )
