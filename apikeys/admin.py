"""Staff pages of keys, their links and limits, and lists of every request and what was counted."""

from collections.abc import Callable
from typing import Any

from django import forms as django_forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.decorators import action

from apikeys import claims, keys
from apikeys.forms import BY_LINK, KeyForm, RevokeForm, RotateForm
from apikeys.last_use import last_use
from apikeys.limits import limit_customer
from apikeys.models import (
    ApiKey,
    ClaimLink,
    CustomerLimit,
    ExpiryNotice,
    KeyNetwork,
    RefusedStrangers,
    RequestLog,
    Suspicion,
    UsageHour,
)
from apikeys.searching import requests_meant
from groundwork.admin import ReadOnlyAdmin
from groundwork.instants import shown

_MOST_AT_ONCE = 100


class _Secret:
    """A key or a link with whom it is for, on its way to the one page that shows it."""

    def __init__(self, row: ApiKey | ClaimLink, secret: str) -> None:
        self.row = row
        self.is_link = isinstance(row, ClaimLink)
        self.text = claims.address_of(secret) if self.is_link else secret


def _counted(number: int) -> str:
    return f"{number} key{'' if number == 1 else 's'}"


def _may(request: HttpRequest, right: str) -> bool:
    return bool(request.user.has_perm(f"apikeys.{right}"))


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys are issued, changed, rotated and revoked here; the secret is on one page, once."""

    form = KeyForm
    list_display = (
        "__str__",
        "customer",
        "label",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    list_filter = ("mode", ("revoked_at", admin.EmptyFieldListFilter))
    search_fields = ("=public_id", "customer__name", "customer__slug", "label")
    autocomplete_fields = ("customer",)
    actions = ("rotate", "revoke")
    actions_detail = ("rotate_this", "revoke_this")
    empty_hint = "No key yet. Issue one, or make a link by which a partner gets its own."

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return _may(request, "add_apikey")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What has ended stays as it was. A button of the page asks with the key's id."""
        if not _may(request, "change_apikey"):
            return False
        return obj is None or keys.living().filter(pk=getattr(obj, "pk", obj)).exists()

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Hold the row where it will be changed, so that nobody else does since it was compared."""
        found = super().get_object(request, object_id, from_field)
        if found is None or request.method != "POST":
            return found
        keys.hold(found.public_id)
        return super().get_object(request, object_id, from_field)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        if obj is None:
            return ("customer", "mode", *keys.CHANGEABLE, "how")
        past = ("customer", "mode", "public_id", "predecessor", "created_at", "last_used_at")
        return (*past, *keys.CHANGEABLE, "revoked_at", "revoked_reason")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        return tuple(name for name in self.get_fields(request, obj) if name not in keys.CHANGEABLE)

    @admin.display(description="Last used")
    def last_used_at(self, key: Any) -> str:
        return shown(key.used_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).defer("secret_sha256")
        annotated: QuerySet[Any] = rows.annotate(used_at=last_use())
        return annotated

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001 - as Django calls it
        actor = request.user.get_username()
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changes()}
            keys.change(obj.public_id, actor=actor, **changes)
            return
        says = {name: form.cleaned_data[name] for name in keys.CHANGEABLE}
        says |= {name: form.cleaned_data[name] for name in ("customer", "mode")}
        if form.cleaned_data["how"] == BY_LINK:
            says["key_expires_at"] = says.pop("expires_at")
            secret = _Secret(*claims.offer(actor=actor, **says))
        else:
            secret = _Secret(*keys.issue(actor=actor, **says))
        request._shown_once = [secret]  # type: ignore[attr-defined]  # noqa: SLF001 - our own
        obj.pk = secret.row.pk

    def save_related(self, request: Any, form: Any, formsets: Any, change: Any) -> None:
        """There is nothing beside the key itself."""

    def log_addition(self, request: Any, obj: Any, message: Any) -> Any:
        """The audit says it, and a link is no key."""

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Leave one way to save: what was made is shown, whatever comes next."""
        one_way = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **one_way})

    def response_add(
        self,
        request: HttpRequest,
        obj: Any,  # noqa: ARG002 - as Django calls it
        post_url_continue: Any = None,  # noqa: ARG002
    ) -> HttpResponse:
        """Show what was made; it is never put into a message, which would be kept in a cookie."""
        return self._shown(request, request._shown_once)  # type: ignore[attr-defined]  # noqa: SLF001

    @admin.action(description="Rotate: issue successors", permissions=["change"])
    def rotate(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> HttpResponse | None:
        if self._are_too_many(request, chosen):
            return None
        form = RotateForm(request.POST if "apply" in request.POST else None)
        if not form.is_valid():
            return self._asked(request, chosen, form, action="rotate", verb="Rotate")
        made: list[_Secret] = []
        offers = form.cleaned_data["how"] == BY_LINK
        by: Callable[..., Any] = claims.offer_successor if offers else keys.rotate
        for key in chosen.order_by("pk"):
            try:
                days = form.cleaned_data["overlap_days"]
                actor = request.user.get_username()
                made.append(_Secret(*by(key.public_id, actor=actor, overlap_days=days)))
            except keys.KeyNotRotated as error:
                self.message_user(request, str(error), messages.WARNING)
            except ValidationError as error:
                self.message_user(request, f"{key}: {' '.join(error.messages)}", messages.ERROR)
        return self._shown(request, made) if made else None

    @admin.action(description="Revoke: end them now, for good", permissions=["change"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> HttpResponse | None:
        if self._are_too_many(request, chosen):
            return None
        form = RevokeForm(request.POST if "apply" in request.POST else None)
        if not form.is_valid():
            return self._asked(request, chosen, form, action="revoke", verb="Revoke")
        ended = [
            keys.revoke(
                key.public_id,
                actor=request.user.get_username(),
                reason=form.cleaned_data["reason"],
            )
            for key in chosen.order_by("pk")
        ]
        self.message_user(request, f"{sum(ended)} revoked.", messages.SUCCESS)
        return None

    @action(description="Rotate", url_path="rotate", permissions=["change"])  # type: ignore[untyped-decorator]
    def rotate_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        return self._asked(
            request, self._only(object_id), RotateForm(), action="rotate", verb="Rotate"
        )

    @action(description="Revoke", url_path="revoke", permissions=["change"])  # type: ignore[untyped-decorator]
    def revoke_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        return self._asked(
            request, self._only(object_id), RevokeForm(), action="revoke", verb="Revoke"
        )

    def _only(self, object_id: str) -> QuerySet[ApiKey]:
        return ApiKey.objects.filter(pk=object_id)

    def _are_too_many(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> bool:
        """Tell where more are chosen than the page that asks can carry; nothing is done to any."""
        count = chosen.count()
        if count > _MOST_AT_ONCE:
            text = f"{_counted(count)} are chosen, and {_MOST_AT_ONCE} are the most at once. Choose fewer."
            self.message_user(request, text, messages.ERROR)
        return count > _MOST_AT_ONCE

    def _asked(
        self,
        request: HttpRequest,
        chosen: QuerySet[ApiKey],
        form: django_forms.Form,
        *,
        action: str,
        verb: str,
    ) -> HttpResponse:
        """Return the page that asks for what an action needs to know."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb} {_counted(chosen.count())}",
            "opts": self.opts,
            "chosen": chosen.select_related("customer").order_by("pk"),
            "form": form,
            "action": action,
            "verb": verb,
        }
        return TemplateResponse(request, "admin/apikeys/ask.html", context)

    def _shown(self, request: HttpRequest, made: list[_Secret]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Shown this once",
            "opts": self.opts,
            "made": made,
            "link_days": claims.LIVES.days,
        }
        page = TemplateResponse(request, "admin/apikeys/shown_once.html", context)
        page["Cache-Control"] = "no-store"
        page["Referrer-Policy"] = "no-referrer"
        return page


@admin.register(ClaimLink)
class ClaimLinkAdmin(ReadOnlyAdmin):
    list_display = (
        "__str__",
        "customer",
        "label",
        "predecessor",
        "created_by",
        "expires_at",
        "claimed_at",
        "withdrawn_at",
    )
    search_fields = ("customer__name", "customer__slug", "label")
    exclude = ("token_sha256",)
    actions = ("withdraw",)

    @admin.action(description="Withdraw: end them unclaimed", permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, chosen: QuerySet[ClaimLink]) -> None:
        actor = request.user.get_username()
        ended = [claims.withdraw(link.pk, actor=actor) for link in chosen.order_by("pk")]
        self.message_user(request, f"{sum(ended)} withdrawn.", messages.SUCCESS)

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        return _may(request, "change_apikey")


@admin.register(CustomerLimit)
class CustomerLimitAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("customer", "requests_a_minute")
    search_fields = ("customer__name", "customer__slug")
    autocomplete_fields = ("customer",)
    list_select_related = True
    ordering = ("customer__slug",)
    actions = None

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        return ("customer",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: ARG002, FBT001 - as Django calls it
        limit_customer(
            obj.customer,
            requests_a_minute=obj.requests_a_minute,
            actor=request.user.get_username(),
        )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Go back to the default."""
        limit_customer(obj.customer, requests_a_minute=None, actor=request.user.get_username())


@admin.register(RequestLog)
class RequestLogAdmin(ReadOnlyAdmin):
    list_display = (
        "began_at",
        "key_public_id",
        "method",
        "route",
        "status",
        "took",
        "bytes_sent",
        "address",
        "correlation_id",
    )
    # Django shows a search only where it knows a field; what is searched is below.
    search_fields = ("key_public_id",)
    search_help_text = "A key, a day (2026-11-21), a request id, an address, a status; they add up"
    list_display_links = None  # a row says all there is
    ordering = ("-at", "-id")

    @admin.display(description="At (UTC)", ordering="at")
    def began_at(self, row: RequestLog) -> str:
        return f"{row.at:%Y-%m-%d %H:%M:%S}.{row.at.microsecond // 1000:03}"

    @admin.display(description="ms")
    def took(self, row: RequestLog) -> str:
        return "-" if row.milliseconds is None else f"{row.milliseconds:.1f}"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Narrow by what each word is; a word without an index of its own needs a span of days."""
        try:
            return queryset.filter(requests_meant(search_term)), False
        except ValidationError as error:
            self.message_user(request, error.message, messages.WARNING)
            return queryset.none(), False


@admin.register(RefusedStrangers)
class RefusedStrangersAdmin(ReadOnlyAdmin):
    list_display = ("address", "hour", "refusals")


@admin.register(UsageHour)
class UsageHourAdmin(ReadOnlyAdmin):
    list_display = (
        "hour",
        "key_public_id",
        "route",
        "status",
        "requests",
        "milliseconds",
        "bytes_sent",
    )
    search_fields = ("=key_public_id", "=route")
    ordering = ("-hour", "-id")


@admin.register(KeyNetwork)
class KeyNetworkAdmin(ReadOnlyAdmin):
    list_display = ("key_public_id", "network", "first_seen_at")
    search_fields = ("=key_public_id", "=network")


@admin.register(Suspicion)
class SuspicionAdmin(ReadOnlyAdmin):
    list_display = ("hour", "kind", "subject", "count")
    list_filter = ("kind",)
    search_fields = ("=subject",)


@admin.register(ExpiryNotice)
class ExpiryNoticeAdmin(ReadOnlyAdmin):
    list_display = ("key", "expires_at", "days_before", "sent_at", "sent_to")
