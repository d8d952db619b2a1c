"""What partners ask of their webhooks, read from JSON bodies; what is wrong is named."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.http import HttpRequest

from contract.parameters import nearest
from contract.problems import Problem, bad_parameter
from groundwork.instants import InstantRefused, instant
from outbound_hooks.models import FACETS

LARGEST_BODY = 16 * 1024
_LONGEST_TEXT = 200
_ENDED = ("delivered", "dead", "cancelled")


@dataclass(frozen=True)
class Replay:
    """What to tell once more: one delivery, or those of a time that ended so."""

    delivery: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    statuses: tuple[str, ...] = field(default=("dead",))


def endpoint_wanted(request: HttpRequest) -> dict[str, Any]:
    """Return what a new endpoint is to say."""
    said = _read(request, _ENDPOINT)
    if "url" not in said:
        raise bad_parameter("url", "An endpoint has one.")
    return said


def endpoint_changed(request: HttpRequest) -> dict[str, Any]:
    """Return what an endpoint is to say otherwise."""
    return _read(request, _ENDPOINT)


def nothing(request: HttpRequest) -> None:
    """Refuse a body where none is asked for; an empty object will do."""
    if request.headers.get("Content-Length", "0") not in ("", "0"):
        _read(request, {})


def replay_wanted(request: HttpRequest) -> Replay:
    said = _read(request, _REPLAY)
    if "delivery" in said and len(said) > 1:
        raise bad_parameter("delivery", "Name one delivery, or a time and how they ended.")
    since, until = said.get("since"), said.get("until")
    if since and until and until <= since:
        raise bad_parameter("until", "It is not after `since`.")
    return Replay(said.get("delivery"), since, until, said.get("status", ("dead",)))


def _read(request: HttpRequest, known: Mapping[str, Callable[[str, Any], Any]]) -> dict[str, Any]:
    said = _object(request)
    for name in said:
        if name not in known:
            asked = nearest(name, sorted(known))
            raise bad_parameter(name[:50], f"There is no such member here. {asked}")
    return {name: known[name](name, value) for name, value in said.items()}


def _object(request: HttpRequest) -> dict[str, Any]:
    declared = request.headers.get("Content-Length", "")
    if not declared.isdecimal() or int(declared) > LARGEST_BODY:
        raise Problem(
            413, "body_too_large", f"A body has a length, and at most {LARGEST_BODY} bytes."
        )
    try:
        said = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise Problem(400, "invalid_body", "The body is no JSON.") from None
    if not isinstance(said, dict):
        raise Problem(400, "invalid_body", "The body is a JSON object.")
    return said


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or "\0" in value:
        raise bad_parameter(name, f"Text of at most {_LONGEST_TEXT} characters.")
    return value


def _url(name: str, value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise bad_parameter(name, "Text: the URL of your receiver.")
    return value  # what else is wrong with it, `addresses` tells


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise bad_parameter(name, "true or false.")
    return value


def _facets(name: str, value: Any) -> list[str]:
    return list(_some_of(name, value, FACETS))


def _ends(name: str, value: Any) -> tuple[str, ...]:
    return _some_of(name, value, _ENDED)


def _some_of(name: str, value: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or any(each not in known for each in value):
        raise bad_parameter(name, f"A list of some of {', '.join(known)}.")
    return tuple(each for each in known if each in value)


def _instant(name: str, value: Any) -> datetime:
    try:
        return instant(value if isinstance(value, str) else "")
    except InstantRefused as refused:
        raise bad_parameter(name, str(refused)) from None


_ENDPOINT: dict[str, Callable[[str, Any], Any]] = {
    "url": _url,
    "facets": _facets,
    "description": _text,
    "signs_body": _flag,
}
_REPLAY: dict[str, Callable[[str, Any], Any]] = {
    "delivery": _text,
    "since": _instant,
    "until": _instant,
    "status": _ends,
}
