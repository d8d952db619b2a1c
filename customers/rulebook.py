"""Rules found by the subjects they name."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from catalog_mirror.states import State, Subject
from customers.visibility import RuleVersion, VisibilityVersion
from groundwork.statements import Statement

_R = TypeVar("_R", bound=RuleVersion)


class Reader(Protocol):
    """Something that runs a statement as one customer: the row policies bound what it returns."""

    def rows(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]: ...


class Rulebook(Generic[_R]):
    """The rules of one kind under some variants."""

    def __init__(self, versions: Iterable[_R]) -> None:
        self.versions = list(versions)
        self._by_subject: dict[Subject, list[_R]] = defaultdict(list)
        for version in self.versions:
            self._by_subject[version.subject].append(version)

    def covering(self, state: State) -> list[_R]:
        if not self._by_subject:
            return []
        return [rule for subject in state.subjects for rule in self._by_subject.get(subject, ())]


# What every rule has, in the order of `RuleVersion`; the columns of a kind of rule follow.
WHO_WHAT_WHEN = """
    r.from_revision, r.until_revision, r.id, r.customer_id, r.tier_id,
    r.subject_kind, r.subject_id, r.starts_at, r.ends_at
"""
UNDER_SUBJECTS = """
    join unnest(%(kinds)s::text[], %(ids)s::bigint[]) as s (kind, id)
      on r.subject_kind = s.kind and r.subject_id = s.id
"""


def read_under(
    reader: Reader,
    sql: str,
    states: Iterable[State],
    make: Callable[..., _R],
    **params: Any,
) -> Rulebook[_R]:
    """Run `sql`, which asks by subjects, for those of `states`; one query."""
    return rulebook_of(reader.rows(*asked_under(sql, states, **params)), make)


def asked_under(sql: str, states: Iterable[State], **params: Any) -> Statement:
    """Return `sql` with the subjects of `states`."""
    subjects = sorted({subject for state in states for subject in state.subjects})
    kinds, ids = [kind for kind, _ in subjects], [pk for _, pk in subjects]
    return sql, {"kinds": kinds, "ids": ids, **params}


def rulebook_of(rows: Iterable[tuple[Any, ...]], make: Callable[..., _R]) -> Rulebook[_R]:
    """Return the rules of rows that begin with WHO_WHAT_WHEN."""
    return Rulebook(make(*row[:5], (row[5], row[6]), *row[7:]) for row in rows)


_SINCE = f"""
    select {WHO_WHAT_WHEN}, r.effect from customers_visibilityrule r {UNDER_SUBJECTS}
    where r.until_revision is null or r.until_revision > %(since)s
"""  # noqa: S608 - constants of this module


def visibility_asked(states: Iterable[State], since: int) -> Statement:
    """Return what `visibility_since` reads."""
    return asked_under(_SINCE, states, since=since)


def visibility_since(
    reader: Reader, states: Iterable[State], *, since: int
) -> Rulebook[VisibilityVersion]:
    """Return the visibility rules that stood at revision `since` or at any later one."""
    return read_under(reader, _SINCE, states, VisibilityVersion, since=since)
