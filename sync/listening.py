"""Whether a source's shop tells us of its changes: the address it should call, and what it lacks."""

from contextlib import closing
from dataclasses import dataclass

from django.conf import settings

from catalog_mirror.models import Source
from groundwork.alarms import close_alarm, open_alarm
from sync import connections
from sync.budget import turns_of
from sync.connections import connector_for
from sync.connectors import Explained
from sync.http import ShopError
from sync.kinds import KINDS

ALARM = "webhooks_inactive"
UNASKED = "Shops of this kind cannot be asked whether they tell of changes."


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a shop's webhooks lack; `is_polled` where its kind of shop has none."""

    source: str
    delivery_url: str
    is_polled: bool
    problems: list[str]


def delivery_url(slug: str) -> str:
    """Return the address that the shop of a source is to call."""
    return f"{settings.PUBLIC_URL}/hooks/{slug}/"


def check(source: Source) -> Checked:
    """Ask the shop for its webhooks, note what they lack, and alarm; raise `ShopError`."""
    url = delivery_url(source.slug)
    try:
        with closing(connector_for(source)) as connector:
            found = connector.webhook_problems(url)
    except ShopError as error:
        told = f"They could not be looked at: {error}"
        connections.note_webhooks(source, problem=told)
        open_alarm(ALARM, subject=source.slug, message=_told(source, [told]))
        raise
    problems = found or []
    # What is not known to be told is not held for missed.
    connections.note_webhooks(source, problem=UNASKED if found is None else " ".join(problems))
    if problems:
        open_alarm(ALARM, subject=source.slug, message=_told(source, problems))
    else:
        close_alarm(ALARM, subject=source.slug)
    return Checked(source=source.slug, delivery_url=url, is_polled=found is None, problems=problems)


def explain(source: Source) -> Explained:
    """Return how a source's shop is understood, where that is a person's say; raise `ShopError`."""
    row = connections.row_of(source)
    turns = turns_of(source, per_second=row.requests_per_second)
    return KINDS[row.kind].explain(connections.unsealed_way(row), turns=turns)


def lines_to_paste(source: Source, url: str) -> list[str]:
    """Return what the shop's owner does so that it tells of changes; the secret is not shown again."""
    row = connections.row_of(source)
    return KINDS[row.kind].lines_to_paste(url, secret="", settings=row.settings)


def _told(source: Source, problems: list[str]) -> str:
    return (
        f"{source.name} does not tell us of every change, so some are seen only by the nightly sweep. "
        + " ".join(problems)
    )
