"""The only writer of the files of rules that staff bring: kept, looked at, applied."""

from datetime import timedelta

from django.db.models.functions import Now

from customers.imports import Imported, import_rules
from customers.models import RuleFile
from customers.sheets import Sheet

# What was looked at and not applied in this time is not kept.
_WAITS = timedelta(days=7)


def keep(sheet: Sheet, *, name: str, text: str, withdraw_missing: bool, actor: str) -> RuleFile:
    """Keep a file until it is applied; those that nobody came back to are dropped."""
    RuleFile.objects.filter(applied_at=None, uploaded_at__lt=Now() - _WAITS).delete()
    return RuleFile.objects.create(
        kind=sheet.name,
        name=name[:200],
        text=text,
        withdraw_missing=withdraw_missing,
        uploaded_by=actor,
    )


def looked_at(file: RuleFile, sheet: Sheet) -> Imported:
    """Return what applying the file would do now."""
    return _imported(file, sheet, actor="", dry_run=True, looked_at=None)


def apply(file: RuleFile, sheet: Sheet, *, actor: str, judged_at: int | None) -> Imported:
    """Apply a file as it was looked at; where a rule changed since, that is a fault of line 0."""
    found = _imported(file, sheet, actor=actor, dry_run=False, looked_at=judged_at)
    if not found.faults:
        RuleFile.objects.filter(pk=file.pk).update(
            applied_by=actor, applied_at=Now(), revision=found.revision
        )
    return found


def _imported(
    file: RuleFile, sheet: Sheet, *, actor: str, dry_run: bool, looked_at: int | None
) -> Imported:
    return import_rules(
        sheet,
        file.text,
        actor=actor,
        dry_run=dry_run,
        withdraw_missing=file.withdraw_missing,
        looked_at=looked_at,
    )
