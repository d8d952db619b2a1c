"""A map: the JSON by which a person says how a feed is read; checked before anything is asked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import available_timezones

from sync.connectors import WrongSettings
from sync.feed.rules import RULES, Spec, rules_of

FORMATS = ("json", "jsonl", "csv")
PAGINGS = ("none", "page", "offset", "cursor", "next")
TEXTS = (
    "id", "sku", "name", "product_id", "product_code", "product_name", "url", "brand", "brand_id",
    "description", "gtin", "weight_unit", "status",
)  # fmt: skip
NUMBERS = ("list_price", "sale_price", "on_hand", "reserved", "incoming", "weight")
TRUTHS = ("is_published", "is_deleted")
LISTS = ("categories", "images")
TABLES = ("options", "attributes")
REQUIRED = ("id", "sku", "name", "list_price")
_LEVELS = ("location", "on_hand", "reserved", "incoming")
_KNOWN = {
    "format", "records", "paging", "currency", "time_zone", "prices_include_tax", "name", "snapshot",
    "headers", "auth", "realm", "csv", "variants", "by_id", "push", "category_levels", "levels", "fields",
    "last_line_ends",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Paging:
    """How a list goes on; `last` is where it tells the number of its pages, a path or a header."""

    kind: str = "none"
    param: str = ""
    size_param: str = ""
    size: int = 100
    first: int = 1
    path: str = ""
    header: str = ""
    last_path: str = ""
    last_header: str = ""


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Stock that lies in several places: a list in each record."""

    list: str
    fields: Mapping[str, Spec]


@dataclass(frozen=True, kw_only=True)
class FieldMap:
    """A map as it is used. `is_snapshot`: what a whole reading does not name is gone."""

    format: str
    records: str
    paging: Paging
    fields: Mapping[str, Spec]
    tables: Mapping[str, Mapping[str, Spec]]
    levels: Levels | None = None
    variants: str = ""
    category_levels: str = ""
    is_snapshot: bool = True
    by_id: str = ""
    push_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    auth_header: str = ""
    realm: str = ""
    last_line_ends: bool = True
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    name: str = ""
    currency: str = ""
    time_zone: str = "UTC"
    prices_include_tax: bool = False


def map_of(said: Any) -> FieldMap:
    """Return the map that a person wrote; raise `WrongSettings` with what to mend."""
    if not isinstance(said, dict):
        raise WrongSettings("A map is a JSON object with `fields`; see docs/sources/feed.md.")
    _refuse_unknown(said, _KNOWN, "A map")
    fields, tables = _fields(_object(said, "fields"))
    levels = _object(said, "levels")
    lacks = [name for name in REQUIRED if name not in fields]
    if lacks:
        raise WrongSettings(f"The map's fields lack {', '.join(lacks)}.")
    csv, auth, push = _object(said, "csv"), _object(said, "auth"), _object(said, "push")
    return FieldMap(
        format=_one_of(said.get("format", "json"), FORMATS, "format"),
        records=_text(said, "records"),
        paging=_paging(_object(said, "paging")),
        fields=fields,
        tables=tables,
        levels=_levels(levels) if levels else None,
        variants=_text(said, "variants"),
        category_levels=_text(said, "category_levels"),
        is_snapshot=_truth(said, "snapshot", default=True),
        by_id=_text(said, "by_id"),
        push_id=_text(push, "product_id"),
        headers={k: _text(_object(said, "headers"), k) for k in _object(said, "headers")},
        auth_header=_text(auth, "header"),
        realm=_text(said, "realm"),
        last_line_ends=_truth(said, "last_line_ends", default=True),
        delimiter=_text(csv, "delimiter") or ",",
        encoding=_encoding(_text(csv, "encoding") or "utf-8-sig"),
        name=_text(said, "name"),
        currency=_currency(_text(said, "currency")),
        time_zone=_zone(_text(said, "time_zone") or "UTC"),
        prices_include_tax=_truth(said, "prices_include_tax", default=False),
    )


def _fields(said: Mapping[str, Any]) -> tuple[dict[str, Spec], dict[str, dict[str, Spec]]]:
    _refuse_unknown(said, {*TEXTS, *NUMBERS, *TRUTHS, *LISTS, *TABLES}, "The map's `fields`")
    plain = {name: _spec(name, each) for name, each in said.items() if name not in TABLES}
    tables = {
        name: {label: _spec(f"{name}.{label}", each) for label, each in _object(said, name).items()}
        for name in TABLES
    }
    return plain, tables


def _spec(name: str, said: Any) -> Spec:
    """Return where a field comes from: a path, or an object with a path or constant and rules."""
    if isinstance(said, str):
        return Spec(paths=(said,))
    if not isinstance(said, dict) or ("path" in said) == ("constant" in said):
        raise WrongSettings(f"The map's field {name} wants a path, or an object with one `path`.")
    _refuse_unknown(said, {"path", "constant", "of", *RULES}, f"The map's field {name}")
    _check_rules(name, said)
    paths = said.get("path", [])
    return Spec(
        paths=tuple(paths if isinstance(paths, list) else [paths]),
        constant=said.get("constant"),
        of=_one_of(said.get("of", ""), ("", "record", "product"), f"{name}.of"),
        rules=rules_of(said),
    )


def _check_rules(name: str, said: Mapping[str, Any]) -> None:
    wanted: dict[str, type] = {"map": dict, "split": str, "join": str, "regex": str, "prefix": str}
    for rule, kind in (wanted | {"round": int}).items():
        if rule in said and not isinstance(said[rule], kind):
            raise WrongSettings(f"The map's field {name} has a `{rule}` of the wrong kind.")
    if "decimal" in said:
        _one_of(said["decimal"], (",", "."), f"{name}.decimal")
    if "regex" in said:
        try:
            re.compile(said["regex"])
        except re.error as error:
            raise WrongSettings(f"The map's field {name} has a wrong regex: {error}.") from error


def _levels(said: Mapping[str, Any]) -> Levels:
    _refuse_unknown(said, {"list", *_LEVELS}, "The map's `levels`")
    if "list" not in said or "location" not in said:
        raise WrongSettings("The map's `levels` wants a `list` and the `location` of each.")
    return Levels(
        list=_text(said, "list"),
        fields={name: _spec(f"levels.{name}", said[name]) for name in _LEVELS if name in said},
    )


def _paging(said: Mapping[str, Any]) -> Paging:
    known = {
        "kind",
        "param",
        "size_param",
        "size",
        "first",
        "path",
        "header",
        "last_path",
        "last_header",
    }
    _refuse_unknown(said, known, "The map's `paging`")
    kind = _one_of(said.get("kind", "none"), PAGINGS, "paging.kind")
    texts = {name: _text(said, name) for name in known - {"kind", "size", "first"}}
    lacks_place = kind in {"cursor", "next"} and not (texts["path"] or texts["header"])
    lacks_param = kind in {"page", "offset", "cursor"} and not texts["param"]
    if lacks_place or lacks_param:
        raise WrongSettings(
            f"The map's paging by {kind} wants {'`path` or `header`' if lacks_place else '`param`'}."
        )
    size = said.get("size", 100)
    first = said.get("first", 0 if kind == "offset" else 1)
    if not (isinstance(size, int) and isinstance(first, int) and size > 0 and first >= 0):
        raise WrongSettings("The map's paging wants whole numbers for `size` and `first`.")
    return Paging(kind=kind, size=size, first=first, **texts)


def _object(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = said.get(name, {})
    if not isinstance(found, dict):
        raise WrongSettings(f"The map's `{name}` is an object.")
    return found


def _text(said: Mapping[str, Any], name: str) -> str:
    found = said.get(name, "")
    if not isinstance(found, str):
        raise WrongSettings(f"The map's `{name}` is a text.")
    return found


def _truth(said: Mapping[str, Any], name: str, *, default: bool) -> bool:
    found = said.get(name, default)
    if not isinstance(found, bool):
        raise WrongSettings(f"The map's `{name}` is true or false.")
    return found


def _one_of(value: Any, known: tuple[str, ...], name: str) -> str:
    if value not in known:
        raise WrongSettings(f"The map's `{name}` is one of {', '.join(k for k in known if k)}.")
    return str(value)


def _refuse_unknown(said: Mapping[str, Any], known: set[str], where: str) -> None:
    if strange := sorted(set(said) - known):
        raise WrongSettings(
            f"{where} knows no {', '.join(strange)}. It knows {', '.join(sorted(known))}."
        )


def _currency(text: str) -> str:
    if not re.fullmatch("[A-Z]{3}", text):
        raise WrongSettings("The map wants a `currency`, three capital letters such as USD.")
    return text


def _zone(text: str) -> str:
    if text not in available_timezones():
        raise WrongSettings("The map's `time_zone` is a name such as Europe/Berlin.")
    return text


def _encoding(text: str) -> str:
    try:
        "".encode(text)
    except LookupError as error:
        raise WrongSettings(f"The map's `csv.encoding` {text} is not known.") from error
    return text
