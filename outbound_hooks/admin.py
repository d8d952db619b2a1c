"""Staff pages of endpoints, of what was sent to them, and of every attempt."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from contract.snapshots import ContractInactive
from groundwork.admin import ReadOnlyAdmin, among, confirmation
from groundwork.sealing import seal, unseal
from outbound_hooks import endpoints
from outbound_hooks.addresses import AddressRefused, checked_url
from outbound_hooks.endpoints import EndpointRefused
from outbound_hooks.models import FACETS, Attempt, Delivery, Endpoint
from outbound_hooks.pings import pinged
from outbound_hooks.rendering import KINDS
from outbound_hooks.replays import chosen, replay

# One waits for all of them on the page.
_MOST_PINGED = 3
_WAITING = "endpoint_secrets"  # in the session, until the page that shows them


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]
    """What staff say of an endpoint; its URL is looked up before anything is written."""

    facets = forms.MultipleChoiceField(
        choices=[(facet, facet) for facet in FACETS],
        initial=list(FACETS),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What appears and goes is told in any case.",
    )

    def clean_url(self) -> str:
        try:
            return checked_url(self.cleaned_data["url"])
        except AddressRefused as refused:
            raise ValidationError(str(refused)) from refused


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin):
    form = EndpointForm
    says = ("url", "facets", "description", "signs_body")
    list_display = (
        "public_id",
        "customer",
        "url",
        "facets",
        "is_enabled",
        "failures",
        "failing_since",
        "disabled_reason",
    )
    list_filter = ("is_enabled", ("failing_since", admin.EmptyFieldListFilter))
    search_fields = ("=public_id", "customer__name", "customer__slug", "url")
    actions = ("ping", "rotate", "enable", "disable", "replay_dead")

    def get_fields(self, request: HttpRequest, obj: Endpoint | None = None) -> tuple[str, ...]:  # noqa: ARG002
        return self.says if obj else ("customer", *self.says)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return bool(request.user.has_perm("outbound_hooks.add_endpoint"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return bool(request.user.has_perm("outbound_hooks.change_endpoint"))

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:  # noqa: FBT001 - as Django calls it
        actor = request.user.get_username()
        if change:
            says = {name: form.cleaned_data[name] for name in form.changed_data}
            endpoints.change(obj, actor=actor, **says)
            return
        says = {name: form.cleaned_data[name] for name in self.says}
        made, secret = endpoints.add(form.cleaned_data["customer"].pk, actor=actor, **says)
        obj.pk = made.pk
        request._made = [(made, secret)]  # type: ignore[attr-defined]  # noqa: SLF001 - our own

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except EndpointRefused as refused:
            self.message_user(request, f"Nothing was saved. {refused}", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Leave one way to save: the secret is shown, whatever comes next."""
        one_way = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **one_way})

    def get_urls(self) -> list[Any]:
        shown = self.admin_site.admin_view(self.secrets_view)
        return [
            path("secrets/", shown, name="outbound_hooks_endpoint_secrets"),
            *super().get_urls(),
        ]

    def response_add(
        self,
        request: HttpRequest,
        obj: Any,  # noqa: ARG002 - as Django calls it
        post_url_continue: Any = None,  # noqa: ARG002
    ) -> HttpResponse:
        return self._to_be_shown(request, request._made)  # type: ignore[attr-defined]  # noqa: SLF001

    def _to_be_shown(self, request: HttpRequest, made: list[Any], **said: Any) -> HttpResponse:
        """Lead to the page of secrets, so that sending the form again makes no others.

        They wait for it sealed, in the session: a message would be kept in a cookie.
        """
        waiting = [[endpoint.pk, seal(secret).decode()] for endpoint, secret in made]
        request.session[_WAITING] = {"made": waiting, **said}
        return HttpResponseRedirect(reverse("admin:outbound_hooks_endpoint_secrets"))

    def secrets_view(self, request: HttpRequest) -> HttpResponse:
        """Show what was just made, this once."""
        if not self.has_operate_permission(request):
            raise PermissionDenied
        said = request.session.pop(_WAITING, None)
        if said is None:
            told = "Secrets are shown once. Rotate an endpoint's where one was not written down."
            self.message_user(request, told, messages.WARNING)
            return HttpResponseRedirect(reverse("admin:outbound_hooks_endpoint_changelist"))
        sealed = dict(said["made"])
        rows = Endpoint.objects.filter(pk__in=sealed).select_related("customer").order_by("pk")
        context = {
            **self.admin_site.each_context(request),
            "title": "Shown this once",
            "opts": self.opts,
            "made": [(each, unseal(sealed[each.pk].encode())) for each in rows],
            "is_rotation": said.get("is_rotation", False),
        }
        page = TemplateResponse(request, "admin/outbound_hooks/secrets.html", context)
        page["Cache-Control"] = "no-store"
        return page

    @admin.action(
        description="Rotate: a new secret, both sign for 24 hours", permissions=["operate"]
    )
    def rotate(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> HttpResponse:
        actor = request.user.get_username()
        made = [
            (endpoint, endpoints.rotate(endpoint, actor=actor))
            for endpoint in queryset.select_related("customer").order_by("pk")
        ]
        return self._to_be_shown(request, made, is_rotation=True)

    @admin.action(description="Ping: send a test message", permissions=["operate"])
    def ping(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        if queryset.count() > _MOST_PINGED:
            told = f"A ping may take 15 seconds. Choose at most {_MOST_PINGED} endpoints."
            self.message_user(request, told, messages.ERROR)
            return
        for endpoint in queryset:
            _, answer = pinged(endpoint)
            said = f"{answer.error or answer.status} {answer.text[:100]}".strip()
            level = messages.SUCCESS if answer.is_success else messages.ERROR
            self.message_user(request, f"{endpoint}: {said}", level)

    @admin.action(description="Enable: send again from where it stood", permissions=["operate"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        for endpoint in queryset:
            try:
                endpoints.enable(endpoint, actor=request.user.get_username())
                self.message_user(request, f"{endpoint} is enabled.", messages.SUCCESS)
            except AddressRefused as refused:
                self.message_user(request, f"{endpoint}: {refused}", messages.ERROR)

    @admin.action(description="Disable: send nothing more", permissions=["operate"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> HttpResponse | None:
        """Ask first: a partner that is sent nothing does not notice."""
        theirs = queryset.filter(is_barred=False).select_related("customer").order_by("pk")
        if "apply" not in request.POST:
            return self._asked_to_disable(request, theirs)
        actor = request.user.get_username()
        for endpoint in theirs:
            endpoints.disable(
                endpoint, actor=actor, reason="Your supplier disabled it.", is_barred=True
            )
            self.message_user(request, f"{endpoint} is disabled.", messages.SUCCESS)
        return None

    def _asked_to_disable(
        self, request: HttpRequest, theirs: QuerySet[Endpoint]
    ) -> HttpResponse | None:
        words = [(each.pk, f"{each.url}, of {each.customer}") for each in theirs]
        if not words:
            self.message_user(request, "Staff disabled all of these already.", messages.INFO)
            return None
        title = (
            f"Disable {len(words)} endpoint{'' if len(words) == 1 else 's'}: nothing is sent there"
        )
        return confirmation(self, request, words, title=title, action="disable", verb="Disable")

    @admin.action(
        description="Replay dead letters: tell them as they are now", permissions=["operate"]
    )
    def replay_dead(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        for endpoint in queryset:
            _replayed(self, request, endpoint, chosen(endpoint))

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("outbound_hooks.change_endpoint"))


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = (
        "message_id",
        "endpoint",
        "kind",
        "status",
        "attempts",
        "created_at",
        "ended_at",
        "next_attempt_at",
        "reason",
    )
    list_select_related = ("endpoint",)
    list_filter = ("status", ("kind", among(*KINDS)))
    search_fields = ("=message_id", "=endpoint__public_id", "=correlation_id")
    actions = ("replay",)

    @admin.action(description="Replay: tell it as it is now", permissions=["operate"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        ended = queryset.exclude(status="pending").exclude(kind="ping")
        for endpoint in Endpoint.objects.filter(delivery__in=ended).distinct():
            _replayed(self, request, endpoint, ended.filter(endpoint=endpoint).order_by("pk"))

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("outbound_hooks.change_delivery"))


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = (
        "delivery",
        "number",
        "started_at",
        "status",
        "error",
        "milliseconds",
        "address",
    )
    list_select_related = ("delivery",)
    search_fields = ("=delivery__message_id",)


def _replayed(page: Any, request: HttpRequest, of: Endpoint, told: QuerySet[Delivery]) -> None:
    actor = request.user.get_username()
    try:
        count, put = replay(of, told, actor=actor)
    except ContractInactive:
        page.message_user(request, f"{of}: its customer has no contract now.", messages.ERROR)
        return
    page.message_user(request, f"{of}: {count} told once more, in {put} messages.")
