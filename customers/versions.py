"""The only writer of rules and terms: a change closes a version and opens its successor."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Model, Q

from catalog_mirror import revisions
from catalog_mirror.revisions import TakenRevision
from customers.models import CustomerTerms, Version
from customers.reserved import refuse_goods, refuse_reserved
from groundwork import audit

_V = TypeVar("_V", bound=Version)

# What makes a version that version; the rest is what it says.
_OWN = {"id", "from_revision", "until_revision", "rule_uid", "subject_kind", "subject_id"}


class NoOpenVersion(Exception):
    """The rule was withdrawn, or never existed."""


def add(model: type[_V], *, actor: str, **says: Any) -> _V:
    """Open a new rule, in force for every endpoint at its commit.

    Raise `ValidationError` for what the rule must not say.
    """
    with revisions.writing(f"rule by {actor}", touches_rules=True) as revision:
        return add_in(revision, model, actor=actor, **says)


def add_in(revision: TakenRevision, model: type[_V], *, actor: str, **says: Any) -> _V:
    """Open a new rule as a part of a revision that its caller took, together with other writes."""
    version = _opened(model(from_revision=revision.number, **says))
    _note(actor, "opened", version, before=None, after=version)
    return version


def _as_said(content: dict[str, Any]) -> dict[str, Any]:
    return content


def change(
    model: type[_V],
    rule_uid: UUID,
    *,
    actor: str,
    exact: Callable[[dict[str, Any]], dict[str, Any]] = _as_said,
    **says: Any,
) -> _V:
    """Supersede the open version of a rule by one that says otherwise where `says` names it.

    `exact` has the last word on the whole of it, or raises `ValidationError`.
    """
    with revisions.writing(f"rule by {actor}", touches_rules=True) as revision:
        return _changed(revision, model, rule_uid, actor=actor, exact=exact, says=says)


def change_all(model: type[_V], rule_uids: Iterable[UUID], *, actor: str, **says: Any) -> list[_V]:
    """Change several rules alike in one revision: all of them, or none where one is refused."""
    with revisions.writing(f"rules by {actor}", touches_rules=True) as revision:
        return [
            _changed(revision, model, uid, actor=actor, exact=_as_said, says=says)
            for uid in rule_uids
        ]


def _changed(
    revision: TakenRevision,
    model: type[_V],
    rule_uid: UUID,
    *,
    actor: str,
    exact: Callable[[dict[str, Any]], dict[str, Any]],
    says: dict[str, Any],
) -> _V:
    before = _open_version(model, rule_uid)
    _close(before, revision.number)
    content = exact(_said(before) | _columns(model, says))
    after = _opened(model(from_revision=revision.number, rule_uid=rule_uid, **content))
    _note(actor, "changed", after, before=before, after=after)
    return after


def withdraw(model: type[_V], rule_uid: UUID, *, actor: str) -> None:
    """Close a rule; what it allowed or priced ends at the commit."""
    with revisions.writing(f"rule by {actor}", touches_rules=True) as revision:
        before = _open_version(model, rule_uid)
        _close(before, revision.number)
        _note(actor, "withdrawn", before, before=before, after=None)


def restore(model: type[_V], version_id: int, *, actor: str) -> _V:
    """Open a new version that says what an old one of the same rule said.

    Raise `NoOpenVersion` where there is no such version, `ValidationError` where it may not be said now.
    """
    with revisions.writing(f"rule by {actor}", touches_rules=True) as revision:
        versions = model._default_manager  # noqa: SLF001 - Django's name for it
        old = versions.filter(pk=version_id).first()
        if old is None:
            raise NoOpenVersion("There is no such version. Look for it in the list.")
        standing = versions.filter(rule_uid=old.rule_uid, until_revision=None).first()
        if standing:
            _close(standing, revision.number)
        content = _said(old)
        after = _opened(model(from_revision=revision.number, rule_uid=old.rule_uid, **content))
        _note(actor, "restored", after, before=standing, after=after)
    return after


# The versions of each kind that are to stand, each by what it says.
Wanted = Mapping[type[Version], Sequence[Mapping[str, Any]]]


def settle(wanted: Wanted, *, standing: Q, actor: str) -> bool:
    """Make what stands of the sandbox say what the code says; return whether anything was written.

    The one way past `Reserved`. `standing` finds what is meant among all versions of a kind. Where
    nothing differs no revision is taken.
    """
    is_written = False
    if any(_unlike(wanted, standing)):
        with revisions.writing(f"rules by {actor}", touches_rules=True) as revision:
            stale, missing = _unlike(wanted, standing)
            if not (stale or missing):
                raise revisions.NothingToWrite
            _settle(revision, stale, missing, actor=actor)
            is_written = True
    return is_written


def _settle(
    revision: TakenRevision, stale: list[Version], missing: list[Version], *, actor: str
) -> None:
    for version in stale:
        _end(version, revision.number)
        _note(actor, "withdrawn", version, before=version, after=None)
    for version in missing:
        version.from_revision = revision.number
        _clean(version)
        _inserted(version)
        _note(actor, "opened", version, before=None, after=version)


def _unlike(wanted: Wanted, standing: Q) -> tuple[list[Version], list[Version]]:
    """Return the versions that stand and are not wanted, and those that are wanted and do not stand."""
    stale: list[Version] = []
    missing: list[Version] = []
    for model, says in wanted.items():
        rows = model._default_manager.filter(standing, until_revision=None)  # noqa: SLF001 - Django's name for it
        there = list(rows.order_by("pk"))
        for version in (model(**each) for each in says):
            same = next((row for row in there if _said(row) == _said(version)), None)
            if same is None:
                missing.append(version)
            else:
                there.remove(same)
        stale += there
    return stale, missing


def terms_of(customer_id: int) -> CustomerTerms:
    """Return the customer's open terms; raise `NoOpenVersion` where it has none."""
    terms = CustomerTerms.objects.filter(customer=customer_id, until_revision=None).first()
    if terms is None:
        raise NoOpenVersion(f"Customer {customer_id} has no terms. Give it some first.")
    return terms


def refuse_constrained(version: Version) -> None:
    """Raise `ValidationError` for what is the sandbox's, and what the constraints of its table refuse.

    Which versions stand is among them: it reads columns that are not the caller's.
    """
    _refuse_of_the_sandbox(version)
    _refuse_unsound(version)


def _refuse_of_the_sandbox(version: Version) -> None:
    refuse_reserved(version)
    refuse_goods(version)


def _refuse_unsound(version: Version) -> None:
    version.validate_constraints(exclude=_OWN - {"rule_uid", "until_revision"})


def _opened(version: _V) -> _V:
    _clean(version)
    _refuse_of_the_sandbox(version)
    return _inserted(version)


def _clean(version: Version) -> None:
    version.full_clean(exclude=_OWN, validate_constraints=False)


def _inserted(version: _V) -> _V:
    """Insert a version; which constraint refuses it is only looked for, by a query each, if one does."""
    try:
        with transaction.atomic():
            version.save(force_insert=True)
    except IntegrityError:
        _refuse_unsound(version)
        raise
    return version


def _open_version(model: type[_V], rule_uid: UUID) -> _V:
    version = model._default_manager.filter(  # noqa: SLF001 - Django's name for it
        rule_uid=rule_uid, until_revision=None
    ).first()
    if version is None:
        raise NoOpenVersion(f"Rule {rule_uid} is not in force. Open a new one instead.")
    return version


def _close(version: Version, revision: int) -> None:
    refuse_reserved(version)
    _end(version, revision)


def _end(version: Version, revision: int) -> None:
    type(version)._default_manager.filter(  # noqa: SLF001
        pk=version.pk
    ).update(until_revision=revision)


def _said(version: Version) -> dict[str, Any]:
    return {
        field.attname: getattr(version, field.attname)
        for field in version._meta.concrete_fields  # noqa: SLF001
        if field.name not in _OWN
    }


def _columns(model: type[_V], says: dict[str, Any]) -> dict[str, Any]:
    """Return `says` by column: "no tier" is said of `tier_id` too, or the old one would stay."""
    columns = {}
    for field in model._meta.concrete_fields:  # noqa: SLF001
        for name in says.keys() & {field.name, field.attname}:
            columns[field.attname] = says[name].pk if isinstance(says[name], Model) else says[name]
    if unknown := says.keys() - {f.name for f in model._meta.fields} - columns.keys():  # noqa: SLF001
        raise TypeError(f"{model.__name__} says nothing of {', '.join(sorted(unknown))}.")
    return columns


def _note(
    actor: str, what: str, version: Version, *, before: Version | None, after: Version | None
) -> None:
    audit.record(
        actor,
        action=f"{version._meta.model_name}.{what}",  # noqa: SLF001
        subject=str(version.rule_uid),
        before=_readable(before) if before else None,
        after=_readable(after) if after else None,
    )


def _readable(version: Version) -> dict[str, Any]:
    return {
        name: value if isinstance(value, int | str | None) else str(value)
        for name, value in _said(version).items()
    }
