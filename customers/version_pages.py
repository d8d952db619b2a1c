"""Staff pages of versions: a save supersedes, an action withdraws or restores."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect

from catalog_mirror.revisions import WriteTookTooLong
from customers import versions
from customers.explanations import names_of
from customers.models import SUBJECTS, Rule, Version
from customers.reserved import is_reserved
from groundwork.admin import ReadOnlyAdmin, StaffChangeList, among, confirmation

WHO_AND_WHAT = ("customer", "tier", *SUBJECTS)
# Whom a rule is for is searched for, customer or tier: a filter would list all tiers on every page.
WHOSE = ("customer__name", "customer__slug", "tier__name")
WINDOW = ("starts_at", "ends_at")
BY_SUBJECT = ("subject_kind", among("all", *SUBJECTS))
MOST_AT_ONCE = 200
# What a list of rules shows of each beside what it says.
WHO_WHAT_WHEN = ("who", "what", *WINDOW, "stands")


class VersionForm(ModelForm):  # type: ignore[type-arg]
    """What a rule says, held against its constraints before anything is written."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        return self.checked(cleaned)

    def checked(self, says: dict[str, Any]) -> dict[str, Any]:
        """Return what is to be kept; raise `ValidationError`."""
        return says

    def _post_clean(self) -> None:
        """Look for an equal rule too: Django leaves out a constraint that reads other columns."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            versions.refuse_constrained(self.instance)
        except ValidationError as error:
            self.add_error(None, error)


class Unwrapped(admin.ModelAdmin):  # type: ignore[type-arg]
    """A page whose save begins its own transaction: a revision's lock is its first statement."""

    @method_decorator(csrf_protect)
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return self._changeform_view(request, *args, **kwargs)  # type: ignore[attr-defined]
        except (versions.NoOpenVersion, WriteTookTooLong, ValidationError) as error:
            told = error.messages[0] if isinstance(error, ValidationError) else str(error)
            self.message_user(request, f"Nothing was saved. {told} Try again.", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())


class VersionChangeList(StaffChangeList):
    """A list of rules with what they name and whom they are for: one statement for all kinds of both.

    They are read apart from the rules: to plan a join of all kinds takes Postgres 60 ms.
    """

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = self.result_list = list(self.result_list)
        rules = [row for row in rows if isinstance(row, Rule)]
        names = names_of(
            thing for rule in rules for thing in (rule.subject, _whose(rule)) if thing[1]
        )
        for rule in rules:
            kind, _ = rule.subject
            rule.named = f"{kind} {names[rule.subject]}" if rule.subject in names else "everything"
            rule.whose = names.get(_whose(rule), "everyone")


def _whose(rule: Rule) -> tuple[str, int]:
    if rule.customer_id is not None:
        return "customer", rule.customer_id
    return "tier", rule.tier_id or 0


class VersionAdmin(ReadOnlyAdmin, Unwrapped):  # type: ignore[misc]
    """A list of versions. Saving closes the open one and opens its successor; nothing is deleted."""

    form = VersionForm
    list_select_related: ClassVar[bool | tuple[str, ...]] = False
    actions = ("withdraw", "restore")
    says: ClassVar[tuple[str, ...]]

    @admin.display(description="For")
    def who(self, rule: Any) -> str:
        return str(getattr(rule, "whose", None) or rule.customer or rule.tier or "everyone")

    @admin.display(description="On")
    def what(self, rule: Any) -> str:
        return str(rule.named)

    @admin.display(description="In force", ordering="from_revision")
    def stands(self, version: Any) -> str:
        if version.until_revision is None:
            return f"since revision {version.from_revision}"
        return f"revision {version.from_revision} to {version.until_revision}"

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[ChangeList]:  # noqa: ARG002
        return VersionChangeList

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        return self.says

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return request.user.has_perm(f"{self.opts.app_label}.add_{self.opts.model_name}")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was superseded stays as it was, and so does what is the sandbox's."""
        may = request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")
        return may and (obj is None or (obj.until_revision is None and not is_reserved(obj)))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001 - as Django calls it
        says = {name: form.cleaned_data[name] for name in self.says}
        actor = request.user.get_username()
        if change:
            version = self.changed(obj.rule_uid, actor=actor, **says)
        else:
            version = self.added(actor=actor, **says)
        obj.pk, obj.rule_uid = version.pk, version.rule_uid

    def save_related(self, request: Any, form: Any, formsets: Any, change: Any) -> None:
        """There is nothing beside the version itself."""

    def added(self, *, actor: str, **says: Any) -> Version:
        version: Version = versions.add(self.model, actor=actor, **says)
        return version

    def changed(self, rule_uid: Any, *, actor: str, **says: Any) -> Version:
        version: Version = versions.change(self.model, rule_uid, actor=actor, **says)
        return version

    @admin.action(description="Withdraw: end it now", permissions=["change"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        chosen = queryset.filter(until_revision=None)
        if "apply" not in request.POST:
            return self._asked(request, chosen, action="withdraw", verb="Withdraw")
        self._each(
            request,
            chosen,
            lambda v, actor: versions.withdraw(type(v), v.rule_uid, actor=actor),
            "withdrawn",
        )
        return None

    @admin.action(description="Restore: say this again, from now on", permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        chosen = queryset.exclude(until_revision=None)
        if "apply" not in request.POST:
            return self._asked(request, chosen, action="restore", verb="Restore")
        self._each(
            request,
            chosen,
            lambda v, actor: versions.restore(type(v), v.pk, actor=actor),
            "restored",
        )
        return None

    def _asked(
        self, request: HttpRequest, chosen: QuerySet[Any], *, action: str, verb: str
    ) -> HttpResponse | None:
        """Return the page that counts what an action is about, and asks."""
        named = chosen.select_related("customer", "tier")
        rows = list(named.order_by("pk")[: MOST_AT_ONCE + 1])
        if not rows or len(rows) > MOST_AT_ONCE:
            told = f"Choose 1 to {MOST_AT_ONCE} that this can be done to."
            self.message_user(request, told, messages.ERROR)
            return None
        words = [(row.pk, f"{row}, for {self.who(row)}") for row in rows]
        title = f"{verb} {len(rows)} rule{'' if len(rows) == 1 else 's'}"
        return confirmation(self, request, words, title=title, action=action, verb=verb)

    def _each(
        self,
        request: HttpRequest,
        chosen: QuerySet[Any],
        act: Callable[[Any, str], object],
        done: str,
    ) -> None:
        actor, count = request.user.get_username(), 0
        for version in chosen:
            try:
                act(version, actor)
                count += 1
            except ValidationError as error:
                self.message_user(request, f"{version}: {error.messages[0]}", messages.ERROR)
            except (versions.NoOpenVersion, WriteTookTooLong) as error:
                self.message_user(request, f"{version}: {error}", messages.ERROR)
        self.message_user(request, f"{count} {done}.", messages.SUCCESS if count else messages.INFO)
