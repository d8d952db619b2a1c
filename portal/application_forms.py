"""What staff say when they decide an application."""

from typing import Any

from django import forms
from django.utils.text import slugify
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from catalog_mirror.models import SANDBOX_SOURCE, Source
from customers.applications import Admission
from customers.models import Application, Customer, Tier, VisibilityTemplate


class ApprovalForm(forms.ModelForm):  # type: ignore[type-arg]
    """The customer to be, with its terms and its first rules."""

    tier = forms.ModelChoiceField(
        Tier.objects.order_by("name"),
        required=False,
        empty_label="No tier",
        widget=UnfoldAdminSelectWidget,
        help_text="It sees and pays what its tier does.",
    )
    currency = forms.RegexField(
        r"\A[A-Z]{3}\Z",
        widget=UnfoldAdminTextInputWidget,
        error_messages={"invalid": "A currency has three capital letters, as in USD."},
    )
    template = forms.ModelChoiceField(
        VisibilityTemplate.objects.order_by("name"),
        required=False,
        empty_label="None: what its tier sees",
        label="Visibility template",
        widget=UnfoldAdminSelectWidget,
        help_text="Its lines become rules of the customer's own.",
    )

    class Meta:
        model = Customer
        fields = ("name", "slug", "contact_email", "payment_terms", "credit_limit")
        widgets = {  # noqa: RUF012 - as Django declares it
            "name": UnfoldAdminTextInputWidget,
            "slug": UnfoldAdminTextInputWidget,
            "contact_email": UnfoldAdminEmailInputWidget,
            "payment_terms": UnfoldAdminSelectWidget,
            "credit_limit": UnfoldAdminDecimalFieldWidget,
        }
        help_texts = {  # noqa: RUF012
            "slug": "Part of files and addresses; it never changes.",
            "contact_email": "Notices go there, and the link to its first key goes to the applicant.",
        }

    def __init__(self, *args: Any, application: Application, **said: Any) -> None:
        name = application.business_name
        source = Source.objects.exclude(pk=SANDBOX_SOURCE).order_by("pk").first()
        initial = {
            "name": name,
            "slug": slugify(name)[:60],
            "contact_email": application.contact_email,
            "currency": source.currency if source else "USD",
        }
        super().__init__(*args, **{"initial": initial} | said)
        self.fields["contact_email"].required = True

    def admission(self) -> Admission:
        return Admission(**{name: self.cleaned_data[name] for name in Admission.__annotations__})


class NoteForm(forms.Form):
    """Why an application is turned down."""

    note = forms.CharField(
        max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        error_messages={"required": "Say why: the applicant is told."},
        help_text="Sent to the applicant, word for word.",
    )


class BlockForm(forms.Form):
    note = forms.CharField(
        max_length=1000,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="For us alone. The applicant hears nothing, and cannot apply again.",
    )
