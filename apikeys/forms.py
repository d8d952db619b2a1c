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


class RevokeForm(forms.Form):
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
