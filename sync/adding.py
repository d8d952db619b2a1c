"""Adds a source: what its shop tells of itself, and the way to it, kept together."""

import re
from dataclasses import dataclass
from datetime import time
from secrets import token_urlsafe

from django.db import IntegrityError, transaction
from django.db.models import Max

from catalog_mirror.models import SANDBOX_SLUG, SANDBOX_SOURCE, Source
from sync.connections import connect, set_hook_secret
from sync.connectors import Found, Way
from sync.kinds import KINDS
from sync.polling import plan

FIRST_RANK, RANK_STEP = 100, 10


class SourceExists(Exception):
    """The slug is taken; it is part of the contract and names one source forever."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is a source {slug} already. Choose another slug.")


class SourceUnfit(Exception):
    """What the shop or a person says of a source cannot be kept; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a person says of a new source; `rank` None puts it behind those there are."""

    slug: str
    kind: str
    way: Way
    name: str
    rank: int | None
    sku_prefix: str
    per_second: float
    sweep_at: time


def new_hook_secret() -> str:
    """Return 256 random bits in characters that no form and no shop changes."""
    return token_urlsafe(32)


def refuse_taken(slug: str) -> None:
    """Raise `SourceExists`; the sandbox's slug is taken before there is one."""
    if slug == SANDBOX_SLUG or Source.objects.filter(slug=slug).exists():
        raise SourceExists(slug)


def refuse_unfit(wanted: Wanted, shop: Found) -> None:
    """Raise `SourceUnfit` for what the database would refuse."""
    if not re.fullmatch("[A-Z]{3}", shop.currency):
        raise SourceUnfit(
            f"The shop's currency is {shop.currency[:20]!r}. Set it there to one of ISO 4217, such as USD."
        )
    if re.search(r"[\x00-\x1f\x7f-\x9f]", wanted.sku_prefix):
        raise SourceUnfit("The prefix of SKUs holds a control character. Give another.")


def add_source(wanted: Wanted, *, shop: Found, hook_secret: str) -> Source:
    """Create a source and its connection; raise `SourceExists` or `SourceUnfit`."""
    refuse_taken(wanted.slug)
    refuse_unfit(wanted, shop)
    last = Source.objects.exclude(pk=SANDBOX_SOURCE).aggregate(last=Max("rank"))["last"]
    behind = FIRST_RANK if last is None else last + RANK_STEP
    try:
        with transaction.atomic():
            source = Source.objects.create(
                slug=wanted.slug,
                name=wanted.name or shop.name or wanted.slug,
                currency=shop.currency,
                time_zone=shop.time_zone,
                prices_include_tax=shop.prices_include_tax,
                rank=behind if wanted.rank is None else wanted.rank,
                sku_prefix=wanted.sku_prefix,
            )
            connect(
                source,
                kind=wanted.kind,
                way=wanted.way,
                per_second=wanted.per_second,
                sweep_at=wanted.sweep_at,
            )
            if hook_secret:
                set_hook_secret(source, hook_secret)
            plan(source, KINDS[wanted.kind].polls)
    except IntegrityError as error:
        raise SourceExists(wanted.slug) from error
    return source
