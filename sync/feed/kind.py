"""A feed as a kind of shop."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, ClassVar, Literal

import orjson

from sync.addresses import web_address
from sync.connectors import Asked, Clock, Explained, Found, Way, WrongSettings
from sync.feed.connector import Feed
from sync.feed.hooks import SIGNATURE, Push
from sync.feed.mapping import explained, places_of
from sync.feed.maps import FieldMap, map_of
from sync.feed.reading import FILE, Reader, closing_wire, path_of
from sync.http import Turns

_LOOKED_AT = 20  # records from whose first a thing to sell is taken
_SHOWN = 2000  # characters of a record


class FeedKind:
    asks = (
        Asked(name="consumer_key", prompt="User, or consumer key", flag="key", is_optional=True),
        Asked(
            name="consumer_secret",
            prompt="Password",
            flag="secret",
            is_secret=True,
            is_optional=True,
        ),
        Asked(name="token", prompt="Token", flag="token", is_secret=True, is_optional=True),
        Asked(
            name="token_secret",
            prompt="Token secret",
            flag="token_secret",
            is_secret=True,
            is_optional=True,
        ),
    )
    signing: Literal["ours", "theirs", "none"] = "ours"
    can_check = False
    polls: ClassVar[Mapping[str, Any]] = {}

    def address(self, text: str) -> str:
        if not text.startswith(FILE):
            return web_address(text, may_ask=True)
        path_of(text)
        return text

    def settings(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return the map, checked; it comes as the text of a file."""
        text = said.get("map")
        if not text:
            raise WrongSettings("A feed wants --map FILE, which says how it is read.")
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise WrongSettings(f"The map is no JSON: {error}.") from error
        map_of(found)
        return {"map": found}

    def connector(self, way: Way, *, turns: Turns, clock: Clock) -> Feed:
        field_map = _map(way)
        return Feed(Reader(way, field_map, turns=turns), field_map, clock)

    def look_at(self, way: Way, *, turns: Turns) -> Found:
        field_map = _map(way)
        with closing_wire(Reader(way, field_map, turns=turns)) as reader:
            records = list(islice(reader.records(), _LOOKED_AT))
        count = f"{len(records)}{' or more' if len(records) == _LOOKED_AT else ''}"
        return Found(
            name=field_map.name,
            currency=field_map.currency,
            time_zone=field_map.time_zone,
            prices_include_tax=field_map.prices_include_tax,
            what=f"a {field_map.format} feed of {count} records",
        )

    def explain(self, way: Way, *, turns: Turns) -> Explained:
        """Show the first record and what the map makes of it.

        What fails in each of the first records is the map's fault; what fails in one is the record's.
        """
        field_map = _map(way)
        with closing_wire(Reader(way, field_map, turns=turns)) as reader:
            places = list(places_of(list(islice(reader.records(), _LOOKED_AT)), field_map))
        if not places:
            return Explained(("The feed lists no record that could be shown.",))
        looked = [{name: rest for name, *rest in explained(each, field_map)} for each in places]
        shown = orjson.dumps(places[0].record if places[0] else None, default=str).decode()
        lines, problems = [f"First record: {shown[:_SHOWN]}"], []
        for name, (value, problem) in looked[0].items():
            lines.append(f"  {name} = {value or f'FAILS ({problem})'}")
            if problem and all(each.get(name, ["", "-"])[1] for each in looked):
                problems.append(f"{problem}.")
        return Explained(tuple(lines), tuple(problems))

    def dialect(self, settings: Mapping[str, Any]) -> Push:
        return Push(map_of(settings["map"]).push_id)

    def lines_to_paste(self, url: str, *, secret: str, settings: Mapping[str, Any]) -> list[str]:
        return list(_to_paste(url, secret, map_of(settings["map"])))


def _map(way: Way) -> FieldMap:
    return map_of(way.settings["map"])


def _to_paste(url: str, secret: str, field_map: FieldMap) -> Iterator[str]:
    yield "Whoever makes the feed may tell that it changed; without that it is read each night:"
    yield f"  POST {url}"
    yield f"  {SIGNATURE}: sha256=(hex of the HMAC-SHA256 over the raw body)"
    yield f"  Secret  {secret or '(the one that this source was given)'}"
    if field_map.push_id:
        yield f"  Body    JSON with the product's id at {field_map.push_id}"
    else:
        yield "  Body    anything; the whole feed is read within minutes"
