"""Query parameters, parsed; a bad one is refused by its name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import blake2b

import orjson
from django.http import QueryDict

from contract.problems import bad_parameter

DEFAULT_LIMIT = 100
MOST_ITEMS = 500
MOST_STOCK = 1_000
# `limit=all`: some 90 bytes an item, so 9 MB; who sees more goes on with the cursor.
WHOLE_STOCK = 100_000
LONGEST_VALUE = 300
MOST_VALUES = 100
_FILTERS = ("brand", "category", "product", "sku", "source")


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to. Values of one filter are alternatives, filters add up."""

    values: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def digest(self) -> str:
        """What a cursor holds of them: a hundred values would make it too long."""
        return blake2b(orjson.dumps(self.values), digest_size=16).hexdigest()

    @property
    def by_name(self) -> bool:
        """Whether a filter goes by what has a life of its own, so that its meaning may change."""
        return any(name in ("brand", "category", "product") for name, _ in self.values)

    def of(self, name: str) -> tuple[str, ...]:
        return dict(self.values).get(name, ())


def refuse_unknown(query: QueryDict, known: Iterable[str]) -> None:
    known = sorted(known)
    for name in query:
        if name not in known:
            raise bad_parameter(
                name[:50], f"There is no such parameter here. {nearest(name, known)}"
            )


def nearest(name: str, known: Sequence[str]) -> str:
    """Return the sentence that names what may have been meant."""
    if not known:
        return "It takes none."
    close = get_close_matches(name[:50], known, n=1)
    return f"Did you mean {close[0]}?" if close else f"Known are {', '.join(known)}."


def filters_of(query: QueryDict) -> Filters:
    return Filters(tuple((name, values_of(query, name)) for name in _FILTERS if name in query))


def values_of(query: QueryDict, name: str) -> tuple[str, ...]:
    values = tuple(query.getlist(name))
    if len(values) > MOST_VALUES:
        raise bad_parameter(name, f"At most {MOST_VALUES} values, each as {name}=...")
    for value in values:
        if not value or "\0" in value or len(value) > LONGEST_VALUE:
            raise bad_parameter(
                name, f"A value has 1 to {LONGEST_VALUE} characters, none of them NUL."
            )
    return values


def single(query: QueryDict, name: str) -> str | None:
    values = query.getlist(name)
    if len(values) > 1:
        raise bad_parameter(name, "Give it once.")
    return values[0] if values else None


def limit_of(query: QueryDict, *, default: int, most: int, whole: int | None = None) -> int:
    """Read `limit`; `whole` is what "all" stands for, where it may be asked for."""
    given = single(query, "limit")
    if given is None:
        return default
    if whole and given == "all":
        return whole
    if not (
        given.isascii()
        and given.isdigit()
        and len(given) <= len(str(most))
        and 1 <= int(given) <= most
    ):
        or_all = ", or all" if whole else ""
        raise bad_parameter("limit", f"A whole number from 1 to {most}{or_all}.")
    return int(given)
