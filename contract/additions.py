"""Whether a document of /v1 only grew: what partners were promised must still be there; pure."""

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
_SCHEMAS = "#/components/schemas/"
# Members of a parameter or of a body that would refuse what was taken before, if they came or shrank.
_NARROWING = ("maxLength", "maximum", "maxItems")
_RAISING = ("minLength", "minimum", "minItems")


def breaches(before: Document, after: Document) -> list[str]:
    """Return, in words, whatever a partner could miss or be refused by."""
    return sorted(set(_paths(before, after)))


def _paths(before: Document, after: Document) -> Iterator[str]:
    for path, methods in before["paths"].items():
        for method, old in methods.items():
            where = f"{method.upper()} {path}"
            new = after["paths"].get(path, {}).get(method)
            if new is None:
                yield f"{where} is gone."
                continue
            yield from _parameters(where, old, new)
            yield from _bodies(where, before, after, old, new)
            yield from _answers(where, before, after, old, new)


def _parameters(where: str, old: Document, new: Document) -> Iterator[str]:
    known = {(each["name"], each["in"]): each for each in old.get("parameters", ())}
    taken = {(each["name"], each["in"]): each for each in new.get("parameters", ())}
    for (name, place), parameter in known.items():
        if (name, place) not in taken:
            yield f"{where}: the parameter {name} is gone."
            continue
        now = taken[name, place]
        yield from _narrowed(f"{where}: the parameter {name}", parameter["schema"], now["schema"])
    for (name, place), parameter in taken.items():
        was_required = known.get((name, place), {}).get("required", False)
        if parameter.get("required") and not was_required:
            yield f"{where}: the parameter {name} is required now."


def _narrowed(where: str, old: Any, new: Any) -> Iterator[str]:
    for name in (*_NARROWING, *_RAISING):
        if name not in new:
            continue
        is_less = name not in old or (
            new[name] < old[name] if name in _NARROWING else new[name] > old[name]
        )
        if is_less:
            yield f"{where} takes less than before: {name} is {new[name]}."
    for word in old.get("enum", ()):
        if word not in new.get("enum", [word]):
            yield f"{where} takes {word!r} no more."
    if "items" in old and "items" in new:
        yield from _narrowed(where, old["items"], new["items"])


def _bodies(
    where: str, before: Document, after: Document, old: Document, new: Document
) -> Iterator[str]:
    was, now = old.get("requestBody", {}), new.get("requestBody", {})
    if now.get("required") and not was.get("required"):
        yield f"{where}: a body is required now."
    for kind, content in was.get("content", {}).items():
        if kind not in now.get("content", {}):
            yield f"{where}: a body of {kind} is taken no more."
            continue
        here = f"{where}: the body"
        yield from _taken(
            here, before, after, content["schema"], now["content"][kind]["schema"], ()
        )


def _taken(
    where: str, before: Document, after: Document, old: Any, new: Any, above: tuple[str, ...]
) -> Iterator[str]:
    """Compare what is asked with: nothing more is required, and nothing taken is refused."""
    if old.get("$ref", "") in above:
        return
    above = (*above, old["$ref"]) if "$ref" in old else above
    old, new = _resolved(before, old), _resolved(after, new)
    yield from _narrowed(where, old, new)
    for name in new.get("required", ()):
        if name not in old.get("required", ()):
            yield f"{where}: {name} is required now."
    for name, member in old.get("properties", {}).items():
        now = new.get("properties", {}).get(name)
        if now is None:
            yield f"{where}: {name} is gone."
        else:
            yield from _taken(f"{where}.{name}", before, after, member, now, above)
    if "items" in old and "items" in new:
        yield from _taken(where, before, after, old["items"], new["items"], above)


def _answers(
    where: str, before: Document, after: Document, old: Document, new: Document
) -> Iterator[str]:
    for status, answer in old["responses"].items():
        if status not in new["responses"]:
            yield f"{where}: the answer {status} is gone."
            continue
        for kind, content in answer.get("content", {}).items():
            now = new["responses"][status].get("content", {}).get(kind)
            here = f"{where} {status}"
            if now is None:
                yield f"{here}: {kind} is gone."
            else:
                yield from _said(here, before, after, content["schema"], now["schema"], ())


def _said(
    where: str, before: Document, after: Document, old: Any, new: Any, above: tuple[str, ...]
) -> Iterator[str]:
    """Compare what is answered: every member stays, of its type, and always there if it always was."""
    if old.get("$ref", "") in above:
        return
    above = (*above, old["$ref"]) if "$ref" in old else above
    old, new = _resolved(before, old), _resolved(after, new)
    yield from _types(where, old, new)
    for name in old.get("required", ()):
        if name not in new.get("required", ()):
            yield f"{where}: {name} may be missing now."
    for name, member in old.get("properties", {}).items():
        now = new.get("properties", {}).get(name)
        if now is None:
            yield f"{where}: {name} is gone."
        else:
            yield from _said(f"{where}.{name}", before, after, member, now, above)
    for part in ("items", "additionalProperties"):
        if isinstance(old.get(part), dict) and isinstance(new.get(part), dict):
            yield from _said(f"{where}[]", before, after, old[part], new[part], above)


def _types(where: str, old: Any, new: Any) -> Iterator[str]:
    was, now = _kinds(old), _kinds(new)
    if was and not now <= was:
        added = ", ".join(sorted(now - was))
        yield f"{where} may be {added} now."


def _kinds(schema: Any) -> set[str]:
    kinds = schema.get("type", [])
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    for name in ("anyOf", "oneOf"):
        for each in schema.get(name, ()):
            found |= {each["$ref"]} if "$ref" in each else _kinds(each)
    return found


def _resolved(document: Document, schema: Any) -> Any:
    """Follow a reference; of several that it may be, the first."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].removeprefix(_SCHEMAS)]
    for name in ("oneOf", "anyOf", "allOf"):
        named = [each for each in schema.get(name, ()) if "$ref" in each]
        if named and "properties" not in schema:
            return {**_resolved(document, named[0]), "type": sorted(_kinds(schema))}
    return schema
