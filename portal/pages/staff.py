"""Staff pages of the staff themselves: who they are, in which groups, and their second factor."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from groundwork import audit
from groundwork.admin import ReadOnlyAdmin
from portal import second_factor

_PERSON = ("username", "first_name", "last_name", "email")
_RIGHTS = ("is_active", "is_staff", "groups")


class StaffAdmin(UserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]
    """People sign in while they are active and staff; who goes is made inactive, never deleted."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "groups")
    filter_horizontal = ()
    actions = ("take_second_factor_away",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Rights", {"fields": (*_RIGHTS, "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "usable_password", "password1", "password2", "groups")}),
    )
    readonly_fields = ("last_login", "date_joined")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        """Who may do all makes others who may; nobody else does."""
        more = () if request.user.is_superuser else ("is_superuser",)
        return (*self.readonly_fields, *more)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = bool(super().has_change_permission(request, obj))
        return may and (obj is None or not obj.is_superuser or request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001 - as Django calls it
        if not change:
            obj.is_staff = True
        request._before = _said(User.objects.get(pk=obj.pk)) if change else None  # type: ignore[attr-defined]  # noqa: SLF001 - our own
        super().save_model(request, obj, form, change)

    def save_related(self, request: Any, form: Any, formsets: Any, change: Any) -> None:
        super().save_related(request, form, formsets, change)
        before, after = request._before, _said(form.instance)  # noqa: SLF001 - our own
        if before != after:
            _note(request, "changed" if change else "added", form.instance, before, after)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        """Note a changed password too, which is no field of the page."""
        if "password" in str(message).lower():
            _note(request, "password_changed", obj, None, None)
        return super().log_change(request, obj, message)

    @admin.action(
        description="Take the second factor away: the phone is lost", permissions=["change"]
    )
    def take_second_factor_away(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        for user in chosen.order_by("pk"):
            if not self.has_change_permission(request, user):
                told, level = (
                    f"{user} may do all; only who may so too changes that.",
                    messages.ERROR,
                )
            elif second_factor.take_away(user, actor=request.user.get_username()):
                told, level = (
                    f"{user} signs in without a code, and may set one up.",
                    messages.SUCCESS,
                )
            else:
                told, level = f"{user} had none.", messages.INFO
            self.message_user(request, told, level)


class GroupAdmin(ReadOnlyAdmin):
    """What each group may do; it is made by a migration."""

    list_display = ("name",)
    search_fields = ("name",)


def _said(user: User) -> dict[str, Any]:
    says: dict[str, Any] = {name: getattr(user, name) for name in (*_PERSON, "is_superuser")}
    says |= {name: getattr(user, name) for name in _RIGHTS if name != "groups"}
    return says | {"groups": sorted(user.groups.values_list("name", flat=True))}


def _note(request: HttpRequest, what: str, user: User, before: Any, after: Any) -> None:
    actor = request.user.get_username()
    audit.record(
        actor, action=f"user.{what}", subject=user.get_username(), before=before, after=after
    )
