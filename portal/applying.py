"""What an applicant fills in, and how a machine that does is told apart without asking anybody else."""

from typing import Any

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError

from customers.models import Application

# Nobody reads and fills in seven fields in less; a page left open for a day is stale.
LEAST_SECONDS, MOST_SECONDS = 3, 24 * 60 * 60
_SALT = "portal.applying"
_AGAIN = "The page was open too short or too long. Look over what you wrote, and send it once more."


class ApplicationForm(forms.ModelForm):  # type: ignore[type-arg]
    """Two fields are not for people: one that they do not see, and when the page was opened, signed."""

    website = forms.CharField(required=False, label="Leave this empty")
    opened = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Application
        fields = (
            "business_name",
            "business_type",
            "tax_id",
            "contact_name",
            "contact_email",
            "monthly_volume",
            "notes",
        )
        widgets = {"notes": forms.Textarea(attrs={"rows": 5, "maxlength": 2000})}  # noqa: RUF012

    def __init__(self, *args: Any, **said: Any) -> None:
        super().__init__(*args, **said)
        self.fields["website"].widget.attrs = {"tabindex": "-1", "autocomplete": "off"}
        self.fields["opened"].initial = signing.TimestampSigner(salt=_SALT).sign("apply")
        for name, hint in (("contact_name", "name"), ("contact_email", "email")):
            self.fields[name].widget.attrs["autocomplete"] = hint
        self.fields["business_name"].widget.attrs["autocomplete"] = "organization"
        for name, field in self.fields.items():
            if self.is_bound and name in self.errors:
                field.widget.attrs |= {
                    "aria-invalid": "true",
                    "aria-describedby": f"id_{name}_error",
                }

    @property
    def is_of_a_machine(self) -> bool:
        """Whether the field that people do not see was filled in."""
        return bool(self.cleaned_data["website"])

    @property
    def facts(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.Meta.fields}

    def people_see(self) -> list[forms.BoundField]:
        return [self[name] for name in self.Meta.fields]

    def clean_tax_id(self) -> str:
        """Write it as everybody does, so that one business is not two."""
        return "".join(self.cleaned_data["tax_id"].split()).upper()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if any("\0" in value for value in cleaned.values() if isinstance(value, str)):
            raise ValidationError("Something here is no text. Type it instead of pasting it.")
        opened = self.data.get(self.add_prefix("opened"), "")
        if not _is_of_a_person(opened):
            fresh = {self.add_prefix("opened"): self.fields["opened"].initial}
            self.data = {**self.data.dict(), **fresh}  # type: ignore[attr-defined]
            raise ValidationError(_AGAIN)
        return cleaned

    def validate_unique(self) -> None:
        """Who waits already is thanked again, and not told by whom else this address was used."""

    def validate_constraints(self) -> None:
        """The same: the database's own constraints are held where the row is written."""


def _is_of_a_person(opened: str) -> bool:
    signer = signing.TimestampSigner(salt=_SALT)
    try:
        signer.unsign(opened, max_age=MOST_SECONDS)
    except signing.BadSignature:
        return False
    try:
        signer.unsign(opened, max_age=LEAST_SECONDS)
    except signing.SignatureExpired:
        return True
    return False
