"""Tells a GraphQL document that only reads from one that does more; pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# Block strings, strings and comments, by the grammar of GraphQL's specification (October 2021, 2.1).
_TEXT = re.compile(r'"""(?:\\"""|.)*?"""|"(?:\\[^\n\r]|[^"\\\n\r])*"|#[^\n\r]*', re.DOTALL)
_TOKEN = re.compile(r"[{}()]|[_A-Za-z][_0-9A-Za-z]*|\S")
# A mutation that starts a query and changes nothing: the only one that is let through.
_BULK_QUERY = "bulkOperationRunQuery"
# What it runs has to be the variable that is looked into, and no other.
_RUNS_THE_VARIABLE = re.compile(rf"{{\s*{_BULK_QUERY}\s*\(\s*query\s*:\s*\$query\b")


@dataclass
class _Definition:
    kind: str
    roots: list[str] = field(default_factory=list)  # names directly within its braces


class _Unreadable(Exception):
    """A document whose brackets do not match."""


def reads_only(document: str, variables: Mapping[str, Any]) -> bool:
    """Tell whether a document holds nothing but queries, or starts one as a bulk operation."""
    try:
        found = list(_definitions(document))
    except _Unreadable:
        return False
    kinds = {each.kind for each in found}
    if found and kinds <= {"query", "fragment"}:
        return True
    inner, bare = variables.get("query"), _TEXT.sub(_comments_away, document)
    return (
        [(each.kind, each.roots) for each in found] == [("mutation", [_BULK_QUERY])]
        and '"' not in bare
        and _RUNS_THE_VARIABLE.search(bare) is not None
        and isinstance(inner, str)
        and reads_only(inner, {})
    )


def _comments_away(found: re.Match[str]) -> str:
    return " " if found[0].startswith("#") else '""'


def _definitions(document: str) -> Iterator[_Definition]:
    """Yield what stands at the top; what is in round brackets counts for nothing."""
    now: _Definition | None = None
    depth = rounds = 0
    for token in _TOKEN.findall(_TEXT.sub(" ", document)):
        rounds += (token == "(") - (token == ")")  # noqa: S105 - a bracket
        if rounds or token == ")":  # noqa: S105
            continue
        now = now or _Definition("query" if token == "{" else token)  # noqa: S105
        depth += (token == "{") - (token == "}")  # noqa: S105
        if depth == 1 and token not in {"{", "}"}:
            now.roots.append(token)
        if token == "}" and depth <= 0:  # noqa: S105
            if depth < 0:
                raise _Unreadable
            yield now
            now = None
    if now or depth or rounds:
        raise _Unreadable
