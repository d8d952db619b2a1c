"""What staff ask of a customer's view, read from the address of a page and refused at the field."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
)

from customers.models import Customer
from groundwork.selects import LongSelect

_NUL = "This holds what cannot be typed. Type it anew."


class Text(forms.CharField):
    """Text that a person typed."""

    widget = UnfoldAdminTextInputWidget
    default_error_messages = {"null_characters_not_allowed": _NUL}  # noqa: RUF012


class SearchForm(forms.Form):
    q = Text(required=False, max_length=100, label="SKU or name")


class WhyForm(forms.Form):
    """A SKU, a quantity, and an instant of the past or none for now."""

    sku = Text(max_length=120, label="SKU")
    quantity = forms.IntegerField(
        min_value=1, max_value=10_000_000, initial=1, widget=UnfoldAdminIntegerFieldWidget
    )
    at = forms.DateTimeField(
        required=False,
        label="At",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "now"}),
        help_text="A day or a time, as 2026-03-03 12:00. Empty: now.",
    )

    def clean_at(self) -> datetime | None:
        at: datetime | None = self.cleaned_data["at"]
        if at and at > timezone.now():
            raise forms.ValidationError("This is to come. Give a time that has passed, or none.")
        return at


class CompareForm(SearchForm):
    other = forms.ModelChoiceField(
        Customer.objects.order_by("name"), label="With", widget=LongSelect
    )

    def __init__(self, data: Any, *, but: Customer) -> None:
        super().__init__(data)
        field: Any = self.fields["other"]
        field.queryset = Customer.objects.exclude(pk=but.pk).order_by("name")
        field.widget.choices = [("", "Choose"), *field.queryset.values_list("pk", "name")]
