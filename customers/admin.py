"""Staff pages of customers, their terms, and the rules of what each may see."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from customers.exports import visibility_cells
from customers.file_pages import FilesAdmin
from customers.models import SANDBOX, Customer, CustomerTerms, Tier, VisibilityRule
from customers.sheets import VISIBILITY
from customers.version_pages import (
    BY_SUBJECT,
    WHO_AND_WHAT,
    WHO_WHAT_WHEN,
    WHOSE,
    WINDOW,
    VersionAdmin,
)
from groundwork import audit
from groundwork.admin import ReadOnlyAdmin


class NamedAdmin(ReadOnlyAdmin):
    """Something with a name that staff may add and rename; it is never deleted."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        return ("slug",) if obj else ()  # part of the contract once it is there

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return request.user.has_perm(f"{self.opts.app_label}.add_{self.opts.model_name}")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001 - as Django calls it
        super().save_model(request, obj, form, change)
        audit.record(
            request.user.get_username(),
            action=f"{self.opts.model_name}.{'changed' if change else 'added'}",
            subject=obj.slug,
            before={name: str(form.initial[name]) for name in form.changed_data}
            if change
            else None,
            after={name: str(form.cleaned_data[name]) for name in form.changed_data},
        )


@admin.register(Tier)
class TierAdmin(NamedAdmin):
    list_display = ("name", "slug")
    search_fields = ("name", "slug")
    fields = ("slug", "name")


@admin.register(Customer)
class CustomerAdmin(NamedAdmin):
    list_display = ("name", "slug", "created_at")
    search_fields = ("name", "slug")
    fields = ("slug", "name", "contact_email", "payment_terms", "credit_limit")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The sandbox is looked at: the code says what it is."""
        is_sandbox = obj is not None and obj.pk == SANDBOX
        return not is_sandbox and super().has_change_permission(request, obj)


@admin.register(CustomerTerms)
class CustomerTermsAdmin(VersionAdmin):
    list_select_related = ("customer", "tier")
    says = (
        "customer",
        "tier",
        "status",
        "contract_starts_at",
        "contract_ends_at",
        "currency",
        "unpriced",
    )
    list_display = (*says, "stands")
    list_filter = ("status", "tier", ("until_revision", admin.EmptyFieldListFilter))
    search_fields = ("customer__name", "customer__slug")
    autocomplete_fields = ("customer", "tier")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        return ("customer",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001 - as Django calls it
        form.cleaned_data.setdefault("customer", obj.customer)
        super().save_model(request, obj, form, change)


@admin.register(VisibilityRule)
class VisibilityRuleAdmin(FilesAdmin):
    sheet, cells = VISIBILITY, visibility_cells
    says = ("effect", *WHO_AND_WHAT, *WINDOW)
    list_display = ("effect", *WHO_WHAT_WHEN)
    list_filter = (
        "effect",
        BY_SUBJECT,
        ("until_revision", admin.EmptyFieldListFilter),
    )
    search_fields = (*WHOSE, "=variant__sku")
    autocomplete_fields = WHO_AND_WHAT
