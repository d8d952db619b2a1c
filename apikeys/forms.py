"""What staff say of keys, held against what a key may say before anything is written."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from apikeys import keys
from apikeys.models import ApiKey, Scope
from apikeys.networks import networks_of

SHOWN, BY_LINK = "shown", "by_link"
_HOW = ((SHOWN, "Show the key to me, once"), (BY_LINK, "Make a link by which the partner gets it"))


class NetworksField(forms.CharField):
    """Networks as people write them: a line each."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        return networks_of((value or "").split())


class KeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new key, or what may be changed of one."""

    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None checked: all of them.",
    )
    allowed_networks = NetworksField(
        required=False, help_text="A line each, as 203.0.113.0/24. Empty: from anywhere."
    )
    how = forms.ChoiceField(choices=_HOW, required=False, widget=UnfoldAdminSelectWidget)

    class Meta:
        model = ApiKey
        fields = ("customer", "mode", *keys.CHANGEABLE)
        help_texts = {"mode": "A test key reads the sandbox, not the customer's own view."}  # noqa: RUF012 - as Django declares it

    def __init__(self, *args: Any, **says: Any) -> None:
        """Let a page carry what it showed: by the time it is saved the key may say another thing."""
        super().__init__(*args, **says)
        for name in self._changeable():
            self.fields[name].show_hidden_initial = True

    def clean(self) -> dict[str, Any]:
        says: dict[str, Any] = super().clean() or self.cleaned_data
        for name in self.changes():
            self._refuse_stale(name)
        if "expires_at" in self.changes():
            try:
                keys.refuse_past(self.instance, says.get("expires_at"))
            except forms.ValidationError as error:
                self.add_error("expires_at", error)
        return says

    def changes(self) -> list[str]:
        """Return what somebody changed on the page: nothing else is written."""
        return [name for name in self._changeable() if name in self.changed_data]

    def _changeable(self) -> list[str]:
        there = self.instance.pk is not None
        return [name for name in keys.CHANGEABLE if there and name in self.fields]

    def _refuse_stale(self, name: str) -> None:
        bound = self[name]
        shown = bound.field.hidden_widget().value_from_datadict(
            self.data, self.files, bound.html_initial_name
        )
        if bound.field.has_changed(bound.initial, shown):
            self.add_error(name, "Somebody changed this since the page was opened. Open it anew.")


class RevokeForm(forms.Form):
    """A key that has ended is not brought back, so the word is typed."""

    confirm = forms.RegexField(
        r"\A\s*(?i:revoke)\s*\Z",
        label="Type revoke",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        error_messages={"invalid": "Type the word revoke. Nothing was done."},
    )
    reason = forms.CharField(
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text="It stands in the audit. From its next request on the key is refused, for good.",
    )


class RotateForm(forms.Form):
    overlap_days = forms.IntegerField(
        min_value=0,
        max_value=365,
        initial=keys.OVERLAP_DAYS,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="For so many days the old key works beside the new one.",
    )
    how = forms.ChoiceField(choices=_HOW, widget=UnfoldAdminSelectWidget)
