"""How staff sign in: a name, a password, and the code of the second factor where they have one."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from portal import sign_in_limits
from portal.second_factor import accepted, has_one

_REFUSED = (
    "That is not the code of this moment, or it was used. Wait for the next one and try again."
)
_TOO_MANY = "Too many sign-ins went wrong. Wait for 15 minutes and try again."
_CODE = {"autocomplete": "one-time-code", "inputmode": "text", "spellcheck": "false"}


class SignInForm(AuthenticationForm):  # type: ignore[misc]
    code = forms.CharField(
        required=False,
        max_length=20,
        widget=UnfoldAdminTextInputWidget(attrs=_CODE),
        help_text="From your authenticator app, or a spare code. Empty if you have set up neither.",
    )

    def clean(self) -> dict[str, Any]:
        said = self._with_password()
        user = self.get_user()
        if user is not None and has_one(user):
            device = accepted(user, said.get("code") or "")
            if device is None:
                self.user_cache = None
                raise ValidationError({"code": _REFUSED if said.get("code") else "Enter the code."})
            user.otp_device = device
        return said

    def _with_password(self) -> dict[str, Any]:
        """Look at name and password, unless too many were wrong; a wrong one is noted."""
        name = self.cleaned_data.get("username") or ""
        if sign_in_limits.is_barred(self.request, name):
            raise ValidationError(_TOO_MANY)
        try:
            said: dict[str, Any] = super().clean()
        except ValidationError:
            sign_in_limits.note_refusal(self.request, name)
            raise
        return said


class CodeForm(forms.Form):
    """The first code of an app that is being set up."""

    code = forms.CharField(
        max_length=20,
        widget=UnfoldAdminTextInputWidget(attrs=_CODE),
        help_text="The six digits that the app shows now.",
    )
