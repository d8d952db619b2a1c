"""Brings a file of rules in: staged, compared and written in sets, all of it or nothing."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import uuid4

import orjson
from django.db import DatabaseError, connection

from catalog_mirror import revisions
from catalog_mirror.models import SANDBOX_SOURCE
from customers.models import SANDBOX, SUBJECTS
from customers.sheets import Fault, Lines, Sheet, lines_in, lines_of
from groundwork import audit

MOST_TOLD = 100  # faults and differences; their counts are whole
AT_ONCE = 10_000  # lines a statement, far below what a revision's statements have time for
_NO_REVISION = 2**62  # above every number

_STAGE = """
    create temporary table {staged} as
    select 0 as line, false as names_rule, ''::text as verdict, 0::bigint as standing, r.*
    from {table} r with no data
"""
_DROP = "drop table if exists {staged}"
_FILL = "insert into {staged} select * from jsonb_populate_recordset(null::{staged}, %s)"
# "not in" is looked up in a hash made once; for "not exists" the planner, which knows little of a table
# just filled, chose to read the whole file for every rule. The ids asked for are never null.
# What a line says of the sandbox is refused before; nor is a rule of its own found by its id.
# A line finds its rule by the id it names, else by what makes two rules equal: one that no line names.
_FORGET = "update {staged} set rule_uid = null where not names_rule"
_FIND = """
    update {staged} s set rule_uid = r.rule_uid
    from {table} r
    where s.rule_uid is null and r.until_revision is null
      and ({r_key}) = ({s_key})
      and r.rule_uid not in (select rule_uid from {staged} where names_rule)
"""
_JUDGE = """
    update {staged} s set
        standing = j.id,
        verdict = case
            when j.id is null and s.rule_uid is not null then 'gone'
            when j.id is null then 'added'
            when {same} then 'unchanged'
            else 'changed' end
    from (select z.line, r.id, {r_columns}
          from {staged} z
          left join {table} r on r.rule_uid = z.rule_uid and r.until_revision is null
              and coalesce(r.customer_id, 0) <> {sandbox} and coalesce(r.source_id, 0) <> {of_sandbox}
         ) j
    where j.line = s.line
"""
_GONE = "select line from {staged} where verdict = 'gone' order by line limit %s"
# A line that would come to equal a rule which stays as it is: the database refuses two.
_COLLIDES = """
    select s.line, r.rule_uid
    from {staged} s
    join {table} r on r.until_revision is null and ({r_key}) = ({s_key})
      and r.rule_uid is distinct from s.rule_uid
    where s.verdict in ('added', 'changed')
      and r.rule_uid not in (select rule_uid from {staged} where verdict = 'changed')
      and not (%s and coalesce(r.customer_id, r.tier_id) is not null and r.rule_uid not in
               (select rule_uid from {staged} where rule_uid is not null))
    order by s.line limit %s
"""
_COUNT = "select verdict, count(*) from {staged} group by 1"
_TELL = """
    select s.line, s.verdict, to_jsonb(s), to_jsonb(r)
    from {staged} s
    left join {table} r on r.rule_uid = s.rule_uid and r.until_revision is null
    where s.verdict in ('added', 'changed') order by s.line limit %s
"""
_CLOSE = """
    update {table} set until_revision = %(revision)s
    where until_revision is null
      and id = any(array(select standing from {staged} where verdict = 'changed'))
"""
_OPEN = """
    insert into {table} (rule_uid, from_revision, {columns})
    select coalesce(rule_uid, gen_random_uuid()), %(revision)s, {columns}
    from {staged}
    where verdict in ('added', 'changed') and line > %(after)s and line <= %(until)s
"""
# The last revision of a rule before the one that is being written.
_RULES = """
    select max(number) from catalog_mirror_revision where touches_rules and number < %s
"""
# Of the customers and tiers that the file names, what it does not list.
_MISSING = """
    from {table} r
    where r.until_revision is null
      and (r.customer_id in (select customer_id from {staged})
           or r.tier_id in (select tier_id from {staged}))
      and r.rule_uid not in (select rule_uid from {staged} where rule_uid is not null)
"""


@dataclass(frozen=True)
class Difference:
    """One line that would add or change a rule; `before` is None for a new one."""

    line: int
    verdict: str
    before: dict[str, Any] | None
    after: dict[str, Any]

    @property
    def words(self) -> str:
        """What the line would do, in a few words."""
        if self.before is None:
            return "new"
        return ", ".join(
            f"{name} {self.before[name]} -> {value}"
            for name, value in self.after.items()
            if self.before[name] != value
        )


@dataclass
class Imported:
    """What an import did, or in a dry run would do. With faults nothing is done.

    `judged_at` is the last revision of a rule that the file was held against.
    """

    lines: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    revision: int | None = None
    judged_at: int | None = None
    faults: list[Fault] = field(default_factory=list)
    fault_count: int = 0
    differences: list[Difference] = field(default_factory=list)


def import_rules(
    sheet: Sheet,
    text: str,
    *,
    actor: str,
    dry_run: bool = False,
    withdraw_missing: bool = False,
    looked_at: int | None = None,
) -> Imported:
    """Make the rules say what a file says: all of its lines or, with any fault, none.

    A line that names a rule changes it; another finds the rule that is equal but for its content,
    or is new. `withdraw_missing` ends the rules, of customers and tiers in the file, that it does not list.
    `looked_at` is the `judged_at` of a dry run that is to be done as it was told, or refused.
    """
    lines = lines_of(sheet, lines_in(text))
    found = Imported(lines=len(lines.rows) + len(lines.faults))
    if lines.faults:
        return _refused(found, lines.faults)
    with closing(_Staging(sheet)) as staging:
        staging.fill(lines)
        staging.judge()
        try:
            staging.refuse(withdraw_missing=withdraw_missing)
        except _LinesRefused as refused:
            return _refused(found, refused.faults)
        if dry_run:
            staging.count(found)
            found.differences, found.judged_at = staging.told(), staging.judged_at
            found.withdrawn = staging.missing() if withdraw_missing else 0
            return found
        staging.looked_at = looked_at
        return _written(staging, found, actor, withdraw_missing=withdraw_missing)


def _written(
    staging: "_Staging", found: Imported, actor: str, *, withdraw_missing: bool
) -> Imported:
    """Write, after comparing once more where a rule moved meanwhile. A refusal is a fault."""
    try:
        with revisions.writing(f"import by {actor}", touches_rules=True) as revision:
            before = staging.rules_before(revision.number)
            staging.refuse_moved(before)
            if staging.judged_at != before:  # else nothing moved since it was compared
                staging.judge()
                staging.refuse(withdraw_missing=withdraw_missing)
            staging.count(found)
            found.withdrawn = staging.withdraw(revision.number) if withdraw_missing else 0
            if not (found.added or found.changed or found.withdrawn):
                raise revisions.NothingToWrite
            staging.write(revision.number)
            found.revision = revision.number
            audit.record(
                actor,
                action=f"{staging.name}.imported",
                subject=f"revision {revision.number}",
                after={name: getattr(found, name) for name in ("added", "changed", "withdrawn")},
            )
    except _LinesRefused as refused:
        return _refused(Imported(lines=found.lines), refused.faults)
    except (DatabaseError, revisions.WriteTookTooLong) as error:
        return _refused(Imported(lines=found.lines), [Fault(0, "", _said_by(error))])
    return found


_MOVED = "Rules changed since this was looked at. Look at the differences again."


class _LinesRefused(Exception):
    """Lines that cannot stand beside the rules that do."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults)
        self.faults = faults


def _refused(found: Imported, faults: list[Fault]) -> Imported:
    found.faults, found.fault_count = faults[:MOST_TOLD], len(faults)
    return found


def _said_by(error: Exception) -> str:
    constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    return (
        f"The database refuses it by {constraint}. Nothing was written."
        if constraint
        else "The database could not write it in time. Nothing was written; try again, or split it."
    )


class _Staging:
    """The lines of one import in a table of this session, beside the rules they are held against."""

    def __init__(self, sheet: Sheet) -> None:
        self.name = sheet.name
        content = [name for name in sheet.content if name not in sheet.key]
        keys = [name for name in sheet.stored if name not in content]
        self.looked_at: int | None = None
        self._sheet = sheet
        self._parts = {
            "staged": f"staged_{self.name}_{uuid4().hex[:12]}",
            "table": sheet.model._meta.db_table,  # noqa: SLF001
            "sandbox": str(SANDBOX),
            "of_sandbox": str(SANDBOX_SOURCE),
            "columns": ", ".join(sheet.stored),
            "r_columns": ", ".join(f"r.{name} as r_{name}" for name in sheet.stored),
            "r_key": _joined("r", keys),
            "s_key": _joined("s", keys),
            "same": " and ".join(f"s.{n} is not distinct from j.r_{n}" for n in sheet.stored),
        }

    def fill(self, lines: Lines) -> None:
        self._run(_STAGE)
        rows = [{**row, "names_rule": row["rule_uid"] is not None} for row in lines.rows]
        self._run(_FILL, [orjson.dumps(rows, default=str).decode()])
        self._run("analyze {staged}")
        self._last_line = max((row["line"] for row in lines.rows), default=0)

    def close(self) -> None:
        self._run(_DROP)

    def judge(self) -> None:
        self.judged_at = self.rules_before(_NO_REVISION)
        self._run(_FORGET)
        self._run(_FIND)
        self._run(_JUDGE)
        self._run("analyze {staged}")  # every verdict was empty before: a join by them would crawl

    def rules_before(self, revision: int) -> int | None:
        """Return the last revision of a rule before another."""
        ((number,),) = self._run(_RULES, [revision])
        return cast("int | None", number)

    def refuse_moved(self, rules: int | None) -> None:
        """Raise `_LinesRefused` where the rules are not those that were looked at."""
        if self.looked_at not in (None, rules):
            raise _LinesRefused([Fault(0, "", _MOVED)])

    def refuse(self, *, withdraw_missing: bool) -> None:
        """Raise `_LinesRefused` where lines name rules that do not stand, or would equal others."""
        ended = "No such rule stands. Leave the id empty to open a new one."
        equal = "It would equal rule {}, which stands. Name that one, or withdraw it first."
        gone = [Fault(line, "rule", ended) for (line,) in self._run(_GONE, [MOST_TOLD])]
        pairs = self._run(_COLLIDES, [withdraw_missing, MOST_TOLD])
        if faults := gone or [Fault(line, "", equal.format(uid)) for line, uid in pairs]:
            raise _LinesRefused(faults)

    def count(self, found: Imported) -> None:
        counts = dict(self._run(_COUNT))
        found.added, found.changed = counts.get("added", 0), counts.get("changed", 0)
        found.unchanged = counts.get("unchanged", 0)

    def told(self) -> list[Difference]:
        return [
            Difference(line, verdict, self._said(before), self._said(after) or {})
            for line, verdict, after, before in self._run(_TELL, [MOST_TOLD])
        ]

    def missing(self) -> int:
        ((count,),) = self._run("select count(*) " + _MISSING)
        return int(count)

    def withdraw(self, revision: int) -> int:
        update = f"update {{table}} set until_revision = %(revision)s where id in (select r.id {_MISSING})"  # noqa: S608
        return self._changed(update, {"revision": revision})

    def write(self, revision: int) -> None:
        self._changed(_CLOSE, {"revision": revision})
        for after in range(0, self._last_line, AT_ONCE):
            lines = {"after": after, "until": after + AT_ONCE}
            self._changed(_OPEN, {"revision": revision, **lines})

    def _said(self, row: str | None) -> dict[str, Any] | None:
        values = orjson.loads(row) if row else None
        return values and {name: values[name] for name in self._sheet.stored}

    def _run(self, sql: str, params: Any = ()) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql.format(**self._parts), params or None)
            return list(cursor.fetchall()) if cursor.description else []

    def _changed(self, sql: str, params: Any) -> int:
        with connection.cursor() as cursor:
            cursor.execute(sql.format(**self._parts), params)
            return int(cursor.rowcount)


def _joined(alias: str, names: Iterable[str]) -> str:
    """Return one text of several columns; nulls must be equal to nulls, and hash."""
    ids = {f"{name}_id" for name in ("customer", "tier", *SUBJECTS)}
    parts = [
        f"coalesce({alias}.{name}, 0)" if name in ids else f"coalesce({alias}.{name}::text, '')"
        for name in names
    ]
    return f"concat_ws('|', {', '.join(parts)})"
